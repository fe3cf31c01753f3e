/** A server that tests and benches talk to: one of our own in a temporary folder, or one named by the environment. */
export interface Server {
  /** 127.0.0.1, but for a server named by the environment. */
  readonly host: string
  readonly port: number
  /** Id of its main process, another one after `restart()`. Throws for a server named by the environment. */
  readonly pid: number
  readonly url: string
  /**
   * Sends a signal and waits until the server has ended; does nothing when it has. SIGKILL reaches its child processes
   * too, so that nobody is left to tidy up: a crash.
   *
   * @param signal - Default SIGKILL.
   */
  kill(signal?: NodeJS.Signals): Promise<void>
  /** Freezes the server and its child processes: connections stay open, and nothing answers. */
  pause(): void
  /** Lets a paused server go on. */
  resume(): void
  /** Kills the server if it runs, starts it again on the same port and data, and waits until it accepts commands. */
  restart(): Promise<void>
  /** Ends the server and removes its folder. Safe to call twice. */
  stop(): Promise<void>
  /** Has something done by `stop()`, before the server ends. */
  atStop(action: () => Promise<void>): void
}

/** Choice that every `start…()` offers. */
export interface OwnServerOptions {
  /**
   * Starts a server of our own even when the environment names one, for tests that kill, pause or restart it.
   * Default false.
   */
  needsOwnServer?: boolean
}

/**
 * Makes the handle of a server that somebody else runs. It can be talked to and not be killed.
 *
 * @param variable - Environment variable that names it.
 */
export function givenServer(variable: string, url: string, defaultPort: number): Server {
  const { hostname, port } = new URL(url)
  const actions: (() => Promise<void>)[] = []
  const refuse = (): never => {
    throw new Error(`This server is the one in ${variable}: start it with { needsOwnServer: true } to control it.`)
  }
  return {
    host: hostname,
    port: port === '' ? defaultPort : Number(port),
    url,
    get pid() {
      return refuse()
    },
    kill: async () => refuse(),
    pause: refuse,
    resume: refuse,
    restart: async () => refuse(),
    atStop: (action) => void actions.push(action),
    async stop() {
      for (const action of actions.splice(0)) await action()
    },
  }
}
