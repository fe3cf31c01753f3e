import type { KeyRecord } from '../../model/key-record.ts'
import type { KeyQuery } from '../../model/key-store.ts'
import { comparisonsOf } from '../sql/key-conditions.ts'
import { decodeKey, pickByDigest } from '../sql/key-row.ts'
import type { SqliteConnection } from './connection.ts'
import { SELECT_KEYS } from './key-row.ts'

const FIND_BY_DIGEST = `${SELECT_KEYS} WHERE k.digest IN (?, ?)`
const FIND_BY_ID = `${SELECT_KEYS} WHERE k.id = ?`

/** Finds the record under one of at most two digests. Both are looked for in one statement: one snapshot. */
export function findByDigest(connection: SqliteConnection, digests: readonly string[]): KeyRecord | undefined {
  const [first, second] = digests
  if (first === undefined) return undefined
  const row = pickByDigest(connection.all(FIND_BY_DIGEST, first, second ?? first), digests)
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
  const comparisons = comparisonsOf(query)
  const conditions = comparisons.map(({ column, operator, orNull }) => {
    const comparison = `k.${column} ${operator} ?`
    return orNull ? `(k.${column} IS NULL OR ${comparison})` : comparison
  })
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
  const values = comparisons.map(({ value }) => value)
  return connection.all(`${SELECT_KEYS} ${where} ORDER BY k.id DESC LIMIT ?`, ...values, query.limit).map(decodeKey)
}

/** The distinct pepper versions of keys that are not deleted. */
export function readPepperVersions(connection: SqliteConnection): readonly number[] {
  const rows = connection.all('SELECT DISTINCT pepper_version FROM keyward_keys WHERE deleted_at IS NULL')
  return rows.map((row) => Number(row['pepper_version']))
}
