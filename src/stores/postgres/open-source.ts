import { CompiledQuery, Kysely, PostgresAdapter, PostgresIntrospector, PostgresQueryCompiler } from 'kysely'
import { ConfigError } from '../../model/errors.ts'
import { ClientDriver, createQuery, GIVE_UP_AFTER_MS, PATIENT_MS } from '../sql/client-driver.ts'
import { isKysely, type KyselySource, withTables } from '../sql/kysely-source.ts'
import type { Row } from '../sql/row-reader.ts'
import type { SqlClient, SqlQuery } from '../sql/sql-client.ts'
import type { SqlDatabase } from '../sql/sql-database.ts'
import { StatementPlugin } from '../sql/statement-plugin.ts'
import type { Tables } from '../sql/tables.ts'
import { createPgClient, isPgPool, type PgPool } from './pg-client.ts'
import { postgresDialect } from './postgres-dialect.ts'
import {
  createPostgresJsClient,
  createPostgresJsQuery,
  isPostgresJs,
  type PostgresJsSql,
} from './postgres-js-client.ts'

/** What {@link postgres} takes: a `Pool` of pg, the `sql` of postgres.js, or a Kysely instance over Postgres. */
export type PostgresSource = PgPool | PostgresJsSql | KyselySource

/** Makes a database of whatever the user handed over, which stays the user's to close. */
export function openPostgresSource(source: PostgresSource, tablePrefix: string, deadlineMs: number): SqlDatabase {
  const { query, db, patient } = connect(source)
  const plugin = new StatementPlugin(tablePrefix, postgresDialect.encodeText)
  const dialect = postgresDialect
  return { db: db.withPlugin(plugin), patient: patient.withPlugin(plugin), query, dialect, tablePrefix, deadlineMs }
}

type Connected = Pick<SqlDatabase, 'db' | 'patient' | 'query'>

function connect(source: PostgresSource): Connected {
  if (isKysely(source)) return connectKysely(source)
  if (isPgPool(source)) return connectClient(createPgClient(source))
  if (isPostgresJs(source))
    return { ...connectClient(createPostgresJsClient(source)), query: createPostgresJsQuery(source) }
  throw new ConfigError(
    'postgres(): the first argument must be a Pool of pg, the sql of postgres.js, or a Kysely instance.',
  )
}

function connectClient(client: SqlClient): Connected {
  const query = createQuery(client)
  return { db: overClient(client, GIVE_UP_AFTER_MS), patient: overClient(client, PATIENT_MS), query }
}

function connectKysely(source: KyselySource): Connected {
  const { supportsTransactionalDdl, supportsReturning } = source.getExecutor().adapter
  if (!supportsTransactionalDdl || !supportsReturning)
    throw new ConfigError('postgres(): the Kysely instance must be one over Postgres.')
  const db = withTables<Tables>(source)
  const query: SqlQuery = async (text, values) =>
    (await db.executeQuery<Row>(CompiledQuery.raw(text, [...values]))).rows
  return { db, patient: db, query }
}

function overClient(client: SqlClient, giveUpAfterMs: number): Kysely<Tables> {
  const begin = ['begin isolation level read committed']
  return new Kysely<Tables>({
    dialect: {
      createDriver: () => new ClientDriver(client, begin, giveUpAfterMs),
      createAdapter: () => new PostgresAdapter(),
      createQueryCompiler: () => new PostgresQueryCompiler(),
      createIntrospector: (db) => new PostgresIntrospector(db),
    },
  })
}
