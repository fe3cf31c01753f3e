import type { KeyRecord } from '../../model/key-record.ts'
import type { InstantCondition, KeyQuery } from '../../model/key-store.ts'
import type { SqliteConnection } from './connection.ts'
import { decodeKey, SELECT_KEYS } from './key-row.ts'
import type { SqliteValue } from './sqlite-handle.ts'

const FIND_BY_DIGEST = `${SELECT_KEYS} WHERE k.digest IN (?, ?)`
const FIND_BY_ID = `${SELECT_KEYS} WHERE k.id = ?`

const INSTANT_COLUMNS: Record<InstantCondition['field'], string> = {
  startsAt: 'k.starts_at',
  expiresAt: 'k.expires_at',
  disabledAt: 'k.disabled_at',
  revokedAt: 'k.revoked_at',
  deletedAt: 'k.deleted_at',
}

const COMPARISONS: Record<InstantCondition['test'], (column: string) => string> = {
  null: (column) => `${column} IS NULL`,
  set: (column) => `${column} IS NOT NULL`,
  after: (column) => `${column} > ?`,
  notAfter: (column) => `${column} <= ?`,
  nullOrAfter: (column) => `(${column} IS NULL OR ${column} > ?)`,
  nullOrNotAfter: (column) => `(${column} IS NULL OR ${column} <= ?)`,
}

/** Finds the record under one of at most two digests. Both are looked for in one statement: one snapshot. */
export function findByDigest(connection: SqliteConnection, digests: readonly string[]): KeyRecord | undefined {
  const [first, second] = digests
  if (first === undefined) return undefined
  const rows = connection.all(FIND_BY_DIGEST, first, second ?? first)
  // Compared again here: a table may have been rebuilt with a collation that takes other texts for equal.
  const row = rows.find((found) => found['digest'] === first) ?? rows.find((found) => found['digest'] === second)
  return row && decodeKey(row)
}

export function findById(connection: SqliteConnection, keyId: string): KeyRecord | undefined {
  const row = connection.get(FIND_BY_ID, keyId)
  return row && decodeKey(row)
}

/**
 * Lists records, newest first.
 *
 * @throws {StoreUnavailableError} When a row of the page is damaged, naming it: a page that left it out would say
 * that the key is gone.
 */
export function listKeys(connection: SqliteConnection, query: KeyQuery): readonly KeyRecord[] {
  const conditions: string[] = []
  const values: SqliteValue[] = []
  if (query.owner !== undefined) {
    conditions.push('k.owner = ?')
    values.push(query.owner)
  }
  if (query.beforeId !== undefined) {
    conditions.push('k.id < ?')
    values.push(query.beforeId)
  }
  for (const { field, test, at } of query.conditions) {
    conditions.push(COMPARISONS[test](INSTANT_COLUMNS[field]))
    if (test !== 'null' && test !== 'set') values.push(at.getTime())
  }
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
  return connection.all(`${SELECT_KEYS} ${where} ORDER BY k.id DESC LIMIT ?`, ...values, query.limit).map(decodeKey)
}

/** The distinct pepper versions of keys that are not deleted. */
export function readPepperVersions(connection: SqliteConnection): readonly number[] {
  const rows = connection.all('SELECT DISTINCT pepper_version FROM keyward_keys WHERE deleted_at IS NULL')
  return rows.map((row) => Number(row['pepper_version']))
}
