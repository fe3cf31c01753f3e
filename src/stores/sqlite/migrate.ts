import { ConfigError } from '../../model/errors.ts'
import type { StoreInspection } from '../../model/inspection.ts'
import type { SqliteConnection } from './connection.ts'
import { MIGRATIONS } from './migrations.ts'

/**
 * Brings the schema up to date (`auto`), or only checks that it is (`check`). Each migration is one transaction,
 * and is looked for again once that holds the lock: any number of processes may start at once, and a crash leaves
 * all of a migration or nothing.
 *
 * @returns Names of the migrations that this call applied, in order.
 * @throws {ConfigError} When the schema is newer than this version, or, with `check`, older. Nothing was changed.
 */
export async function migrate(
  connection: SqliteConnection,
  mode: 'auto' | 'check',
  now: number,
): Promise<readonly string[]> {
  const { pending, unknown } = readSchema(connection)
  if (unknown.length > 0)
    throw new ConfigError(`sqlite(): the schema is newer than this version of keyward: ${unknown.join(', ')}.`)
  if (pending.length === 0) return []
  if (mode === 'check')
    throw new ConfigError(
      `sqlite(): migrate is 'check', and the schema lacks ${pending.join(', ')}. Start once with 'auto', or run: keyward migrate`,
    )
  const done: string[] = []
  for (const { name, sql, fill, indexes } of MIGRATIONS.filter((migration) => pending.includes(migration.name))) {
    await connection.write(() => {
      if (readApplied(connection).has(name)) return
      connection.exec(CREATE_MIGRATIONS)
      connection.exec(sql)
      fill?.(connection)
      if (indexes !== undefined) connection.exec(indexes)
      connection.run('INSERT INTO keyward_migrations (name, applied_at) VALUES (?, ?)', name, now)
      done.push(name)
    })
  }
  return done
}

/** Says which migrations a database has, which it lacks, and which are not of this version. */
export function readSchema(connection: SqliteConnection): Pick<StoreInspection, 'applied' | 'pending' | 'unknown'> {
  const names = readApplied(connection)
  const known = MIGRATIONS.map(({ name }) => name)
  return {
    applied: known.filter((name) => names.has(name)),
    pending: known.filter((name) => !names.has(name)),
    unknown: Array.from(names, String).filter((name) => !known.includes(name)),
  }
}

const CREATE_MIGRATIONS = `
  CREATE TABLE IF NOT EXISTS keyward_migrations (
    name TEXT NOT NULL PRIMARY KEY,
    applied_at INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID`

function readApplied(connection: SqliteConnection): ReadonlySet<unknown> {
  const table = connection.get(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'keyward_migrations'`)
  if (table === undefined) return new Set()
  return new Set(connection.all('SELECT name FROM keyward_migrations').map((row) => row['name']))
}
