import { inspect } from 'node:util'
import { CommanderError } from 'commander'
import { CommandFailure, describeFailure, type ExitCode, exitCodes } from './failure.ts'
import { createProgram } from './program.ts'
import { createRedaction } from './redaction.ts'
import { createTerminal, type Streams, type Terminal } from './terminal.ts'
import { visible } from './visible-text.ts'

/** What a run of the program is given. */
export interface RunInput {
  /** Arguments after the program's name. */
  readonly arguments: readonly string[]
  readonly variables: NodeJS.ProcessEnv
  readonly folder: string
  readonly streams: Streams
  /** Is aborted by SIGINT. */
  readonly signal: AbortSignal
}

/** How long a command may take to end by itself after SIGINT. */
const INTERRUPT_MS = 4_000

/** Runs the program once. Whatever goes wrong is one sentence on stderr and an exit code; it never rejects. */
export async function run(input: RunInput): Promise<ExitCode> {
  const { variables, signal } = input
  const redact = createRedaction([variables['DATABASE_URL'], variables['REDIS_URL']])
  const terminal = createTerminal(input.streams, variables, redact, signal)
  try {
    checkArguments(input.arguments)
    return await Promise.race([act(input, terminal), interruption(signal)])
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage
    return report(error, terminal, input.arguments.includes('--debug'))
  }
}

async function act({ variables, folder, signal, arguments: words }: RunInput, terminal: Terminal): Promise<ExitCode> {
  let code: ExitCode = exitCodes.ok
  const end = (ended: ExitCode) => {
    code = ended
  }
  const program = createProgram({ terminal, variables, folder, signal, end })
  if (words.length === 0) {
    await terminal.out(program.helpInformation())
    return exitCodes.usage
  }
  await program.parseAsync(words, { from: 'user' })
  return code
}

/** A change that is under way may end; a server that hangs is not waited for. */
function interruption(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const interrupted = () => reject(new CommandFailure('Interrupted.', exitCodes.interrupted))
    signal.addEventListener('abort', () => void setTimeout(interrupted, INTERRUPT_MS).unref())
  })
}

/** @throws {CommandFailure} When an argument is an API key: it is in the shell's history then. */
function checkArguments(words: readonly string[]): void {
  if (words.some((word) => LOOKS_LIKE_KEY.test(word)))
    throw new CommandFailure(
      'An argument looks like an API key, which is now in the history of your shell and was visible to other users of this machine. Rotate it, and give keys on stdin.',
      exitCodes.usage,
      ['keyward keys show --stdin < file'],
    )
}

const LOOKS_LIKE_KEY = /(^|[=:\s])[a-z][a-z0-9_]{0,31}_[0-9A-Za-z]{43,}/

async function report(error: unknown, terminal: Terminal, isDebug: boolean): Promise<ExitCode> {
  const { message, advice, exitCode } = describeFailure(error)
  await terminal.say(`${terminal.styleSaid('red', 'keyward:')} ${visible(message)}\n`)
  for (const line of advice) await terminal.say(`  ${line}\n`)
  if (isDebug) await terminal.say(`\n${inspect(error, { depth: 6 })}\n`)
  return exitCode
}
