import { once } from 'node:events'
import { connect, createServer, type Server as NetServer, type Socket } from 'node:net'
import { freePort } from './free-port.ts'
import { Direction, type Weather } from './proxy-direction.ts'

/** A TCP proxy before a server, which plays a bad network. */
export interface TcpProxy {
  readonly host: '127.0.0.1'
  readonly port: number
  /** Number of open connections. */
  readonly connections: number
  /** The address of the server with host and port replaced by the proxy's. */
  urlOf(serverUrl: string): string
  /** Holds everything back for some milliseconds, each way; 0 ends it. */
  delay(ms: number): void
  /** Holds bytes back for a random time up to `jitterMs`, each way, and loses a share of them at first, as TCP sees a bad line; 0 and 0 end it. */
  disturb(weather: { readonly jitterMs: number; readonly lossShare: number }): void
  /**
   * Lets nothing through either way, neither bytes nor the end of a connection; connections stay open, and new ones are
   * accepted. `pass()` delivers what was held back, as TCP does after a cut.
   */
  stall(): void
  /** Takes no new connections (ECONNREFUSED). Those that are open stay. */
  refuse(): Promise<void>
  /** Resets all open connections (ECONNRESET), at both ends. */
  reset(): void
  /**
   * Throws away what the server answers from now on, while commands still reach it. `pass()` then resets the
   * connections that lost something, for their next answer would be taken for the lost one.
   */
  dropReplies(): void
  /** Ends all of this: connections are accepted, and bytes pass at once. */
  pass(): Promise<void>
  /** Resets all connections and listens no more. Safe to call twice. */
  stop(): Promise<void>
}

/**
 * Starts a proxy on a free port of 127.0.0.1.
 *
 * @param targetPort - Port of the server behind it.
 * @param targetHost - Default 127.0.0.1.
 */
export async function startProxy(targetPort: number, targetHost = '127.0.0.1'): Promise<TcpProxy> {
  const proxy = new Relay(targetPort, targetHost)
  await proxy.listenAnywhere()
  return proxy
}

const FAIR: Weather = { delayMs: 0, jitterMs: 0, lossShare: 0, stalled: false, dropsReplies: false }

interface Pair {
  client: Socket
  server: Socket
  directions: [up: Direction, down: Direction]
}

class Relay implements TcpProxy {
  readonly host = '127.0.0.1'
  port = 0
  readonly #target: { port: number; host: string }
  readonly #pairs = new Set<Pair>()
  readonly #weather: Weather = { ...FAIR }
  #listener: NetServer | undefined

  constructor(port: number, host: string) {
    this.#target = { port, host }
  }

  get connections(): number {
    return this.#pairs.size
  }

  urlOf(serverUrl: string): string {
    const url = new URL(serverUrl)
    url.host = `${this.host}:${this.port}`
    return url.href
  }

  delay(ms: number): void {
    this.#weather.delayMs = ms
  }

  disturb({ jitterMs, lossShare }: Pick<Weather, 'jitterMs' | 'lossShare'>): void {
    Object.assign(this.#weather, { jitterMs, lossShare })
  }

  stall(): void {
    this.#weather.stalled = true
  }

  dropReplies(): void {
    this.#weather.dropsReplies = true
  }

  async refuse(): Promise<void> {
    this.#listener?.close()
    this.#listener = undefined
  }

  reset(): void {
    for (const pair of this.#pairs) this.#resetPair(pair)
  }

  async pass(): Promise<void> {
    Object.assign(this.#weather, FAIR)
    for (const pair of this.#pairs) {
      if (pair.directions[1].hasLost) this.#resetPair(pair)
      else for (const direction of pair.directions) direction.flow()
    }
    if (this.#listener === undefined) await this.#listen(this.port)
  }

  async stop(): Promise<void> {
    await this.refuse()
    this.reset()
  }

  async listenAnywhere(): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      this.port = await freePort()
      try {
        return await this.#listen(this.port)
      } catch (error) {
        if (attempt === 5) throw error
      }
    }
  }

  async #listen(port: number): Promise<void> {
    // Nagle's algorithm would add delays that nobody asked for.
    const options = { allowHalfOpen: true, noDelay: true }
    const listener = createServer(options, (client) => this.#accept(client))
    listener.listen(port, this.host)
    await once(listener, 'listening')
    this.#listener = listener
  }

  #accept(client: Socket): void {
    const server = connect({ ...this.#target, allowHalfOpen: true, noDelay: true })
    const up = new Direction(client, server, { weather: this.#weather, isReply: false })
    const down = new Direction(server, client, { weather: this.#weather, isReply: true })
    const pair: Pair = { client, server, directions: [up, down] }
    this.#pairs.add(pair)
    for (const socket of [client, server]) {
      socket.once('close', () => {
        if (client.destroyed && server.destroyed) this.#pairs.delete(pair)
      })
    }
  }

  #resetPair(pair: Pair): void {
    this.#pairs.delete(pair)
    for (const direction of pair.directions) direction.stop()
    pair.client.resetAndDestroy()
    pair.server.resetAndDestroy()
  }
}
