import { ConfigError } from '../../model/errors.ts'
import type { SqliteConnection } from './connection.ts'
import { MIGRATIONS } from './migrations.ts'

/**
 * Brings the schema up to date (`auto`), or only checks that it is (`check`). Each migration is one transaction,
 * and is looked for again once that holds the lock: any number of processes may start at once, and a crash leaves
 * all of a migration or nothing.
 *
 * @throws {ConfigError} When the schema is newer than this version, or, with `check`, older. Nothing was changed.
 */
export async function migrate(connection: SqliteConnection, mode: 'auto' | 'check', now: number): Promise<void> {
  const applied = readApplied(connection)
  const unknown = Array.from(applied).filter((name) => !MIGRATIONS.some((migration) => migration.name === name))
  if (unknown.length > 0)
    throw new ConfigError(`sqlite(): the schema is newer than this version of keyward: ${unknown.join(', ')}.`)
  const missing = MIGRATIONS.filter((migration) => !applied.has(migration.name))
  if (missing.length === 0) return
  if (mode === 'check') {
    const names = missing.map((migration) => migration.name).join(', ')
    throw new ConfigError(`sqlite(): migrate is 'check', and the schema lacks ${names}. Start once with 'auto'.`)
  }
  for (const { name, sql } of missing) {
    await connection.write(() => {
      if (readApplied(connection).has(name)) return
      connection.exec(CREATE_MIGRATIONS)
      connection.exec(sql)
      connection.run('INSERT INTO keyward_migrations (name, applied_at) VALUES (?, ?)', name, now)
    })
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
