import { CompiledQuery, Kysely, MysqlAdapter, MysqlIntrospector, MysqlQueryCompiler } from 'kysely'
import { ConfigError } from '../../model/errors.ts'
import { ClientDriver, createQuery, GIVE_UP_AFTER_MS, PATIENT_MS } from '../sql/client-driver.ts'
import { isKysely, type KyselySource, withTables } from '../sql/kysely-source.ts'
import type { Row } from '../sql/row-reader.ts'
import type { SqlClient, SqlQuery } from '../sql/sql-client.ts'
import type { SqlDatabase } from '../sql/sql-database.ts'
import { StatementPlugin } from '../sql/statement-plugin.ts'
import type { Tables } from '../sql/tables.ts'
import { mysqlDialect } from './mysql-dialect.ts'
import { createMysql2Client, findMysql2Pool, type Mysql2Pool, type Mysql2PromisePool } from './mysql2-client.ts'

/** What {@link mysql} takes: a pool of mysql2 or of `mysql2/promise`, or a Kysely instance over MySQL. */
export type MysqlSource = Mysql2Pool | Mysql2PromisePool | KyselySource

/** Makes a database of whatever the user handed over, which stays the user's to close. */
export function openMysqlSource(source: MysqlSource, tablePrefix: string, deadlineMs: number): SqlDatabase {
  const { query, db, patient } = connect(source)
  const plugin = new StatementPlugin(tablePrefix, mysqlDialect.encodeText)
  const dialect = mysqlDialect
  return { db: db.withPlugin(plugin), patient: patient.withPlugin(plugin), query, dialect, tablePrefix, deadlineMs }
}

function connect(source: MysqlSource): Pick<SqlDatabase, 'db' | 'patient' | 'query'> {
  if (isKysely(source)) return connectKysely(source)
  const pool = findMysql2Pool(source)
  if (pool === undefined)
    throw new ConfigError(
      'mysql(): the first argument must be a pool of mysql2 or mysql2/promise, or a Kysely instance.',
    )
  const client = createMysql2Client(pool)
  return {
    db: overClient(client, GIVE_UP_AFTER_MS),
    patient: overClient(client, PATIENT_MS),
    query: createQuery(client),
  }
}

function connectKysely(source: KyselySource): Pick<SqlDatabase, 'db' | 'patient' | 'query'> {
  const { supportsTransactionalDdl, supportsReturning } = source.getExecutor().adapter
  if (supportsTransactionalDdl || supportsReturning)
    throw new ConfigError('mysql(): the Kysely instance must be one over MySQL or MariaDB.')
  const db = withTables<Tables>(source)
  const query: SqlQuery = async (text, values) =>
    (await db.executeQuery<Row>(CompiledQuery.raw(text, [...values]))).rows
  return { db, patient: db, query }
}

function overClient(client: SqlClient, giveUpAfterMs: number): Kysely<Tables> {
  const begin = ['set transaction isolation level read committed', 'begin']
  return new Kysely<Tables>({
    dialect: {
      createDriver: () => new ClientDriver(client, begin, giveUpAfterMs),
      createAdapter: () => new MysqlAdapter(),
      createQueryCompiler: () => new MysqlQueryCompiler(),
      createIntrospector: (db) => new MysqlIntrospector(db),
    },
  })
}
