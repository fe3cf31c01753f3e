import type { KeyRecord } from '../../model/key-record.ts'
import type { KeyQuery } from '../../model/key-store.ts'
import { readPage } from '../sql/key-page.ts'
import { decodeKey, pickByDigest } from '../sql/key-row.ts'
import { codePointsOf, type PageSyntax } from '../sql/page-syntax.ts'
import type { Row } from '../sql/row-reader.ts'
import type { Parts } from '../sql/statement-parts.ts'
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
 * Lists records in the query's order.
 *
 * @throws {StoreUnavailableError} When a row of the page is damaged, naming it: a page that left it out would say
 * that the key is gone.
 */
export function listKeys(connection: SqliteConnection, query: KeyQuery): readonly KeyRecord[] {
  const reading = readPage(query, SYNTAX)
  let step = reading.next()
  while (!step.done) step = reading.next(run(connection, step.value))
  return step.value.map(decodeKey)
}

/** SQLite has no numbers to plan by, unless somebody ran ANALYZE: a plus keeps it from indexes that would not help. */
const SYNTAX: PageSyntax = { lengthOf: codePointsOf, unindexed: (column) => `+${column}` }

function run(connection: SqliteConnection, parts: Parts): readonly Row[] {
  const text = parts.map((part) => (typeof part === 'string' ? part : '?')).join('')
  return connection.all(text, ...parts.flatMap((part) => (typeof part === 'string' ? [] : [part.value])))
}

/** The distinct pepper versions of keys that are not deleted. */
export function readPepperVersions(connection: SqliteConnection): readonly number[] {
  const rows = connection.all('SELECT DISTINCT pepper_version FROM keyward_keys WHERE deleted_at IS NULL')
  return rows.map((row) => Number(row['pepper_version']))
}
