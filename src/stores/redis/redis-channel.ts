import type { Channel, ChannelListener } from '../../model/channel.ts'
import { withinDeadline } from '../../model/deadline.ts'
import { StoreUnavailableError } from '../../model/errors.ts'
import type { RedisCommands } from './redis-client.ts'
import type { RedisEar } from './redis-ear.ts'
import { unavailable } from './redis-script.ts'

const PUBLISH_MS = 1000
/** Long enough for a connection over TLS to another continent. */
const OPEN_MS = 5000
const CLOSE_MS = 500

/** A primary that owns the channel's slot takes all messages, so that they keep their order in a cluster, too. */
const PUBLISH = "#!lua flags=allow-oom\nreturn redis.call('PUBLISH', KEYS[1], ARGV[1])"

/** Messages over Redis' publish and subscribe. */
export class RedisChannel implements Channel {
  readonly #commands: RedisCommands
  readonly #name: string
  readonly #listen: (name: string, listener: ChannelListener) => RedisEar
  #ear: RedisEar | undefined = undefined

  /** @param listen - Begins to listen, and goes on doing so until it is closed. */
  constructor(commands: RedisCommands, name: string, listen: (name: string, listener: ChannelListener) => RedisEar) {
    this.#commands = commands
    this.#name = name
    this.#listen = listen
  }

  async open(listener: ChannelListener): Promise<void> {
    if (this.#ear !== undefined) throw new StoreUnavailableError('The channel is open already.')
    const ear = this.#listen(this.#name, listener)
    this.#ear = ear
    try {
      await withinDeadline(ear.ready, OPEN_MS)
    } catch (error) {
      await this.close()
      throw unavailable(error)
    }
  }

  async publish(message: string): Promise<void> {
    const command = this.#commands.isCluster
      ? ['EVAL', PUBLISH, '1', this.#name, message]
      : ['PUBLISH', this.#name, message]
    try {
      await withinDeadline(this.#commands.command(command, this.#name), PUBLISH_MS)
    } catch (error) {
      throw unavailable(error)
    }
  }

  async close(): Promise<void> {
    const ear = this.#ear
    this.#ear = undefined
    if (ear === undefined) return
    // A server that is away is not told; nothing is heard either way.
    await withinDeadline(ear.close(), CLOSE_MS).catch(() => {})
  }
}
