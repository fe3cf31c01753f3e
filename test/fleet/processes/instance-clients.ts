import { Redis } from 'ioredis'
import pg from 'pg'

/** What has to be ended. */
export type Closing = (() => unknown)[]

/** How long a client waits before it connects again: milliseconds. Tests allow for it. */
export const RECONNECT_MS = 50

/** How long a statement waits for a connection of its pool, where nothing else is configured: milliseconds. */
const CONNECTION_MS = 1_000

/** Opens a pool of so many connections that survives the loss of those that are idle. */
export function openPool(url: string, max: number, closing: Closing, waitMs = CONNECTION_MS): pg.Pool {
  const pool = new pg.Pool({ connectionString: url, max, connectionTimeoutMillis: waitMs })
  pool.on('error', () => {})
  closing.push(() => pool.end())
  return pool
}

/** Opens a client that sends nothing again. */
export function openIoredis(url: string, closing: Closing): Redis {
  const client = new Redis(url, {
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
    retryStrategy: () => RECONNECT_MS,
    connectTimeout: 500,
  })
  client.on('error', () => {})
  closing.push(() => client.disconnect())
  return client
}
