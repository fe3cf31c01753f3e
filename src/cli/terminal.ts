import type { Readable, Writable } from 'node:stream'
import { styleText } from 'node:util'

/** A colour or weight of text. */
export type Format = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan'

/** A stream that may be a terminal. */
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number }
/** A stream that a person may type into. */
export type InputStream = Readable & { readonly isTTY?: boolean }

/** Where the program reads and writes. */
export interface Streams {
  readonly stdin: InputStream
  readonly stdout: OutputStream
  readonly stderr: OutputStream
}

/** What a command talks to people and programs by. */
export interface Terminal {
  readonly streams: Streams
  /** Is aborted by SIGINT: who waits for an answer waits no longer then. */
  readonly interrupted: AbortSignal
  /** Whether somebody can be asked: both stdin and stderr are terminals. */
  readonly isInteractive: boolean
  /** Whether results go to a person's screen. */
  readonly isScreen: boolean
  /** Columns of the screen, at least 40; 100 where there is none. */
  readonly columns: number
  /** Writes results. Resolves when they were taken, so that nothing piles up before a slow reader. */
  out(text: string): Promise<void>
  /** Writes what is said about results: to stderr, without secrets. */
  say(text: string): Promise<void>
  /** Colours a part of results, on a terminal only, and unless NO_COLOR is set. */
  style(format: Format, text: string): string
  /** The same for what is said. */
  styleSaid(format: Format, text: string): string
  /** Shows how far long work is, in one line that the next replaces. On a terminal only, and at most ten times a second. */
  progress(text: string): void
  /** Removes the line of {@link Terminal.progress}. */
  endProgress(): void
}

/** How often a line of progress is written anew. */
const PROGRESS_MS = 100

/** Creates the terminal over some streams. */
export function createTerminal(
  streams: Streams,
  variables: NodeJS.ProcessEnv,
  redact: (text: string) => string,
  interrupted: AbortSignal,
): Terminal {
  const { stdin, stdout, stderr } = streams
  const allowsColour = !variables['NO_COLOR'] && variables['TERM'] !== 'dumb'
  let shownAt = Number.NEGATIVE_INFINITY
  let isShown = false

  const painter = (stream: OutputStream) => (format: Format, text: string) =>
    allowsColour && stream.isTTY === true ? styleText(format, text, { validateStream: false }) : text

  function endProgress(): void {
    if (isShown) stderr.write('\r\u001B[K')
    isShown = false
  }

  return {
    streams,
    interrupted,
    isInteractive: stdin.isTTY === true && stderr.isTTY === true,
    isScreen: stdout.isTTY === true,
    columns: Math.max(stdout.columns ?? 100, 40),
    async out(text) {
      endProgress()
      await write(stdout, text)
    },
    async say(text) {
      endProgress()
      await write(stderr, redact(text))
    },
    style: painter(stdout),
    styleSaid: painter(stderr),
    progress(text) {
      const now = performance.now()
      if (stderr.isTTY !== true || now - shownAt < PROGRESS_MS) return
      shownAt = now
      isShown = true
      stderr.write(`\r\u001B[K${text.slice(0, Math.max((stderr.columns ?? 80) - 1, 20))}`)
    },
    endProgress,
  }
}

/** A reader that went away ends the program elsewhere: see `endOnClosedPipe`. */
function write(stream: OutputStream, text: string): Promise<void> {
  return new Promise((resolve) => void stream.write(text, () => resolve()))
}
