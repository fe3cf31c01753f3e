import type { KeyStore } from '../../model/key-store.ts'
import { SqlKeyStore } from '../sql/sql-key-store.ts'
import { checkSqlOptions, type SqlOptions } from '../sql/sql-options.ts'
import { type MysqlSource, openMysqlSource } from './open-source.ts'

export type { KyselySource } from '../sql/kysely-source.ts'
export type { SqlOptions as MysqlOptions } from '../sql/sql-options.ts'
export type { Mysql2Connection, Mysql2Pool, Mysql2PromisePool } from './mysql2-client.ts'
export type { MysqlSource } from './open-source.ts'

/**
 * Creates a store in a database of MySQL (8 or later) or MariaDB (10.6 or later), for any number of processes. Does nothing
 * until `open()`. It brings no gate: windows need Redis, or `memoryGate()` where one process serves.
 *
 * Takes the pool that the application has: one of mysql2 or of `mysql2/promise`, or any Kysely instance over MySQL, whose
 * plugins are left out. It is never closed, and one connection is enough. Reads must reach the primary; a server that is
 * `read_only`, as replicas are, is refused, at start and with every read of a key.
 *
 * A commit is one transaction, READ COMMITTED, with all of a change or nothing of it, and is made again up to three times
 * within the deadline when others are in its way. What it has acknowledged survives what the server's
 * `innodb_flush_log_at_trx_commit` lets it survive. A lock that takes longer than the deadline (in whole seconds) is given
 * up; a connection that stays silent for 10 seconds is closed (with a Kysely instance: by it).
 *
 * Credits and idempotency records are kept here, too: a debit is one transaction, and a debit and its record end in one.
 * The longest response (9 MiB) is sent in base64, and fits in the `max_allowed_packet` of 16 MiB that MariaDB begins with.
 *
 * Everything that fails is a `StoreUnavailableError` with its cause, less what the driver says of bound values. A row that
 * is damaged or of a newer version rejects the calls that need it, `list` among them, with an error that names it.
 *
 * Ids, owners and digests of more than 1,024 bytes are refused. DDL is not transactional here: a migration that was killed
 * is finished by the next start.
 *
 * @param source - The application's own client. The tables are made in its database.
 * @throws {ConfigError} When an option breaks its rule. `open()` throws it for a server that is read-only or too old, and
 * a schema that will not do.
 */
export function mysql(source: MysqlSource, options: SqlOptions = {}): KeyStore {
  const checked = checkSqlOptions('mysql', options)
  return new SqlKeyStore(openMysqlSource(source, checked.tablePrefix, checked.deadlineMs), checked)
}
