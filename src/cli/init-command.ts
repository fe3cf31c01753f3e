import { writeFileSync } from 'node:fs'
import { basename, join, relative } from 'node:path'
import { type Command, Option } from 'commander'
import { openStore } from './backends.ts'
import { configNames, findConfig } from './config-file.ts'
import { type ConfigChoice, configText, packagesFor } from './config-template.ts'
import { type DatabaseAddress, readEnvironment } from './environment.ts'
import { CommandFailure, describeFailure, exitCodes } from './failure.ts'
import { migrations } from './migrate-command.ts'
import { packageVersion } from './project-package.ts'
import { globalOptions, type Session } from './session.ts'
import { jsonText } from './visible-text.ts'

const DEFAULT_FILE = 'keyward.db'

interface InitOptions {
  readonly store?: DatabaseAddress['kind']
  readonly redis?: boolean
  readonly ts?: boolean
}

/** Adds `init`. */
export function addInitCommand(program: Command, session: Session): void {
  program
    .command('init')
    .summary('write a configuration, and make the tables')
    .description(
      'Writes keyward.config.mjs, which your server and this program share, and makes the tables. It never overwrites. Addresses stay in the environment: the file holds no password.',
    )
    .addOption(
      new Option('--store <kind>', 'where keys are kept; default: as DATABASE_URL says, else sqlite').choices([
        'sqlite',
        'postgres',
        'mysql',
      ]),
    )
    .option('--redis', 'count in Redis, for several servers; default: if REDIS_URL is set')
    .option('--ts', 'write keyward.config.ts')
    .addHelpText(
      'after',
      `
Examples:
  $ keyward init
  $ keyward init --ts
  $ DATABASE_URL=postgres://app@localhost/app keyward init
  $ keyward init --store postgres --redis`,
    )
    .action((options: InitOptions, command: Command) => init(session, options, globalOptions(command).json ?? false))
}

async function init({ folder, variables, terminal }: Session, options: InitOptions, isJson: boolean): Promise<void> {
  const there = findConfig(undefined, folder)
  if (there !== undefined)
    throw new CommandFailure(`${basename(there)} is there already; nothing was changed.`, exitCodes.conflict, [
      'keyward migrate     makes the tables',
      'keyward doctor      checks the setup',
    ])
  const { database, redisUrl } = readEnvironment(variables, folder)
  const kind = options.store ?? database?.kind ?? 'sqlite'
  const choice: ConfigChoice = {
    kind,
    file: database?.kind === 'sqlite' ? relative(folder, database.file) : DEFAULT_FILE,
    hasRedis: options.redis ?? (redisUrl !== undefined || kind === 'mysql'),
    isTypeScript: options.ts ?? false,
  }
  const name = choice.isTypeScript ? configNames[0] : configNames[1]
  writeFileSync(join(folder, name), configText(choice), { flag: 'wx' })
  const address = addressFor(choice, database, folder)
  const applied = address === undefined ? undefined : await firstMigration(address, folder, name)
  if (isJson) await terminal.out(`${jsonText({ config: name, store: kind, applied: applied ?? null })}\n`)
  else await terminal.out(nextSteps(choice, name, applied, missingPackages(choice, folder)))
}

/** The database that the new file will use; `undefined` where the environment does not say yet. */
function addressFor(
  choice: ConfigChoice,
  database: DatabaseAddress | undefined,
  folder: string,
): DatabaseAddress | undefined {
  if (database?.kind === choice.kind) return database
  return choice.kind === 'sqlite' ? { kind: 'sqlite', file: join(folder, choice.file) } : undefined
}

async function firstMigration(address: DatabaseAddress, folder: string, name: string): Promise<readonly string[]> {
  try {
    const { value: store, close } = await openStore(address, folder)
    try {
      return (await store.migrate?.()) ?? []
    } finally {
      await close()
    }
  } catch (error) {
    const { message, exitCode, advice } = describeFailure(error)
    throw new CommandFailure(
      `${name} is written, but the tables could not be made: ${message}`,
      exitCode,
      [...advice, 'keyward migrate     makes them, once that is mended'],
      error,
    )
  }
}

function missingPackages(choice: ConfigChoice, folder: string): readonly string[] {
  return ['keyward', ...packagesFor(choice)].filter((name) => packageVersion(name, folder) === undefined)
}

function nextSteps(
  choice: ConfigChoice,
  name: string,
  applied: readonly string[] | undefined,
  missing: readonly string[],
): string {
  const { kind, file } = choice
  const tables =
    applied === undefined
      ? []
      : applied.length === 0
        ? ['The tables are there already.']
        : [`Made the tables${kind === 'sqlite' ? ` in ${file}` : ''} (${migrations(applied.length)}).`]
  const steps = [
    ...(missing.length > 0 ? [`Install what it imports:\n     npm install ${missing.join(' ')}`] : []),
    ...(applied === undefined ? ['Set DATABASE_URL, and make the tables:\n     npx keyward migrate'] : []),
    `Give it to your server:\n     import { createKeyward } from 'keyward'\n     import options from './${name}'\n     export const keyward = createKeyward(options)`,
    'Make a key:\n     npx keyward keys create --owner acme --name Production',
    'Check the setup:\n     npx keyward doctor',
    ...(kind === 'sqlite' ? [`Keep ${file}* out of git, and in your backups.`] : []),
  ]
  return [`Wrote ${name}.`, ...tables, '', 'Next:', ...steps.map((step, index) => `  ${index + 1}. ${step}`), ''].join(
    '\n',
  )
}
