import { type Kysely, sql } from 'kysely'
import { ConfigError } from '../../model/errors.ts'
import { codePointsOf } from '../sql/page-syntax.ts'
import type { Failure, SqlDialect } from '../sql/sql-dialect.ts'
import { postgresMigrations } from './postgres-migrations.ts'
import { reserveAtOnce, takeOverClaim } from './request-statements.ts'

/** Longest that a start waits for the migrations of another process. */
const MIGRATION_PATIENCE = '5min'
/** First half of the advisory lock's name: "keyw" in ASCII. */
const LOCK_SPACE = 0x6b657977

/** SQLSTATEs (https://www.postgresql.org/docs/current/errcodes-appendix.html), and codes of clients, that are acted upon. */
const FAILURES: Readonly<Record<string, Failure>> = {
  '23505': 'taken',
  '40001': 'transient',
  '40P01': 'transient',
  '57P01': 'lost',
  '57P02': 'lost',
  ECONNRESET: 'lost',
  EPIPE: 'lost',
  CONNECTION_CLOSED: 'lost',
  '42P01': 'missing-table',
  // An index row, or a character that is none in the encoding.
  '54000': 'unfit',
  '22021': 'unfit',
}

/** What pg says, without a code, of a connection that ended under a statement or before it. */
const LOST = /^(Connection terminated unexpectedly|Client has encountered a connection error)/

/** What is Postgres' own in statements and errors. */
export const postgresDialect: SqlDialect = {
  name: 'postgres',
  migrations: postgresMigrations,
  serverState: sql`(
    select pg_is_in_recovery() as in_recovery, floor(extract(epoch from clock_timestamp()) * 1000)::bigint as server_now)`,
  nameServer: (version) => version.split(' ').slice(0, 2).join(' '),
  types: { text: sql`text`, integer: sql`bigint` },
  keepFirst: (key) => sql`on conflict (${sql.id(key)}) do nothing`,
  overwrite: (key, columns) => {
    const assignments = columns.map((column) => sql`${sql.id(column)} = excluded.${sql.id(column)}`)
    return sql`on conflict (${sql.id(key)}) do update set ${sql.join(assignments)}`
  },
  raise: (table, key, column) => sql`
    on conflict (${sql.id(key)}) do update set ${sql.id(column)} = excluded.${sql.id(column)}
    where excluded.${sql.id(column)} > ${sql.id(table, column)}`,
  addUp: (table, key, sums, highest, text) => sql`
    on conflict (${sql.join(key.map((column) => sql.id(column)))}) do update set
    ${sql.id(text)} = coalesce(excluded.${sql.id(text)}, ${sql.id(table, text)}),
    ${sql.join(
      sums.map((column) => {
        const sum = sql`${sql.id(table, column)} + excluded.${sql.id(column)}`
        return sql`${sql.id(column)} = least(${sum}, ${sql.lit(highest)})`
      }),
    )}`,
  takeOverClaim,
  reserveAtOnce,
  page: { lengthOf: codePointsOf, unindexed: (column) => column },
  bytes: ({ buffer, byteOffset, byteLength }) => sql`${Buffer.from(buffer, byteOffset, byteLength)}`,
  encodeText: (text) => text,

  async limitWaiting(transaction, deadlineMs) {
    const limit = `${deadlineMs}ms`
    await sql`
      select set_config('lock_timeout', ${limit}, true), set_config('statement_timeout', ${limit}, true)
    `.execute(transaction)
    return async () => {}
  },

  /** One transaction, which holds an advisory lock until it ends: works through PgBouncer, and ends with a crash. */
  async lockMigrations(db, prefix, work) {
    await db
      .transaction()
      .setIsolationLevel('read committed')
      .execute(async (transaction) => {
        await sql`
          select set_config('lock_timeout', ${MIGRATION_PATIENCE}, true), set_config('statement_timeout', '0', true)
        `.execute(transaction)
        await sql`
          select pg_advisory_xact_lock(${sql.lit(LOCK_SPACE)}, hashtext(${prefix} || current_schema()))
        `.execute(transaction)
        await work(transaction)
      })
  },

  async checkServer(db: Kysely<never>) {
    const { rows } = await sql<{ encoding: unknown }>`select current_setting('server_encoding') as encoding`.execute(db)
    const encoding = rows[0]?.encoding
    if (encoding !== 'UTF8')
      throw new ConfigError(`postgres(): the database must be encoded in UTF8, but is in ${String(encoding)}.`)
  },

  classify(error) {
    if (!(error instanceof Error)) return undefined
    const code = 'code' in error ? error.code : undefined
    if (typeof code === 'string') return FAILURES[code]
    return LOST.test(error.message) ? 'lost' : undefined
  },
}
