import type { Row } from '../sql/row-reader.ts'
import type { SqlClient, SqlResult } from '../sql/sql-client.ts'

/** The part of a pool of mysql2 that is used. */
export interface Mysql2Pool {
  getConnection(callback: (error: Error | null, connection: Mysql2Connection) => void): void
}

/** The part of a pool of `mysql2/promise` that is used: the pool that it wraps. */
export interface Mysql2PromisePool {
  readonly pool: Mysql2Pool
}

/** The part of a connection of mysql2 that is used. */
export interface Mysql2Connection {
  query(
    options: { readonly sql: string; readonly values: unknown[]; readonly rowsAsArray: false },
    callback: (error: Error | null, result: unknown) => void,
  ): unknown
  release(): void
  destroy(): void
}

/** Finds the pool in what the user handed over: a pool of mysql2, or of `mysql2/promise`. */
export function findMysql2Pool(value: unknown): Mysql2Pool | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { pool, getConnection } = value as { pool?: unknown; getConnection?: unknown }
  // A promise pool has both; its own `getConnection` takes no callback.
  if (typeof pool === 'object' && pool !== null) {
    if (typeof (pool as Partial<Mysql2Pool>).getConnection === 'function') return pool as Mysql2Pool
  }
  return typeof getConnection === 'function' ? (value as Mysql2Pool) : undefined
}

/** Takes connections from a pool. */
export function createMysql2Client(pool: Mysql2Pool): SqlClient {
  return {
    async connect() {
      const connection = await new Promise<Mysql2Connection>((resolve, reject) => {
        pool.getConnection((error, found) => (error === null ? resolve(found) : reject(error)))
      })
      return {
        run: (text, values) => run(connection, text, values),
        release(isBroken) {
          if (isBroken) connection.destroy()
          else connection.release()
        },
      }
    },
  }
}

/** The text protocol: one trip, and no prepared statement left on the server. */
function run(connection: Mysql2Connection, sql: string, values: readonly unknown[]): Promise<SqlResult> {
  return new Promise((resolve, reject) => {
    connection.query({ sql, values: [...values], rowsAsArray: false }, (error, result) => {
      if (error) reject(error)
      else if (Array.isArray(result)) resolve({ rows: result as Row[], affected: 0 })
      else
        resolve({ rows: [], affected: Number((result as { affectedRows?: unknown } | undefined)?.affectedRows ?? 0) })
    })
  })
}
