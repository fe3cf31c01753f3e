import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import type { Credits, Keys, Limits, RouteOptions } from 'keyward'
import type { Answer, HammerOptions, HammerResult, InstanceConfig, ToldEvent } from './instance-config.ts'
import { instanceProgram } from './instance-program.ts'

/** What a call came to, and when it began and ended in the instance: nanoseconds of the machine's monotonic clock. */
export interface Timed<T> {
  readonly value: T
  readonly begunNs: bigint
  readonly endedNs: bigint
}

/** A hammer that an instance swings. */
export interface RemoteHammer {
  /** Lets every caller begin some more requests (default 2) from now on, and says what came of all. */
  stop(more?: number): Promise<HammerResult>
}

/** One instance of a fleet, in a process of its own. */
export interface Instance {
  readonly child: ChildProcess
  readonly pid: number
  readonly url: string
  /** Its `keyward.keys`. What it throws has the `name`, `code` and `message` of the original. */
  readonly keys: Keys
  /** Its `keyward.limits`. */
  readonly limits: Limits
  /** Its `keyward.credits`. */
  readonly credits: Credits
  /** Calls a method such as `keys.revoke` and says when it began and ended there. */
  timed<T = unknown>(method: string, ...args: readonly unknown[]): Promise<Timed<T>>
  /** Waits until it has started, and throws what keeps it from that. */
  ready(): Promise<void>
  /** Asks by `keyward.authenticate`: `admitted`, or the code of the refusal. */
  ask(apiKey: string, route?: RouteOptions): Promise<string>
  /** Hammers a key in the instance. Resolves when every caller has had an answer. */
  hammer(apiKey: string, options?: HammerOptions): Promise<RemoteHammer>
  /** Events so far, but for `admitted`, `denied` and `stale`. */
  events(): Promise<readonly ToldEvent[]>
  /** What its wall clock says. */
  now(): Promise<number>
  /** Ends it at once, as a crash does, and waits until it is gone. */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Closes it in an orderly way. @returns Its exit code. */
  stop(): Promise<number | null>
}

/**
 * Starts an instance, and waits until it listens and has tried to start. It ends with this process; a test ends it by
 * `stop()` or `kill()`.
 */
export async function startInstance(config: InstanceConfig): Promise<Instance> {
  const { main, preload } = await instanceProgram()
  const child = fork(main, [JSON.stringify(config)], {
    execArgv: ['--enable-source-maps', '--import', preload],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  })
  const remote = new Remote(child)
  const { value: port } = await remote.answer<number>(0)
  return instanceOf(child, remote, port)
}

/** Starts several instances at the same time; `config` may say what each is told. */
export function startFleet(
  count: number,
  config: InstanceConfig | ((index: number) => InstanceConfig),
): Promise<Instance[]> {
  const configOf = (index: number) => (typeof config === 'function' ? config(index) : config)
  return Promise.all(Array.from({ length: count }, (_, index) => startInstance(configOf(index))))
}

/** Stops instances, those that are gone already too. */
export async function stopAll(instances: readonly Instance[]): Promise<void> {
  await Promise.all(instances.map((instance) => instance.stop()))
}

/** Calls to a process, and their answers. */
class Remote {
  readonly #child: ChildProcess
  readonly #waiting = new Map<number, { resolve(answer: Timed<unknown>): void; reject(error: Error): void }>()
  #calls = 0

  constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (answer: Answer) => {
      const waiting = this.#waiting.get(answer.number)
      this.#waiting.delete(answer.number)
      if ('error' in answer) waiting?.reject(Object.assign(new Error(answer.error.message), answer.error))
      else waiting?.resolve(answer)
    })
    child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('The instance has ended.'))
      this.#waiting.clear()
    })
  }

  answer<T>(number: number): Promise<Timed<T>> {
    return new Promise((resolve, reject) => {
      this.#waiting.set(number, { resolve: resolve as (answer: Timed<unknown>) => void, reject })
    })
  }

  async call<T>(method: string, args: readonly unknown[]): Promise<Timed<T>> {
    if (!this.#child.connected) throw new Error('The instance has ended.')
    this.#calls += 1
    const number = this.#calls
    const answered = this.answer<T>(number)
    this.#child.send({ number, method, args }, () => {})
    return answered
  }

  /** An object whose every method is called in the process. */
  room<T extends object>(name: string): T {
    const method = (_target: object, called: string | symbol) =>
      // It must not be taken for a promise.
      called === 'then'
        ? undefined
        : async (...args: unknown[]) => (await this.call(`${name}.${String(called)}`, args)).value
    return new Proxy({}, { get: method }) as T
  }
}

function instanceOf(child: ChildProcess, remote: Remote, port: number): Instance {
  const value = async <T>(method: string, ...args: readonly unknown[]) => (await remote.call<T>(method, args)).value
  const ended = () => (child.exitCode === null && child.signalCode === null ? once(child, 'exit') : undefined)
  return {
    child,
    pid: child.pid ?? -1,
    url: `http://127.0.0.1:${port}`,
    keys: remote.room<Keys>('keys'),
    limits: remote.room<Limits>('limits'),
    credits: remote.room<Credits>('credits'),
    timed: (method, ...args) => remote.call(method, args),
    ready: () => value('ready'),
    ask: (apiKey, route = {}) => value('authenticate', apiKey, route),
    async hammer(apiKey, options = {}) {
      const number = await value('hammer', apiKey, options)
      return { stop: (more) => value('stopHammer', number, more) }
    },
    events: () => value('events'),
    now: () => value('now'),
    async kill(signal = 'SIGKILL') {
      const gone = ended()
      child.kill(signal)
      await gone
    },
    async stop() {
      const gone = ended()
      if (gone === undefined) return child.exitCode
      const late = setTimeout(() => child.kill('SIGKILL'), 10_000)
      await remote.call('close', []).catch(() => {})
      if (child.connected) child.disconnect()
      await gone
      clearTimeout(late)
      return child.exitCode
    },
  }
}
