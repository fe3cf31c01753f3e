import type { Command } from 'commander'
import { type Backend, findBackend } from './connection.ts'
import { CommandFailure, type ExitCode, exitCodes } from './failure.ts'
import { globalOptions, type Session, targetOf } from './session.ts'
import { jsonText } from './visible-text.ts'

/** Adds `migrate`. */
export function addMigrateCommand(program: Command, session: Session): void {
  program
    .command('migrate')
    .summary('bring the database up to date')
    .description(
      'Brings the tables of keyward up to date and names what was applied. Safe to run twice, and by several at once. With --check it only looks: exit code 1 where something is to be done.',
    )
    .option('--check', 'only look')
    .addHelpText(
      'after',
      `
Examples:
  $ keyward migrate
  $ keyward migrate --check || echo "run keyward migrate before the deploy"

Servers with migrate: 'check' refuse an old schema at start: migrate before you deploy them.`,
    )
    .action(async (options: { readonly check?: boolean }, command: Command) => {
      const backend = await findBackend(targetOf(session, command))
      try {
        const isJson = globalOptions(command).json ?? false
        session.end(await (options.check ? check(backend, session, isJson) : migrate(backend, session, isJson)))
      } finally {
        await backend.close()
      }
    })
}

/** Brings a store up to date. @returns What was applied now. @throws {CommandFailure} For a store without a schema. */
async function applyMigrations({ options: { store }, source }: Backend): Promise<readonly string[]> {
  if (store.migrate === undefined)
    throw new CommandFailure(`The store of ${source} has no schema to migrate.`, exitCodes.usage)
  return store.migrate()
}

async function migrate(backend: Backend, { terminal }: Session, isJson: boolean): Promise<ExitCode> {
  const applied = await applyMigrations(backend)
  if (isJson) await terminal.out(`${jsonText({ applied })}\n`)
  else if (applied.length === 0) await terminal.out('The database is up to date.\n')
  else await terminal.out(`Applied ${migrations(applied.length)}:\n${applied.map((name) => `  ${name}\n`).join('')}`)
  return exitCodes.ok
}

async function check(
  { options: { store }, source }: Backend,
  { terminal }: Session,
  isJson: boolean,
): Promise<ExitCode> {
  const found = await store.inspect?.()
  if (found === undefined) throw new CommandFailure(`The store of ${source} has no schema to check.`, exitCodes.usage)
  const { applied, pending, unknown } = found
  if (isJson) await terminal.out(`${jsonText({ applied, pending, unknown })}\n`)
  else if (unknown.length > 0) await terminal.out(`The database is newer than this version: ${unknown.join(', ')}.\n`)
  else if (pending.length === 0) await terminal.out(`The database is up to date: ${migrations(applied.length)}.\n`)
  else await terminal.out(`${migrations(pending.length)} to apply:\n${pending.map((name) => `  ${name}\n`).join('')}`)
  return pending.length + unknown.length === 0 ? exitCodes.ok : exitCodes.failed
}

/** Says a number of migrations in words. */
export function migrations(count: number): string {
  return count === 1 ? '1 migration' : `${count} migrations`
}
