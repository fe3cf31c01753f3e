import type { Row } from '../sql/row-reader.ts'
import type { SqlClient, SqlQuery, SqlResult } from '../sql/sql-client.ts'

/** The part of postgres.js' `sql` that is used. */
export interface PostgresJsSql {
  unsafe(text: string, values: PostgresJsValue[], options: { readonly prepare: boolean }): PromiseLike<PostgresJsResult>
  reserve(): Promise<PostgresJsReserved>
  readonly options: { readonly prepare?: boolean }
}

/** What the library binds. */
type PostgresJsValue = string | number | boolean | Uint8Array | null

/** A connection that is nobody else's meanwhile. */
interface PostgresJsReserved extends Pick<PostgresJsSql, 'unsafe'> {
  release(): void
}

/** What postgres.js answers: the rows, and more. */
interface PostgresJsResult extends ArrayLike<unknown> {
  /** Number of rows returned or changed. */
  readonly count: number | null
}

/** Recognises the `sql` that `postgres()` of postgres.js returns. */
export function isPostgresJs(value: unknown): value is PostgresJsSql {
  if (typeof value !== 'function') return false
  const { unsafe, reserve, options } = value as unknown as Partial<PostgresJsSql>
  return typeof unsafe === 'function' && typeof reserve === 'function' && typeof options === 'object'
}

/** Takes connections from postgres.js for transactions. */
export function createPostgresJsClient(postgresJs: PostgresJsSql): SqlClient {
  return {
    async connect() {
      const reserved = await postgresJs.reserve()
      let last: Promise<unknown> = Promise.resolve()
      const run = async (text: string, values: readonly unknown[]): Promise<SqlResult> => {
        const answer = runUnnamed(reserved, text, values)
        last = answer.catch(() => {})
        return answer
      }
      return {
        run,
        /** There is no way to close one connection: it is not given back before it has answered, and is clean. */
        release(isBroken) {
          if (!isBroken) reserved.release()
          else void last.then(() => run('rollback', [])).then(reserved.release, reserved.release)
        },
      }
    },
  }
}

/**
 * Runs single statements by postgres.js' own pool. They are few, so their names are postgres.js' to choose: with a name,
 * which `prepare: false` in its options forbids, they take one trip, else two.
 */
export function createPostgresJsQuery(postgresJs: PostgresJsSql): SqlQuery {
  return async (text, values) => {
    const prepare = postgresJs.options.prepare !== false
    return Array.from(await postgresJs.unsafe(text, [...values] as PostgresJsValue[], { prepare })) as Row[]
  }
}

async function runUnnamed(
  connection: Pick<PostgresJsSql, 'unsafe'>,
  text: string,
  values: readonly unknown[],
): Promise<SqlResult> {
  const result = await connection.unsafe(text, [...values] as PostgresJsValue[], { prepare: false })
  return { rows: Array.from(result) as Row[], affected: result.count ?? 0 }
}
