import type { ChannelListener } from '../../model/channel.ts'
import { ConfigError } from '../../model/errors.ts'
import { connected } from './redis-client.ts'

/** An ioredis `Redis` that does nothing but listen. */
export interface IoredisSubscriber {
  subscribe(channel: string): Promise<unknown>
  unsubscribe(channel: string): Promise<unknown>
  on(event: 'message', listener: (channel: string, message: string) => void): unknown
  on(event: 'ready', listener: () => void): unknown
  off(event: 'message', listener: (channel: string, message: string) => void): unknown
  off(event: 'ready', listener: () => void): unknown
}

/** A node-redis client that does nothing but listen. */
export interface NodeRedisSubscriber {
  subscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  unsubscribe(channel: string, listener: (message: string) => void): Promise<unknown>
  connect(): Promise<unknown>
  on(event: 'ready', listener: () => void): unknown
  off(event: 'ready', listener: () => void): unknown
  readonly isOpen: boolean
}

/** A connection that listens to one channel and mends itself. */
export interface RedisEar {
  /** Settles with the first attempt. */
  readonly ready: Promise<void>
  /** Ends the listening. Nothing is heard from then on, whether or not the server was told. */
  close(): Promise<void>
}

/** Listens by a client that connects again by itself, and does not close it. */
export function openEar(
  client: IoredisSubscriber | NodeRedisSubscriber,
  channel: string,
  listener: ChannelListener,
): RedisEar {
  if ('isOpen' in client) return new NodeRedisEar(client, channel, listener)
  if (typeof client.subscribe === 'function') return new IoredisEar(client, channel, listener)
  throw new ConfigError('redisChannel(client, subscriber): subscriber must be a client of ioredis or node-redis.')
}

class IoredisEar implements RedisEar {
  readonly ready: Promise<void>
  readonly #client: IoredisSubscriber
  readonly #channel: string
  readonly #listener: ChannelListener
  readonly #onMessage: (channel: string, message: string) => void
  readonly #onReady: () => void

  constructor(client: IoredisSubscriber, channel: string, listener: ChannelListener) {
    this.#client = client
    this.#channel = channel
    this.#listener = listener
    this.#onMessage = (from, message) => {
      if (from === channel) listener.heard(message)
    }
    // The client subscribes again by itself, before it says that it is ready; doing so twice does no harm, and the
    // answer tells that it listens.
    this.#onReady = () => void this.#subscribe().catch(() => {})
    client.on('message', this.#onMessage)
    this.ready = this.#subscribe().then(() => void client.on('ready', this.#onReady))
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#client.off('message', this.#onMessage)
    this.#client.off('ready', this.#onReady)
    await this.#client.unsubscribe(this.#channel)
  }

  #closed = false

  async #subscribe(): Promise<void> {
    await this.#client.subscribe(this.#channel)
    if (!this.#closed) this.#listener.connected()
  }
}

class NodeRedisEar implements RedisEar {
  readonly ready: Promise<void>
  readonly #client: NodeRedisSubscriber
  readonly #channel: string
  readonly #onMessage: (message: string) => void
  readonly #onReady: () => void
  #closed = false

  constructor(client: NodeRedisSubscriber, channel: string, listener: ChannelListener) {
    this.#client = client
    this.#channel = channel
    this.#onMessage = (message) => {
      if (!this.#closed) listener.heard(message)
    }
    // The client has subscribed again when it says that it is ready.
    this.#onReady = () => {
      if (!this.#closed) listener.connected()
    }
    this.ready = this.#begin()
  }

  async close(): Promise<void> {
    this.#closed = true
    this.#client.off('ready', this.#onReady)
    await this.#client.unsubscribe(this.#channel, this.#onMessage)
  }

  async #begin(): Promise<void> {
    await connected(this.#client)
    await this.#client.subscribe(this.#channel, this.#onMessage)
    if (this.#closed) return
    this.#onReady()
    this.#client.on('ready', this.#onReady)
  }
}
