import { type Kysely, sql } from 'kysely'
import { ConfigError } from '../../model/errors.ts'
import type { StoreInspection } from '../../model/inspection.ts'
import { textOf } from './row-reader.ts'
import type { SqlDatabase } from './sql-database.ts'
import type { SqlDialect } from './sql-dialect.ts'
import type { Tables } from './tables.ts'

/** A step from one schema to the next: applied once, and never changed after its release. */
export interface Migration {
  /** Room and number, so that rooms never renumber each other. */
  readonly name: string
  /** Statements, each ended by a semicolon. Where DDL commits by itself, every one may be repeated. */
  readonly sql: string
  /** What no SQL can do, after it; where DDL commits by itself, it may be repeated. */
  readonly fill?: (db: Kysely<Tables>) => Promise<void>
  /** Indexes over what was filled in, which are quicker to make when it is there. */
  readonly indexes?: string
}

/**
 * Brings the schema up to date (`auto`), or only checks that it is (`check`). Any number of processes may start at once:
 * one after the other looks for what is missing, and a crash leaves what the next start finishes.
 *
 * @returns Names of the migrations that this call applied, in order.
 * @throws {ConfigError} When the schema is newer than this version, or, with `check`, older. Nothing was changed.
 */
export async function migrateTables(
  database: SqlDatabase,
  mode: 'auto' | 'check',
  now: number,
): Promise<readonly string[]> {
  const { dialect, patient, tablePrefix } = database
  const missing = await readMissing(database, patient)
  if (missing.length === 0) return []
  if (mode === 'check') {
    const names = missing.map((migration) => migration.name).join(', ')
    throw new ConfigError(
      `${dialect.name}(): migrate is 'check', and the schema lacks ${names}. Start once with 'auto', or run: keyward migrate`,
    )
  }
  const done: string[] = []
  await dialect.lockMigrations(patient, tablePrefix, async (db) => {
    await sql.raw(CREATE_MIGRATIONS).execute(db)
    for (const migration of await readMissing(database, db)) {
      for (const statement of splitStatements(migration.sql)) await sql.raw(statement).execute(db)
      await migration.fill?.(db)
      for (const statement of splitStatements(migration.indexes ?? '')) await sql.raw(statement).execute(db)
      await db.insertInto('keyward_migrations').values({ name: migration.name, applied_at: now }).execute()
      done.push(migration.name)
    }
  })
  return done
}

/** Says which migrations a database has, which it lacks, and which are not of this version. */
export async function readSchema({
  dialect,
  db,
}: SqlDatabase): Promise<Pick<StoreInspection, 'applied' | 'pending' | 'unknown'>> {
  const names = await readNames(dialect, db)
  const known = dialect.migrations.map(({ name }) => name)
  return {
    applied: known.filter((name) => names.has(name)),
    pending: known.filter((name) => !names.has(name)),
    unknown: Array.from(names, String).filter((name) => !known.includes(name)),
  }
}

const CREATE_MIGRATIONS = `
  CREATE TABLE IF NOT EXISTS keyward_migrations (name VARCHAR(64) NOT NULL PRIMARY KEY, applied_at BIGINT NOT NULL)`

async function readMissing({ dialect }: SqlDatabase, db: Kysely<Tables>): Promise<readonly Migration[]> {
  const applied = await readNames(dialect, db)
  const unknown = Array.from(applied).filter((name) => !dialect.migrations.some((known) => known.name === name))
  if (unknown.length > 0)
    throw new ConfigError(`${dialect.name}(): the schema is newer than this version of keyward: ${unknown.join(', ')}.`)
  return dialect.migrations.filter(({ name }) => !applied.has(name))
}

/** No table, no migrations. */
async function readNames(dialect: SqlDialect, db: Kysely<Tables>): Promise<ReadonlySet<string | undefined>> {
  try {
    return await readApplied(db)
  } catch (error) {
    if (dialect.classify(error) === 'missing-table') return new Set()
    throw error
  }
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
