import { Cluster } from 'ioredis'
import type { Channel, Gate, KeyStore } from 'keyward'
import { mysql } from 'keyward/mysql'
import { postgres } from 'keyward/postgres'
import { redis } from 'keyward/redis'
import { sqlite } from 'keyward/sqlite'
import { openChannel } from './instance-channel.ts'
import { type Closing, openIoredis, openPool, RECONNECT_MS } from './instance-clients.ts'
import type { InstanceConfig } from './instance-config.ts'

/** What an instance runs on. */
export interface Backends {
  readonly store: KeyStore
  readonly gate: Gate | undefined
  readonly channel: Channel | undefined
  /** Ends the connections, which are the application's. */
  close(): Promise<void>
}

/** Opens what an instance is configured with. */
export async function openBackends(config: InstanceConfig): Promise<Backends> {
  const closing: Closing = []
  const store = await openStore(config, closing)
  const gate = await openGate(config, closing)
  const channel = openChannel(config, closing)
  return {
    store,
    gate,
    channel,
    async close() {
      await Promise.allSettled(closing.map(async (close) => close()))
    },
  }
}

async function openStore(config: InstanceConfig, closing: Closing): Promise<KeyStore> {
  const { databaseUrl, storeDeadlineMs, poolSize = 10 } = config
  const options = storeDeadlineMs === undefined ? {} : { deadlineMs: storeDeadlineMs }
  if (databaseUrl.startsWith('sqlite:')) return sqlite(databaseUrl.slice('sqlite:'.length))
  if (databaseUrl.startsWith('mysql:')) {
    const { createPool } = await import('mysql2')
    const pool = createPool({ uri: databaseUrl, connectionLimit: poolSize })
    closing.push(() => pool.promise().end())
    return mysql(pool, options)
  }
  return postgres(openPool(databaseUrl, poolSize, closing, storeDeadlineMs), options)
}

async function openGate(config: InstanceConfig, closing: Closing): Promise<Gate | undefined> {
  const { redisUrl, redisClusterUrls, client = 'ioredis', gateDeadlineMs } = config
  const options = gateDeadlineMs === undefined ? {} : { deadlineMs: gateDeadlineMs }
  if (redisUrl === undefined && redisClusterUrls === undefined) return undefined
  if (client === 'node-redis') return redis(await openNodeRedis(config, closing), options)
  if (redisUrl !== undefined) return redis(openIoredis(redisUrl, closing), options)
  return redis(openIoredisCluster(redisClusterUrls ?? [], closing), options)
}

function openIoredisCluster(urls: readonly string[], closing: Closing): Cluster {
  const cluster = new Cluster([...urls], {
    retryDelayOnFailover: 0,
    clusterRetryStrategy: () => RECONNECT_MS,
    redisOptions: { connectTimeout: 500 },
  })
  cluster.on('error', () => {})
  closing.push(() => cluster.disconnect())
  return cluster
}

async function openNodeRedis({ redisUrl, redisClusterUrls }: InstanceConfig, closing: Closing) {
  const { createClient, createCluster } = await import('redis')
  const options = {
    disableOfflineQueue: true,
    socket: { reconnectStrategy: RECONNECT_MS, connectTimeout: 500 },
  }
  const client =
    redisClusterUrls === undefined
      ? createClient({ url: redisUrl ?? '', ...options })
      : createCluster({ rootNodes: redisClusterUrls.map((url) => ({ url })), defaults: options })
  client.on('error', () => {})
  closing.push(() => client.destroy())
  return client
}
