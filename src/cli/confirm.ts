import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { addAbortSignal } from 'node:stream'
import { CommandFailure, exitCodes, throwIfInterrupted } from './failure.ts'
import type { Terminal } from './terminal.ts'
import { visible } from './visible-text.ts'

/**
 * Asks before something that cannot be undone.
 *
 * @param question - What is about to happen, as a question.
 * @param expected - Text that must be typed; `undefined` takes y or yes.
 * @throws {CommandFailure} When the answer is no; after SIGINT, whatever was typed; or, with exit code 2, where nobody can be asked and `--yes` was not given.
 */
export async function confirm(terminal: Terminal, isSure: boolean, question: string, expected?: string): Promise<void> {
  if (isSure) return
  if (!terminal.isInteractive)
    throw new CommandFailure(
      'This needs a confirmation, and there is no terminal to ask at: add --yes.',
      exitCodes.usage,
    )
  const hint = expected === undefined ? ' [y/N] ' : `\nType ${terminal.styleSaid('bold', visible(expected))} to go on: `
  const answer = await ask(terminal, `${visible(question)}${hint}`)
  const isYes = expected === undefined ? /^y(es)?$/i.test(answer) : answer === expected.trim()
  if (!isYes) throw new CommandFailure('Nothing was changed.', exitCodes.failed)
}

/** Asks for one line. What is typed is shown: it is no secret. */
async function ask({ streams, interrupted }: Terminal, prompt: string): Promise<string> {
  const reader = createInterface({
    input: streams.stdin,
    output: streams.stderr,
    terminal: streams.stderr.isTTY === true,
    signal: interrupted,
  })
  const ending = new AbortController()
  try {
    reader.on('SIGINT', () => void process.emit('SIGINT'))
    const answered = new Promise<string>((resolve) => void reader.question(prompt, resolve))
    // The end of input is no answer.
    const closed = once(reader, 'close', { signal: ending.signal }).then(
      () => '',
      () => '',
    )
    const answer = await Promise.race([answered, closed])
    if (interrupted.aborted) streams.stderr.write('\n')
    throwIfInterrupted(interrupted)
    return answer.trim()
  } finally {
    ending.abort()
    reader.close()
  }
}

/** The most that is read for a key: no key is longer. */
const MAX_SECRET_CHARACTERS = 1_024

/**
 * Reads one line of stdin that must not be in the shell's history, without showing it.
 *
 * @throws {CommandFailure} Where there is none, and after SIGINT.
 */
export async function readSecret(terminal: Terminal, what: string): Promise<string> {
  const { stdin } = terminal.streams
  const text = stdin.isTTY === true ? await askHidden(terminal, `${what} (not shown): `) : await readAll(terminal)
  throwIfInterrupted(terminal.interrupted)
  const secret = text.trim()
  if (secret === '') throw new CommandFailure(`stdin must hold ${what.toLowerCase()}, and was empty.`, exitCodes.usage)
  if (/\s/.test(secret) || secret.length > MAX_SECRET_CHARACTERS)
    throw new CommandFailure(`stdin must hold ${what.toLowerCase()} and nothing else.`, exitCodes.usage)
  return secret
}

async function readAll({ streams: { stdin }, interrupted }: Terminal): Promise<string> {
  let text = ''
  try {
    for await (const chunk of addAbortSignal(interrupted, stdin)) {
      text += String(chunk)
      if (text.length > 4 * MAX_SECRET_CHARACTERS) break
    }
  } catch (error) {
    throwIfInterrupted(interrupted)
    throw error
  }
  return text
}

async function askHidden({ streams, interrupted }: Terminal, prompt: string): Promise<string> {
  const reader = createInterface({ input: streams.stdin, terminal: true, signal: interrupted })
  streams.stderr.write(prompt)
  try {
    reader.on('SIGINT', () => void process.emit('SIGINT'))
    return await new Promise<string>((resolve) => {
      reader.once('line', resolve)
      reader.once('close', () => resolve(''))
    })
  } finally {
    reader.close()
    streams.stderr.write('\n')
  }
}
