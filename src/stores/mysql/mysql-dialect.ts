import { createHash } from 'node:crypto'
import { type Kysely, type RawBuilder, sql } from 'kysely'
import { ConfigError, StoreUnavailableError } from '../../model/errors.ts'
import type { Failure, SqlDialect } from '../sql/sql-dialect.ts'
import type { Tables } from '../sql/tables.ts'
import { mysqlMigrations } from './mysql-migrations.ts'

/** Seconds that a start waits for the migrations of another process. */
const MIGRATION_PATIENCE_SECONDS = 300

/** Error numbers (https://dev.mysql.com/doc/mysql-errors/8.4/en/server-error-reference.html) that are acted upon. */
const FAILURES: Readonly<Record<number, Failure>> = {
  1062: 'taken',
  1205: 'transient',
  1213: 'transient',
  // A row that was read has been changed meanwhile, where `innodb_snapshot_isolation` is on (MariaDB).
  1020: 'transient',
  1053: 'lost',
  1927: 'lost',
  1146: 'missing-table',
  1406: 'unfit',
}

/** What is MySQL's and MariaDB's own in statements and errors. */
export const mysqlDialect: SqlDialect = {
  name: 'mysql',
  migrations: mysqlMigrations,
  // Not UNIX_TIMESTAMP(): it reads the session's local time, of which there is an hour twice a year that is two.
  serverState: sql`(
    select @@global.read_only as in_recovery,
    timestampdiff(microsecond, '1970-01-01', utc_timestamp(6)) div 1000 as server_now)`,
  nameServer: (version) => (/mariadb/i.test(version) ? `MariaDB ${version.split('-')[0]}` : `MySQL ${version}`),
  types: { text: sql`binary`, integer: sql`signed` },
  keepFirst: (key) => sql`on duplicate key update ${sql.id(key)} = ${sql.id(key)}`,
  // VALUES(): the one form that both MySQL and MariaDB know.
  overwrite: (_key, columns) => {
    const assignments = columns.map((column) => sql`${sql.id(column)} = values(${sql.id(column)})`)
    return sql`on duplicate key update ${sql.join(assignments)}`
  },
  raise: (table, _key, column) => sql`
    on duplicate key update ${sql.id(column)} = greatest(${sql.id(table, column)}, values(${sql.id(column)}))`,
  addUp: (_table, _key, sums, highest, text) => sql`
    on duplicate key update ${sql.id(text)} = coalesce(values(${sql.id(text)}), ${sql.id(text)}),
    ${sql.join(
      sums.map((column) => {
        const sum = sql`${sql.id(column)} + values(${sql.id(column)})`
        return sql`${sql.id(column)} = least(${sum}, ${sql.lit(highest)})`
      }),
    )}`,
  takeOverClaim: undefined,
  reserveAtOnce: undefined,
  page: { lengthOf: (text) => Buffer.byteLength(text), unindexed: (column) => column },
  bytes,
  encodeText,
  limitWaiting,
  lockMigrations,

  async checkServer(db) {
    const { rows } = await sql<{ version: unknown }>`select version() as version`.execute(db)
    const version = String(rows[0]?.version)
    const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10))
    const isMariadb = /mariadb/i.test(version)
    const isOld = isMariadb ? major < 10 || (major === 10 && minor < 6) : major < 8
    if (isOld) throw new ConfigError(`mysql(): the server must be MySQL 8 or MariaDB 10.6 or later, but is ${version}.`)
  },

  classify(error) {
    if (!(error instanceof Error)) return undefined
    const number = 'errno' in error ? error.errno : undefined
    const failure = typeof number === 'number' ? FAILURES[number] : undefined
    return failure ?? (isLost(error) ? 'lost' : undefined)
  },
}

/**
 * In base64: in hex, the longest answer would be more than a packet of a server that was left as it is (16 MiB). No
 * character of it has a meaning in a string, whatever `sql_mode` says.
 */
function bytes(bytes: Uint8Array): RawBuilder<Uint8Array> {
  const { buffer, byteOffset, byteLength } = bytes
  return sql`from_base64(${sql.lit(Buffer.from(buffer, byteOffset, byteLength).toString('base64'))})`
}

/** Whether mysql2 says that a connection ended under a statement, or before it. */
function isLost(error: Error & { readonly code?: unknown }): boolean {
  return LOST_CODES.has(error.code) || error.message.includes('in closed state')
}

const LOST_CODES: ReadonlySet<unknown> = new Set(['PROTOCOL_CONNECTION_LOST', 'ECONNRESET', 'EPIPE'])

/** Bytes: clients write them in hex, which no `sql_mode` and no character set reads in another way. */
function encodeText(text: string): Uint8Array {
  return Buffer.from(text, 'utf8')
}

/**
 * Waiting for locks is limited by the session here: it gets its own limits back before the transaction ends. The work of
 * a statement is not limited: the driver gives up on a connection that stays silent.
 */
async function limitWaiting(transaction: Kysely<Tables>, deadlineMs: number): Promise<() => Promise<void>> {
  const seconds = sql.lit(Math.max(1, Math.ceil(deadlineMs / 1_000)))
  await sql`
    set @keyward_rows = @@session.innodb_lock_wait_timeout, @keyward_tables = @@session.lock_wait_timeout,
    session innodb_lock_wait_timeout = ${seconds}, session lock_wait_timeout = ${seconds}`.execute(transaction)
  const restore = sql`
    set session innodb_lock_wait_timeout = @keyward_rows, session lock_wait_timeout = @keyward_tables`
  return async () => {
    // A connection that is lost has no limits to get back, and what went wrong before is what must be told.
    await restore.execute(transaction).catch(() => {})
  }
}

/** A named lock on one connection, which the server frees when the connection ends. */
async function lockMigrations(
  db: Kysely<Tables>,
  prefix: string,
  work: (db: Kysely<Tables>) => Promise<void>,
): Promise<void> {
  await db.connection().execute(async (connection) => {
    const { rows: names } = await sql<{ name: unknown }>`select database() as name`.execute(connection)
    const digest = createHash('sha256').update(`${names[0]?.name} ${prefix}`).digest('hex')
    const name = sql.lit(`keyward ${digest.slice(0, 32)}`)
    const { rows } = await sql<{ granted: unknown }>`
      select get_lock(${name}, ${sql.lit(MIGRATION_PATIENCE_SECONDS)}) as granted`.execute(connection)
    if (Number(rows[0]?.granted) !== 1)
      throw new StoreUnavailableError('mysql(): another process has been migrating the schema for five minutes.')
    try {
      await work(connection)
    } finally {
      await sql`select release_lock(${name})`.execute(connection).catch(() => {})
    }
  })
}
