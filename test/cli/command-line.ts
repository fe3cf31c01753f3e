import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { PassThrough, Readable } from 'node:stream'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { run } from '../../src/cli/run.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const tsx = pathToFileURL(createRequire(import.meta.url).resolve('tsx')).href

/** The command that runs the program from source, in any folder. */
export const program = [process.execPath, '--import', tsx, `${root}src/cli/cli.ts`] as const

/** How a run of the program ended. */
export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** What a run is given. */
export interface Setting {
  /** `DATABASE_URL`. */
  readonly database?: string
  /** More variables. */
  readonly variables?: NodeJS.ProcessEnv
  /** Default: the system's temporary folder, which has no configuration. */
  readonly folder?: string
  /** What stdin holds. Default: nothing. */
  readonly input?: string
}

/** Starts the program as users do, in a process of its own and with an environment that holds nothing of ours. */
export function start(words: readonly string[], setting: Setting = {}): ChildProcessWithoutNullStreams {
  const [node, ...flags] = program
  return spawn(node, [...flags, ...words], { cwd: setting.folder ?? tmpdir(), env: environmentOf(setting) })
}

/** The environment of a run. */
export function environmentOf({ database, variables }: Setting): NodeJS.ProcessEnv {
  const { PATH, HOME } = process.env
  return {
    ...{ PATH, HOME, TSX_TSCONFIG_PATH: `${root}tsconfig.json` },
    ...(database !== undefined && { DATABASE_URL: database }),
    ...variables,
  }
}

/** Runs the program in this process, over streams of its own: what `cli.ts` does, without a start of Node.js. */
export async function keyward(words: readonly string[], setting: Setting = {}): Promise<Finished> {
  const streams = { stdin: Readable.from([setting.input ?? '']), stdout: new PassThrough(), stderr: new PassThrough() }
  const printed = Promise.all([textOf(streams.stdout), textOf(streams.stderr)])
  const code = await run({
    arguments: words,
    variables: environmentOf(setting),
    folder: setting.folder ?? tmpdir(),
    streams,
    signal: new AbortController().signal,
  })
  streams.stdout.end()
  streams.stderr.end()
  const [stdout, stderr] = await printed
  return { code, stdout, stderr }
}

/** Runs the program to its end, in a process of its own. */
export async function keywardProcess(words: readonly string[], setting: Setting = {}): Promise<Finished> {
  const child = start(words, setting)
  child.stdin.on('error', () => {})
  child.stdin.end(setting.input ?? '')
  return finished(child)
}

/** Waits for the end of a process. */
export async function finished(child: ChildProcessWithoutNullStreams): Promise<Finished> {
  const [stdout, stderr, [code]] = await Promise.all([
    textOf(child.stdout),
    textOf(child.stderr),
    once(child, 'close') as Promise<[number | null]>,
  ])
  return { code, stdout, stderr }
}

async function textOf(stream: NodeJS.ReadableStream): Promise<string> {
  let text = ''
  stream.setEncoding('utf8')
  for await (const part of stream) text += part
  return text
}

/** Runs the program with `--json`, and reads what it printed. */
export async function keywardJson<T>(words: readonly string[], setting: Setting = {}): Promise<T> {
  const { code, stdout, stderr } = await keyward([...words, '--json'], setting)
  if (code !== 0) throw new Error(`keyward ${words.join(' ')} ended with ${code}: ${stderr}`)
  return JSON.parse(stdout) as T
}
