import { type Kysely, sql } from 'kysely'
import { ConfigError } from '../../model/errors.ts'
import { textOf } from './row-reader.ts'
import type { SqlDatabase } from './sql-database.ts'
import type { Tables } from './tables.ts'

/** A step from one schema to the next: applied once, and never changed after its release. */
export interface Migration {
  /** Room and number, so that rooms never renumber each other. */
  readonly name: string
  /** Statements, each ended by a semicolon. Where DDL commits by itself, every one may be repeated. */
  readonly sql: string
}

/**
 * Brings the schema up to date (`auto`), or only checks that it is (`check`). Any number of processes may start at once:
 * one after the other looks for what is missing, and a crash leaves what the next start finishes.
 *
 * @throws {ConfigError} When the schema is newer than this version, or, with `check`, older. Nothing was changed.
 */
export async function migrateTables(database: SqlDatabase, mode: 'auto' | 'check', now: number): Promise<void> {
  const { dialect, patient, tablePrefix } = database
  const missing = await readMissing(database, patient)
  if (missing.length === 0) return
  if (mode === 'check') {
    const names = missing.map((migration) => migration.name).join(', ')
    throw new ConfigError(
      `${dialect.name}(): migrate is 'check', and the schema lacks ${names}. Start once with 'auto'.`,
    )
  }
  await dialect.lockMigrations(patient, tablePrefix, async (db) => {
    await sql.raw(CREATE_MIGRATIONS).execute(db)
    for (const migration of await readMissing(database, db)) {
      for (const statement of splitStatements(migration.sql)) await sql.raw(statement).execute(db)
      await db.insertInto('keyward_migrations').values({ name: migration.name, applied_at: now }).execute()
    }
  })
}

const CREATE_MIGRATIONS = `
  CREATE TABLE IF NOT EXISTS keyward_migrations (name VARCHAR(64) NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL)`

async function readMissing({ dialect }: SqlDatabase, db: Kysely<Tables>): Promise<readonly Migration[]> {
  const applied = await readApplied(db).catch((error: unknown) => {
    if (dialect.classify(error) === 'missing-table') return new Set<string | undefined>()
    throw error
  })
  const unknown = Array.from(applied).filter((name) => !dialect.migrations.some((known) => known.name === name))
  if (unknown.length > 0)
    throw new ConfigError(`${dialect.name}(): the schema is newer than this version of keyward: ${unknown.join(', ')}.`)
  return dialect.migrations.filter(({ name }) => !applied.has(name))
}

async function readApplied(db: Kysely<Tables>): Promise<ReadonlySet<string | undefined>> {
  const rows = await db.selectFrom('keyward_migrations').select('name').execute()
  return new Set(rows.map(({ name }) => textOf(name)))
}

/** Strings, bodies of functions and comments are passed over: a semicolon in one ends no statement. */
const PARTS = /(\$\w*\$)[\s\S]*?\1|'(?:[^']|'')*'|--[^\n]*|;/g

/** Splits a script: not every client takes several statements at once. */
export function splitStatements(script: string): readonly string[] {
  const ends = Array.from(script.matchAll(PARTS)).filter(([part]) => part === ';')
  const starts = [0, ...ends.map(({ index }) => index + 1)]
  return starts.map((start, each) => script.slice(start, ends[each]?.index).trim()).filter((text) => text !== '')
}
