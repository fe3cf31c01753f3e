import { startOwnServer } from './own-server.ts'
import { requireServer } from './program.ts'
import { givenServer, type OwnServerOptions, type Server } from './server.ts'

/** How a Redis server is started. `durable` and `args` imply a server of our own. */
export interface RedisOptions extends OwnServerOptions {
  /** Writes each command to disk before it is confirmed. Default false: nothing is kept, and a restart is empty. */
  durable?: boolean
  /** More arguments of `redis-server`, such as `['--maxmemory', '50mb']`. They win over ours. */
  args?: readonly string[]
}

/** Starts a Redis (or Valkey) server, or takes the one in `TEST_REDIS_URL`. */
export async function startRedis(options: RedisOptions = {}): Promise<Server> {
  const { durable = false, args = [], needsOwnServer = durable || args.length > 0 } = options
  const given = process.env['TEST_REDIS_URL']
  if (given && !needsOwnServer) return givenServer('TEST_REDIS_URL', given, 6379)
  return startOwnServer({
    name: 'redis',
    command: ({ folder, port }) => [requireServer('redis'), ...redisArguments(folder, port, durable), ...args],
    ready: redisIsReady,
    url: (port) => `redis://127.0.0.1:${port}`,
  })
}

/** What the log of a Redis server says when it accepts commands. */
export const redisIsReady = /Ready to accept connections/

/** Arguments of a Redis server in a folder. */
export function redisArguments(folder: string, port: number, durable: boolean): string[] {
  return [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', ''],
    ...['--appendonly', durable ? 'yes' : 'no', '--appendfsync', 'always'],
  ]
}
