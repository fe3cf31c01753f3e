import { createHash } from 'node:crypto'
import { StoreUnavailableError } from '../../model/errors.ts'
import type { RedisCommands } from './redis-client.ts'

/** A Lua script that is run by its digest. */
export class RedisScript {
  readonly #commands: RedisCommands
  readonly #source: string
  readonly #digest: string

  constructor(commands: RedisCommands, source: string) {
    this.#commands = commands
    this.#source = source
    this.#digest = createHash('sha1').update(source).digest('hex')
  }

  /**
   * Runs the script on the node where the first key lives. A node that does not know it is given its source, once: the
   * script has certainly not run then. After any other failure it may have, so nothing is repeated.
   *
   * @param args - Number of keys, keys and arguments, after two places for the command and the digest, which are
   *   written to.
   * @param read - Makes the answer of the reply.
   * @throws {StoreUnavailableError} With the client's or the server's error as its cause.
   */
  run<T>(args: string[], read: (reply: unknown) => T): Promise<T> {
    args[0] = 'EVALSHA'
    args[1] = this.#digest
    return this.#commands.command(args, args[3]!).then(read, (error: unknown) => {
      if (!isUnknownScript(error)) throw unavailable(error)
      args[0] = 'EVAL'
      args[1] = this.#source
      return this.#commands.command(args, args[3]!).then(read, (second: unknown) => {
        throw unavailable(second)
      })
    })
  }
}

function isUnknownScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT')
}

/** What every failure of a client or server comes to. The server's text stays in the cause: it may quote arguments. */
export function unavailable(cause: unknown): StoreUnavailableError {
  return new StoreUnavailableError('Redis did not answer, or with an error.', { cause })
}
