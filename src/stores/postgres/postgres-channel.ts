import type { Channel, ChannelListener } from '../../model/channel.ts'
import { withinDeadline } from '../../model/deadline.ts'
import { ConfigError, StoreUnavailableError } from '../../model/errors.ts'
import { type ChannelEar, openEar, type PostgresListener } from './postgres-channel-ear.ts'

/** What a {@link postgresChannel} listens and speaks by. */
export interface PostgresChannelSource {
  /**
   * Makes a client for listening, not connected yet: `() => new pg.Client(url)`, or with postgres.js
   * `(options) => postgres(url, options)`. Called for each connection, and the channel ends it again. The address must
   * lead to the server itself, not to PgBouncer in transaction mode, which cannot carry LISTEN.
   */
  listener(options: ListenerOptions): PostgresListener
  /** The application's own pool of pg, or `sql` of postgres.js. It may be behind PgBouncer. */
  readonly publisher: PostgresPublisher
}

/** What postgres.js should be given; pg has no need of it. */
export interface ListenerOptions {
  /** Number of connections: 1. */
  readonly max: number
  /** Seconds that making a connection may take: 2. */
  readonly connect_timeout: number
  /** Seconds to wait before an attempt: from 0.1 to 2. */
  readonly backoff: (attempt: number) => number
}

/** The members of a pool of pg, or of `sql` of postgres.js, that are used. */
export type PostgresPublisher =
  | { query(text: string, values: unknown[]): Promise<unknown> }
  | { notify(channel: string, payload: string): PromiseLike<unknown> }

/** What a {@link postgresChannel} can be told. */
export interface PostgresChannelOptions {
  /**
   * Name of the channel: 1 to 63 characters of `a-z`, `0-9`, `_`, and a letter first. Default `keyward`. Fleets that share
   * a database need names of their own.
   */
  readonly channel?: string
}

const PUBLISH_MS = 1000

/**
 * Creates a channel over Postgres' LISTEN and NOTIFY, on a connection of its own. Does nothing until it is used.
 *
 * After a loss it connects again, at once and then after 100 milliseconds to 2 seconds. A connection that is silent
 * without having been closed is not noticed here: heartbeats are for that. Closing does not wait for it.
 *
 * Messages are sent one after the other, each a statement of its own, so that their order holds over a pool.
 *
 * @throws {ConfigError} When an option breaks its rule.
 */
export function postgresChannel(source: PostgresChannelSource, options: PostgresChannelOptions = {}): Channel {
  const name = options.channel ?? 'keyward'
  checkOptions(source, name)
  return new PostgresChannel(source, name)
}

class PostgresChannel implements Channel {
  readonly #source: PostgresChannelSource
  readonly #name: string
  #ear: ChannelEar | undefined
  #closing: Promise<void> = Promise.resolve()
  /** The latest message that was sent, settled whatever became of it. */
  #sent: Promise<unknown> = Promise.resolve()

  constructor(source: PostgresChannelSource, name: string) {
    this.#source = source
    this.#name = name
  }

  async open(listener: ChannelListener): Promise<void> {
    await this.close()
    const ear = openEar(() => this.#source.listener(LISTENER_OPTIONS), this.#name, listener)
    this.#ear = ear
    try {
      await ear.ready
    } catch (cause) {
      await ear.close()
      throw unavailable('The channel cannot be opened.', cause)
    }
  }

  async publish(message: string): Promise<void> {
    let late = false
    const sent = this.#sent.then(() => (late ? undefined : this.#send(message)))
    // One that hangs holds up the others: sent later, it would break their order.
    this.#sent = sent.catch(() => {})
    try {
      await withinDeadline(sent, PUBLISH_MS)
    } catch (cause) {
      late = true
      throw unavailable('The message was not sent.', cause)
    }
  }

  close(): Promise<void> {
    const ear = this.#ear
    this.#ear = undefined
    if (ear !== undefined) this.#closing = ear.close()
    return this.#closing
  }

  async #send(message: string): Promise<void> {
    const { publisher } = this.#source
    if ('notify' in publisher) await publisher.notify(this.#name, message)
    else await publisher.query('SELECT pg_notify($1, $2)', [this.#name, message])
  }
}

const LISTENER_OPTIONS: ListenerOptions = {
  max: 1,
  connect_timeout: 2,
  backoff: (attempt) => Math.min(2, 0.1 * 2 ** Math.min(attempt, 5)),
}

function unavailable(message: string, cause: unknown): StoreUnavailableError {
  return cause instanceof StoreUnavailableError ? cause : new StoreUnavailableError(message, { cause })
}

function checkOptions(source: PostgresChannelSource, name: string): void {
  if (typeof source?.listener !== 'function') {
    throw new ConfigError(
      'postgresChannel(): listener must be a function that makes a client, as () => new pg.Client(url)',
    )
  }
  const publisher: unknown = source.publisher
  const isPublisher =
    (typeof publisher === 'object' || typeof publisher === 'function') &&
    publisher !== null &&
    ('notify' in publisher || 'query' in publisher)
  if (!isPublisher) throw new ConfigError('postgresChannel(): publisher must be a Pool of pg or the sql of postgres.js')
  if (typeof name !== 'string' || !/^[a-z][a-z0-9_]{0,62}$/.test(name)) {
    throw new ConfigError(
      `postgresChannel(): channel must be 1 to 63 characters of a-z, 0-9 and _, a letter first; it is ${JSON.stringify(name)}`,
    )
  }
}
