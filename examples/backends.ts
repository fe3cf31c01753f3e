import { Redis } from 'ioredis'
import type { Gate, KeyStore } from 'keyward'
import { postgres } from 'keyward/postgres'
import { redis } from 'keyward/redis'
import { sqlite } from 'keyward/sqlite'
import pg from 'pg'
import { type Documents, postgresDocuments, sqliteDocuments } from './documents.ts'
import type { Environment } from './environment.ts'

/** What an example runs on: the same code on one file, on Postgres, and on Postgres with Redis. */
export interface Backends {
  readonly store: KeyStore
  /** `undefined` leaves it to the store: Postgres has a gate of its own, a file is served by one process. */
  readonly gate: Gate | undefined
  /** Opens a table of the app's own. */
  documents(name: string): Documents
  /** Ends the connections that were opened here. */
  close(): Promise<void>
}

/** Opens what the environment names. Connects when it is first used. */
export function openBackends({ database, redisUrl }: Environment): Backends {
  const client = redisUrl === undefined ? undefined : openRedis(redisUrl)
  const gate = client && redis(client)
  if (database.kind === 'sqlite') {
    return {
      store: sqlite(database.file),
      gate,
      documents: (name) => sqliteDocuments(`${database.file}.${name}`, name),
      close: async () => client?.disconnect(),
    }
  }
  const pool = new pg.Pool({ connectionString: database.url, max: 20, connectionTimeoutMillis: 1_000 })
  // A connection that breaks while idle is replaced by the pool; without a listener it would end the process.
  pool.on('error', () => {})
  return {
    store: postgres(pool),
    gate,
    documents: (name) => postgresDocuments(pool, name),
    async close() {
      client?.disconnect()
      await pool.end()
    },
  }
}

/** A command that was sent over a connection that broke is not sent again: it may have been counted. */
function openRedis(url: string): Redis {
  const client = new Redis(url, {
    lazyConnect: true,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(50 * times, 250),
  })
  // keyward tells of a gate that is away, once; the client would of every attempt.
  client.on('error', () => {})
  return client
}
