import type { Gate, KeyStore } from '../index.ts'
import type { MysqlSource } from '../stores/mysql/mysql.ts'
import type { PostgresSource } from '../stores/postgres/postgres.ts'
import type { RedisClient } from '../stores/redis/redis.ts'
import type { DatabaseAddress } from './environment.ts'
import { CommandFailure, exitCodes } from './failure.ts'
import { loadPackage } from './project-package.ts'

/** How long a call of the database may take: nobody waits behind a command line, and networks may be far. */
const STORE_DEADLINE_MS = 10_000
/** How long an answer of Redis may take. */
const GATE_DEADLINE_MS = 2_000
const CONNECT_MS = 5_000
const MAX_CONNECTIONS = 4

/** Something that was opened, and how it is let go. */
export interface Opened<T> {
  readonly value: T
  close(): Promise<void>
}

/**
 * Opens the store that an address names, by the driver of the user's project. Connects when it is first used.
 *
 * @param folder - The user's project.
 * @throws {CommandFailure} When a package is missing, with the command that installs it.
 */
export async function openStore(address: DatabaseAddress, folder: string): Promise<Opened<KeyStore>> {
  switch (address.kind) {
    case 'sqlite': {
      const { sqlite } = await import('../stores/sqlite/sqlite.ts')
      return { value: sqlite(address.file, { migrate: 'check' }), close: async () => {} }
    }
    case 'postgres':
      return openPostgres(address.url, folder)
    case 'mysql':
      return openMysql(address.url, folder)
  }
}

const options = { migrate: 'check', deadlineMs: STORE_DEADLINE_MS } as const

async function openPostgres(url: string, folder: string): Promise<Opened<KeyStore>> {
  const { name, exports } = await loadPackage(['pg', 'postgres'], folder, 'Postgres')
  const { postgres } = await withKysely(() => import('../stores/postgres/postgres.ts'), 'Postgres', name)
  if (name === 'pg') {
    const { Pool } = exports as { Pool: new (settings: object) => PgPool }
    const pool = new Pool({ connectionString: url, max: MAX_CONNECTIONS, connectionTimeoutMillis: CONNECT_MS })
    // A connection that breaks while idle is replaced by the pool; without a listener it would end the process.
    pool.on('error', () => {})
    return { value: postgres(pool as unknown as PostgresSource, options), close: () => pool.end() }
  }
  const connect = exports['default'] as (url: string, settings: object) => PostgresJs
  const sql = connect(url, { max: MAX_CONNECTIONS, connect_timeout: CONNECT_MS / 1_000, onnotice: () => {} })
  return { value: postgres(sql as unknown as PostgresSource, options), close: () => sql.end({ timeout: 1 }) }
}

async function openMysql(url: string, folder: string): Promise<Opened<KeyStore>> {
  const { name, exports } = await loadPackage(['mysql2'], folder, 'MySQL')
  const { mysql } = await withKysely(() => import('../stores/mysql/mysql.ts'), 'MySQL', name)
  const { createPool } = exports as { createPool: (settings: object) => MysqlPool }
  const pool = createPool({ uri: url, connectionLimit: MAX_CONNECTIONS, connectTimeout: CONNECT_MS })
  return {
    value: mysql(pool as unknown as MysqlSource, options),
    close: () => new Promise((closed) => pool.end(() => closed())),
  }
}

/**
 * Opens the gate in Redis. A server that cannot be reached is no error here: a fence that it does not take waits.
 *
 * @throws {CommandFailure} When a package is missing, with the command that installs it.
 */
export async function openRedis(url: string, folder: string): Promise<Opened<Gate>> {
  const { name, exports } = await loadPackage(['ioredis', 'redis'], folder, 'Redis')
  const { redis } = await import('../stores/redis/redis.ts')
  const gate = (client: RedisClient) => redis(client, { deadlineMs: GATE_DEADLINE_MS, eviction: 'warn' })
  if (name === 'ioredis') {
    const { Redis } = exports as { Redis: new (url: string, settings: object) => IoredisLike }
    const client = new Redis(url, {
      lazyConnect: true,
      connectTimeout: CONNECT_MS,
      maxRetriesPerRequest: 0,
      autoResendUnfulfilledCommands: false,
      retryStrategy: () => 250,
    })
    client.on('error', () => {})
    return { value: gate(client as unknown as RedisClient), close: async () => client.disconnect() }
  }
  const { createClient } = exports as { createClient: (settings: object) => NodeRedisLike }
  const client = createClient({ url, socket: { connectTimeout: CONNECT_MS, reconnectStrategy: false } })
  client.on('error', () => {})
  return { value: gate(client as unknown as RedisClient), close: async () => client.destroy() }
}

async function withKysely<T>(load: () => Promise<T>, purpose: string, driver: string): Promise<T> {
  try {
    return await load()
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new CommandFailure(`${purpose} needs the package kysely, which is not installed here.`, exitCodes.usage, [
      `npm install kysely ${driver}`,
    ])
  }
}

interface PgPool {
  on(event: 'error', listener: () => void): unknown
  end(): Promise<void>
}

interface PostgresJs {
  end(options: { readonly timeout: number }): Promise<void>
}

interface MysqlPool {
  end(done: () => void): void
}

interface IoredisLike {
  on(event: 'error', listener: () => void): unknown
  disconnect(): void
}

interface NodeRedisLike {
  on(event: 'error', listener: () => void): unknown
  destroy(): void
}
