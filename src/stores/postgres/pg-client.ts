import type { Row } from '../sql/row-reader.ts'
import type { SqlClient } from '../sql/sql-client.ts'

/** The part of a `Pool` of pg that is used. */
export interface PgPool {
  connect(callback: (error: Error | undefined, client: PgPoolClient | undefined) => void): unknown
  query(text: string, values: unknown[]): Promise<PgResult>
  /** Number of clients in the pool: how a pool is told from a client. */
  readonly totalCount: number
}

/** The part of a client of such a pool that is used. */
export interface PgPoolClient {
  query(text: string, values: unknown[]): Promise<PgResult>
  release(destroy?: boolean): void
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
}

/** What pg answers. */
interface PgResult {
  readonly rows: unknown
  /** Number of rows returned or changed. */
  readonly rowCount: number | null
}

/** Recognises a `Pool` of pg, or of one of its kin (@neondatabase/serverless, @vercel/postgres). */
export function isPgPool(value: unknown): value is PgPool {
  if (typeof value !== 'object' || value === null) return false
  const { connect, query, totalCount } = value as Partial<PgPool>
  return typeof connect === 'function' && typeof query === 'function' && typeof totalCount === 'number'
}

/** Takes connections from a pool. Statements have no name: a pooler between here and the server may spread them. */
export function createPgClient(pool: PgPool): SqlClient {
  return {
    async connect() {
      const client = await take(pool)
      return {
        async run(text, values) {
          const { rows, rowCount } = await client.query(text, [...values])
          return { rows: (rows ?? []) as readonly Row[], affected: rowCount ?? 0 }
        },
        release(isBroken) {
          client.removeListener('error', ignore)
          if (isBroken) client.on('error', ignore)
          client.release(isBroken)
        },
      }
    },
  }
}

/**
 * Takes a connection, and listens to it at once: one that is lost between two statements says so by an event, to which
 * nobody else listens meanwhile. A promise would be too late, because the server may end a connection in the very packet
 * that completes it.
 */
function take(pool: PgPool): Promise<PgPoolClient> {
  return new Promise((resolve, reject) => {
    pool.connect((error, client) => {
      if (client === undefined) return reject(error)
      client.on('error', ignore)
      resolve(client)
    })
  })
}

function ignore(): void {
  // The next statement on the connection is rejected, and tells.
}
