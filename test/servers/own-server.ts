import { type ChildProcess, spawn } from 'node:child_process'
import { chownSync, closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { accountOf } from './account.ts'
import { freePort } from './free-port.ts'
import { childrenOf, isAlive, signalTo } from './process-tree.ts'
import type { Server } from './server.ts'
import { until } from './until.ts'
import { startWatchdog } from './watchdog.ts'

/** How a server of one kind is started. */
export interface Recipe {
  /** Name for the folder and for errors. */
  name: string
  /** System user that runs it when we are root, for servers that refuse to be run by root. */
  user?: string
  /** Port to use. Default: a free one, and another one when somebody was quicker. */
  port?: number
  /** Makes its data, once. */
  prepare?(place: Place): Promise<void>
  /** Done before every start. */
  beforeStart?(place: Place): void
  /** Program and arguments. */
  command(place: Place): [program: string, ...args: string[]]
  /** What the log says when commands are accepted. */
  ready: RegExp
  /** What ends it quickly and leaves nothing behind. Default SIGKILL. */
  stopSignal?: NodeJS.Signals
  url(port: number): string
}

/** Where a server lives. */
export interface Place {
  folder: string
  port: number
}

/** Thrown when a server's port was taken by somebody else. */
export class PortTakenError extends Error {}

/**
 * Starts a server in a temporary folder on a port of 127.0.0.1, and waits until it accepts commands. It ends with this
 * process, even if this one is killed.
 *
 * @throws {PortTakenError} When `recipe.port` is taken.
 * @throws When it does not come up, with the end of its log.
 */
export async function startOwnServer(recipe: Recipe): Promise<Server> {
  for (let attempt = 1; ; attempt += 1) {
    const server = new OwnServer(recipe, recipe.port ?? (await freePort()))
    try {
      await server.prepare()
      await server.start()
      return server
    } catch (error) {
      await server.stop()
      if (!(error instanceof PortTakenError) || recipe.port !== undefined || attempt === 5) throw error
    }
  }
}

class OwnServer implements Server {
  readonly host = '127.0.0.1'
  readonly port: number
  readonly url: string
  readonly #recipe: Recipe
  readonly #folder: string
  readonly #watchdog
  readonly #atStop: (() => Promise<void>)[] = []
  #child: ChildProcess | undefined
  #pid = 0
  #stopped = false

  constructor(recipe: Recipe, port: number) {
    this.#recipe = recipe
    this.port = port
    this.url = recipe.url(port)
    this.#folder = mkdtempSync(join(tmpdir(), `keyward-${recipe.name}-`))
    this.#watchdog = startWatchdog(this.#folder, recipe.stopSignal ?? 'SIGKILL')
    const { uid, gid } = accountOf(recipe.user)
    if (uid !== undefined && gid !== undefined) chownSync(this.#folder, uid, gid)
  }

  get pid(): number {
    return this.#pid
  }

  get #place(): Place {
    return { folder: this.#folder, port: this.port }
  }

  get #logFile(): string {
    return join(this.#folder, 'log')
  }

  async prepare(): Promise<void> {
    await this.#recipe.prepare?.(this.#place)
  }

  async start(): Promise<void> {
    const { name, ready } = this.#recipe
    this.#recipe.beforeStart?.(this.#place)
    const seen = this.#log().length
    const child = this.#spawn()
    let failure: Error | undefined
    child.once('error', (error) => {
      failure = error
    })
    const hasEnded = () => failure !== undefined || child.exitCode !== null || child.signalCode !== null
    await until(`${name} accepts commands`, () => hasEnded() || ready.test(this.#log().slice(seen))).catch((error) => {
      throw new Error(`${String(error)}\n${this.#logTail()}`)
    })
    if (!hasEnded()) return
    const log = this.#log().slice(seen)
    const message = `${name} ended while it started on port ${this.port}: ${failure ?? child.exitCode ?? child.signalCode}\n${this.#logTail()}`
    throw /address already in use/i.test(log) ? new PortTakenError(message) : new Error(message)
  }

  #spawn(): ChildProcess {
    const [program, ...args] = this.#recipe.command(this.#place)
    const log = openSync(this.#logFile, 'a')
    const child = spawn(program, args, {
      ...accountOf(this.#recipe.user),
      cwd: this.#folder,
      env: { ...process.env, HOME: this.#folder, LC_ALL: 'C' },
      stdio: ['ignore', log, log],
    })
    closeSync(log)
    // A program that has no more to do ends, and the watchdog ends the server.
    child.unref()
    this.#child = child
    this.#pid = child.pid ?? 0
    this.#watchdog.watch(child.pid)
    return child
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
    const { pid } = child
    const exited = new Promise((resolve) => child.once('exit', resolve))
    child.ref()
    const doomed = [pid]
    if (signal === 'SIGKILL') {
      // Stopped first: it must not notice that its children die, nor start others.
      signalTo(pid, 'SIGSTOP')
      doomed.push(...childrenOf(pid))
    } else {
      this.resume()
      doomed.push(...childrenOf(pid))
    }
    for (const each of signal === 'SIGKILL' ? doomed : [pid]) signalTo(each, signal)
    await exited
    this.#watchdog.watch(undefined)
    await until(`the processes of ${this.#recipe.name} end`, () => !doomed.some(isAlive))
  }

  pause(): void {
    signalTo(this.#livePid(), 'SIGSTOP')
    for (const child of childrenOf(this.#livePid())) signalTo(child, 'SIGSTOP')
  }

  resume(): void {
    for (const child of childrenOf(this.#livePid())) signalTo(child, 'SIGCONT')
    signalTo(this.#livePid(), 'SIGCONT')
  }

  async restart(): Promise<void> {
    if (this.#stopped) throw new Error(`${this.#recipe.name} was stopped, and its folder is removed.`)
    await this.kill()
    await this.start()
  }

  atStop(action: () => Promise<void>): void {
    this.#atStop.push(action)
  }

  async stop(): Promise<void> {
    if (this.#stopped) return
    this.#stopped = true
    for (const action of this.#atStop) await action()
    const { stopSignal = 'SIGKILL' } = this.#recipe
    const lateKill = setTimeout(() => void this.kill(), 3_000)
    await this.kill(stopSignal)
    clearTimeout(lateKill)
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 })
    this.#watchdog.dismiss()
  }

  #livePid(): number {
    const child = this.#child
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`${this.#recipe.name} does not run.`)
    }
    return child.pid
  }

  #log(): string {
    return existsSync(this.#logFile) ? readFileSync(this.#logFile, 'utf8') : ''
  }

  #logTail(): string {
    return this.#log().split('\n').slice(-30).join('\n')
  }
}
