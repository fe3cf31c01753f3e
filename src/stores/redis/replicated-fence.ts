import { StoreUnavailableError } from '../../model/errors.ts'
import type { RedisCommands } from './redis-client.ts'
import { RedisScript, unavailable } from './redis-script.ts'

/** What a {@link ReplicatedFence} waits for. */
export interface ReplicatedFenceSettings {
  /** A connection that nothing else is sent over. */
  readonly commands: RedisCommands
  /** Number of replicas that must acknowledge: at least 1. */
  readonly replicas: number
  readonly deadlineMs: number
}

/**
 * Writes fences over a connection of its own and waits there until replicas have them. `WAIT` holds up what shares its
 * connection, so requests must not; one `WAIT` vouches for every fence that was written before it, so fences that come
 * while one is under way share the next.
 */
export class ReplicatedFence {
  readonly #settings: ReplicatedFenceSettings
  readonly #script: RedisScript
  #connections = 0
  #running: Promise<unknown> = Promise.resolve()
  #next: Promise<number> | undefined

  constructor(settings: ReplicatedFenceSettings, source: string) {
    this.#settings = settings
    this.#script = new RedisScript(settings.commands, source)
    settings.commands.onConnection(() => {
      this.#connections += 1
    })
  }

  /** Connects where the client waits to be told to. */
  async open(): Promise<void> {
    await this.#settings.commands.info()
  }

  /**
   * @param args - As {@link RedisScript.run} takes them.
   * @throws {StoreUnavailableError} When fewer replicas have acknowledged the fence within the deadline.
   */
  async write(args: string[]): Promise<void> {
    await this.#script.run(args, () => undefined)
    // A new connection knows of no write of its own, so it would be acknowledged at once.
    const begun = this.#connections
    const acknowledged = await this.#nextWait(args[3]!)
    if (acknowledged < this.#settings.replicas || begun !== this.#connections)
      throw new StoreUnavailableError('Fewer replicas than "replicas" have acknowledged the fence.')
  }

  #nextWait(key: string): Promise<number> {
    this.#next ??= this.#running.then(() => {
      const wait = this.#wait(key)
      this.#next = undefined
      this.#running = wait.catch(() => {})
      return wait
    })
    return this.#next
  }

  async #wait(key: string): Promise<number> {
    const { commands, replicas, deadlineMs } = this.#settings
    try {
      return Number(await commands.command(['WAIT', String(replicas), String(deadlineMs)], key))
    } catch (error) {
      throw unavailable(error)
    }
  }
}
