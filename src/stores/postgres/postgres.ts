import type { Gate } from '../../model/gate.ts'
import type { KeyStore } from '../../model/key-store.ts'
import { SqlKeyStore } from '../sql/sql-key-store.ts'
import { checkSqlOptions, type SqlOptions } from '../sql/sql-options.ts'
import { prefixTables } from '../sql/statement-plugin.ts'
import { openPostgresSource, type PostgresSource } from './open-source.ts'
import { createPostgresGate } from './postgres-gate.ts'

export type { KyselySource } from '../sql/kysely-source.ts'
export type { SqlOptions as PostgresOptions } from '../sql/sql-options.ts'
export type { PostgresSource } from './open-source.ts'
export type { PgPool, PgPoolClient } from './pg-client.ts'
export {
  type ListenerOptions,
  type PostgresChannelOptions,
  type PostgresChannelSource,
  type PostgresPublisher,
  postgresChannel,
} from './postgres-channel.ts'
export type { PostgresJsSql } from './postgres-js-client.ts'

/**
 * Creates a store in a Postgres database (12 or later), for any number of processes. Does nothing until `open()`.
 *
 * Takes the pool that the application has: a `Pool` of pg, the `sql` of postgres.js, or any Kysely instance over Postgres,
 * whose plugins are left out. It is never closed, and one connection is enough. Nothing is left behind on a connection, and
 * no statement needs one of its own: PgBouncer in transaction mode works (postgres.js then needs `prepare: false`). Reads
 * must reach the primary; a replica is refused, at start and with every read of a key.
 *
 * A commit is one transaction, READ COMMITTED, with all of a change or nothing of it, and is made again up to three times
 * within the deadline when others are in its way. What it has acknowledged survives what the server's
 * `synchronous_commit` lets it survive. A lock or statement that takes longer than the deadline is given up by the server;
 * a connection that stays silent for 10 seconds is closed (with a Kysely instance or postgres.js: by them). So a server
 * that is slow or away costs each call one deadline, and is used again as soon as it is there.
 *
 * Everything that fails is a `StoreUnavailableError` with its cause, less what the driver says of bound values. A row that
 * is damaged or of a newer version rejects the calls that need it, `list` among them, with an error that names it.
 *
 * A keyward that is given no other gate counts in this database as well. Credits and idempotency records are kept in it, too:
 * a debit is one statement, and a debit and its record end in one transaction. Whatever takes credits of one account waits
 * for one row; as many debits pass as the balance allows, and nobody waits in a circle.
 *
 * A pool of pg tells of an idle connection that broke by an `error` event, which ends the process where nobody listens:
 * `pool.on('error', () => {})`. A `statement_timeout` on the role ends what outlives its caller.
 *
 * @param source - The application's own client. The tables are made in the first schema of its search path.
 * @throws {ConfigError} When an option breaks its rule. `open()` throws it for a replica, a database that is not UTF8,
 * and a schema that will not do.
 */
export function postgres(source: PostgresSource, options: SqlOptions = {}): KeyStore {
  const checked = checkSqlOptions('postgres', options)
  const { tablePrefix, deadlineMs } = checked
  const database = openPostgresSource(source, tablePrefix, deadlineMs)
  return new PostgresKeyStore(database, checked)
}

class PostgresKeyStore extends SqlKeyStore {
  createGate(): Gate {
    const { query, tablePrefix, deadlineMs } = this.database
    return createPostgresGate({
      query: (text, values) => query(prefixTables(text, tablePrefix), values),
      tablePrefix,
      deadlineMs,
    })
  }
}
