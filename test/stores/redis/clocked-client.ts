import { createHash } from 'node:crypto'
import type { Redis } from 'ioredis'
import type { CommandClient } from '../../../src/stores/redis/redis.ts'

/** A client whose scripts read the time from the caller: what they do otherwise is untouched. */
export interface ClockedClient extends CommandClient {
  /** Microseconds since 1970 that scripts are told. */
  nowUs: number
}

const readsTime = "redis.call('TIME')"
const readsArgument = '{ math.floor(ARGV[#ARGV] / 1000000), ARGV[#ARGV] % 1000000 }'

/**
 * Creates a client for gates that decide at instants a test chooses, in a real server.
 *
 * @param adapt - What else is changed in a script.
 */
export function clockedClient(redis: Redis, adapt = (script: string) => script): ClockedClient {
  const digests = new Map<string, string>()
  return {
    nowUs: 0,
    async command(args) {
      const [name, script] = args as [string, string]
      if (name !== 'EVALSHA' && name !== 'EVAL') return redis.call(name, args.slice(1))
      if (name === 'EVALSHA' && !digests.has(script)) throw new Error('NOSCRIPT')
      const known = name === 'EVALSHA' ? script : createHash('sha1').update(script).digest('hex')
      if (name === 'EVAL') {
        // Keys outlive the real time that a test takes, which has nothing to do with the time it tells.
        const changed = adapt(script).replace(readsTime, readsArgument).replaceAll("'PX', ", "'PX', 1000000 + ")
        digests.set(known, String(await redis.script('LOAD', changed)))
      }
      return redis.call('EVALSHA', [digests.get(known)!, ...args.slice(2), String(this.nowUs)])
    },
  }
}
