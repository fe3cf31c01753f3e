import { Command } from 'commander'
import { addAuditCommands } from './audit-commands.ts'
import { addCreditCommands } from './credit-commands.ts'
import { addDoctorCommand } from './doctor-command.ts'
import { readManifest } from './doctor-programs.ts'
import { addEndCommands } from './end-commands.ts'
import { addInitCommand } from './init-command.ts'
import { addIssueCommands } from './issue-commands.ts'
import { addLookCommands } from './look-commands.ts'
import { addMigrateCommand } from './migrate-command.ts'
import { addPolicyCommands } from './policy-commands.ts'
import type { Session } from './session.ts'
import { addUsageCommands } from './usage-commands.ts'

const MAX_HELP_COLUMNS = 100

const overview = `
Where to:
  keyward.config.{ts,mjs,js} in this folder, or --config FILE; else DATABASE_URL
  (sqlite:PATH, postgres://…, mysql://…) and REDIS_URL. A .env file is read by
  Node.js: node --env-file=.env node_modules/.bin/keyward …

Exit codes:
  0 done   1 failed   2 wrong usage or configuration   3 not found   4 conflict
  5 stored, and the fence waits for the gate   6 a server did not answer   130 interrupted

Examples:
  $ keyward init
  $ keyward keys create --owner acme --name Production
  $ keyward keys revoke key_01JD…
  $ keyward doctor`

/** Makes the program: every command, over one session. */
export function createProgram(session: Session): Command {
  const { terminal } = session
  const program = new Command('keyward')
  program
    .description('Issues API keys and looks after them, beside the servers that check them.')
    .version(readManifest().version, '-v, --version', 'print the version')
    .option('-c, --config <file>', 'file that exports the options of createKeyward')
    .option('--json', 'print JSON: one document, { items, nextCursor } for lists')
    .option('--actor <name>', 'who acts, in the audit trail; default: cli:<user>')
    .option('--debug', 'print the whole error, with its causes')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help')
    .addHelpText('after', overview)
  addInitCommand(program, session)
  addMigrateCommand(program, session)
  addKeyCommands(program, session)
  addCreditCommands(program, session)
  addUsageCommands(program, session)
  addAuditCommands(program, session)
  addPolicyCommands(program, session)
  addDoctorCommand(program, session)
  const helpWidth = Math.min(terminal.columns, MAX_HELP_COLUMNS)
  setUp(program, (command) =>
    command
      .configureHelp({ helpWidth, showGlobalOptions: true })
      .configureOutput({
        writeOut: (text) => void terminal.out(text),
        writeErr: (text) => void terminal.say(text),
        outputError: (text, write) => write(text.replace(/^error: /, 'keyward: ')),
      })
      .showSuggestionAfterError(true)
      .exitOverride(),
  )
  return program
}

function addKeyCommands(program: Command, session: Session): void {
  const keys = program
    .command('keys')
    .summary('create, list, rotate, revoke and purge keys')
    .description('Issues keys and changes them. Every change has its entry in the audit trail.')
  addIssueCommands(keys, session)
  addLookCommands(keys, session)
  addEndCommands(keys, session)
}

/** Commands do not hand down how they print. */
function setUp(command: Command, apply: (command: Command) => void): void {
  apply(command)
  for (const sub of command.commands) setUp(sub, apply)
}
