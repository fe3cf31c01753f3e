import { Cluster as IoredisCluster, Redis } from 'ioredis'
import type { RedisClient } from 'keyward/redis'
import { createClient, createCluster } from 'redis'

/** A Redis client of one instance, set up as `redis()` advises. */
export interface OwnClient {
  readonly client: RedisClient
  close(): void
}

/** Names of the clients that tests run with. */
export type ClientKind = 'ioredis' | 'node-redis'

/** Makes a client of one server. */
export function clientOf(kind: ClientKind, url: string): OwnClient {
  if (kind === 'node-redis') {
    const socket = { reconnectStrategy: RECONNECT_MS, connectTimeout: 1_000 }
    const client = createClient({ url, socket, disableOfflineQueue: true }).on('error', () => {})
    return { client, close: () => client.destroy() }
  }
  const client = new Redis(url, {
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: () => RECONNECT_MS,
  }).on('error', () => {})
  return { client, close: () => client.disconnect() }
}

/** Makes a client of a cluster. */
export function clusterClientOf(kind: ClientKind, urls: string): OwnClient {
  const nodes = urls.split(',')
  if (kind === 'node-redis') {
    const client = createCluster({
      rootNodes: nodes.map((url) => ({ url })),
      defaults: { socket: { reconnectStrategy: RECONNECT_MS, connectTimeout: 1_000 }, disableOfflineQueue: true },
    }).on('error', () => {})
    return { client, close: () => client.destroy() }
  }
  const client = new IoredisCluster(nodes, {
    retryDelayOnFailover: 0,
    clusterRetryStrategy: () => RECONNECT_MS,
    redisOptions: { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false },
  }).on('error', () => {})
  return { client, close: () => client.disconnect() }
}

const RECONNECT_MS = 100
