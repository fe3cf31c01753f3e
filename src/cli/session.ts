import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Command } from 'commander'
import type { ManageContext } from '../index.ts'
import { readActor } from './actor.ts'
import { type Connection, connect, type Purpose, type Target } from './connection.ts'
import { CommandFailure, type ExitCode, exitCodes, throwIfInterrupted } from './failure.ts'
import type { Terminal } from './terminal.ts'
import { jsonText } from './visible-text.ts'

/** One run of the program. */
export interface Session {
  readonly terminal: Terminal
  readonly variables: NodeJS.ProcessEnv
  /** The folder that the program was called in. */
  readonly folder: string
  /** Is aborted by SIGINT. */
  readonly signal: AbortSignal
  /** Keeps what a command ends with: one of the exit codes. */
  end(code: ExitCode): void
}

/** Options that every command takes. */
export interface GlobalOptions {
  readonly config?: string
  readonly json?: boolean
  readonly actor?: string
  readonly debug?: boolean
}

/** What a command that needs a keyward works with. */
export interface Work extends Connection {
  readonly terminal: Terminal
  readonly isJson: boolean
  /** Who acts. */
  readonly context: ManageContext
  /** Stops long work between two steps. @throws {CommandFailure} After SIGINT. */
  checkInterrupted(): Promise<void>
  /** Writes a JSON document. */
  json(value: unknown): Promise<void>
}

/** Options of a command, with those of all commands. */
export function globalOptions(command: Command): GlobalOptions {
  return command.optsWithGlobals<GlobalOptions>()
}

/** Where a command shall go. */
export function targetOf({ folder, variables }: Session, command: Command): Target {
  return { config: globalOptions(command).config, folder, variables }
}

/** Opens a keyward, does a command's work, and closes it, whatever happens. */
export async function withKeyward(
  session: Session,
  command: Command,
  purpose: Purpose,
  work: (work: Work) => Promise<ExitCode | undefined>,
): Promise<void> {
  const { actor: named, json = false } = globalOptions(command)
  const actor = readActor(named)
  const connection = await connect(targetOf(session, command), purpose)
  try {
    const code = await work({
      ...connection,
      terminal: session.terminal,
      isJson: json,
      context: { actor },
      async checkInterrupted() {
        // SQLite answers without a turn of the event loop, in which alone a signal arrives.
        await nextTurn()
        throwIfInterrupted(session.signal)
      },
      json: (value) => session.terminal.out(`${jsonText(value)}\n`),
    })
    session.end(code ?? exitCodes.ok)
  } finally {
    session.terminal.endProgress()
    await connection.close()
  }
}

/** Reads a whole number of an option. @throws {CommandFailure} Naming the option and its range. */
export function readWhole(option: string, text: string, [min, max]: readonly [number, number]): number {
  const number = /^-?\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(number) && number >= min && number <= max) return number
  throw new CommandFailure(`${option} must be a whole number from ${min} to ${max}.`, exitCodes.usage)
}

/** Collects an option that may be given several times, or once with commas between. */
export function collect(text: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), ...text.split(',').map((part) => part.trim())]
}
