import { Cluster as IoredisCluster, Redis } from 'ioredis'
import { createClient, createCluster } from 'redis'
import type { RedisClient, RedisSubscriber } from '../../../src/stores/redis/redis.ts'
import { startRedis } from '../../servers/redis.ts'
import { startRedisCluster } from '../../servers/redis-cluster.ts'
import { redisCommand } from '../../servers/redis-command.ts'

/** A server or cluster, and a client of one of the packages that users have. */
export interface ClientUnderTest {
  readonly client: RedisClient
  /** Makes a connection to listen by. */
  subscriber(): RedisSubscriber
  /** Addresses of all servers. */
  readonly urls: readonly string[]
  /** Ends the clients and the servers. */
  stop(): Promise<void>
}

/** Starts what a client needs, and the client, for each client that the gate is tried with. */
export const redisClients: Record<string, () => Promise<ClientUnderTest>> = {
  async ioredis() {
    const server = await startRedis()
    const made = new Set<Redis>()
    const make = () => {
      const client = new Redis(server.url, { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false })
      client.on('error', () => {})
      made.add(client)
      return client
    }
    return {
      client: make(),
      subscriber: make,
      urls: [server.url],
      async stop() {
        for (const client of made) client.disconnect()
        await server.stop()
      },
    }
  },
  async 'node-redis'() {
    const server = await startRedis()
    const made: { destroy(): void }[] = []
    const make = () => {
      const client = createClient({ url: server.url })
      client.on('error', () => {})
      made.push(client)
      return client
    }
    return {
      client: make(),
      subscriber: make,
      urls: [server.url],
      async stop() {
        for (const client of made) client.destroy()
        await server.stop()
      },
    }
  },
  async 'ioredis Cluster'() {
    const cluster = await startRedisCluster()
    const made: IoredisCluster[] = []
    const make = () => {
      const client = new IoredisCluster(
        cluster.nodes.map(({ host, port }) => ({ host, port })),
        { retryDelayOnFailover: 0 },
      )
      client.on('error', () => {})
      made.push(client)
      return client
    }
    return {
      client: make(),
      subscriber: make,
      urls: cluster.nodes.map(({ url }) => url),
      async stop() {
        for (const client of made) client.disconnect()
        await cluster.stop()
      },
    }
  },
  async 'node-redis cluster'() {
    const cluster = await startRedisCluster()
    const made: { destroy(): void }[] = []
    const make = () => {
      const client = createCluster({ rootNodes: cluster.nodes.map(({ url }) => ({ url })) })
      client.on('error', () => {})
      made.push(client)
      return client
    }
    return {
      client: make(),
      subscriber: make,
      urls: cluster.nodes.map(({ url }) => url),
      async stop() {
        for (const client of made) client.destroy()
        await cluster.stop()
      },
    }
  },
}

/** Names of all keys with a prefix, on servers that are primaries. */
export async function keysOf(urls: readonly string[], prefix: string): Promise<string[]> {
  const found = await Promise.all(
    urls.map(async (url) => {
      const info = String(await redisCommand(url, ['INFO', 'replication']))
      return info.includes('role:slave') ? [] : ((await redisCommand(url, ['KEYS', `${prefix}*`])) as string[])
    }),
  )
  return found.flat()
}
