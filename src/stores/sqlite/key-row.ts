import { InvalidInputError } from '../../model/errors.ts'
import type { KeyRecord } from '../../model/key-record.ts'
import type { Row } from './connection.ts'
import { MAX_ROW_CHARACTERS, RowReader } from './row-reader.ts'
import type { SqliteValue } from './sqlite-handle.ts'

/** Layout of the rows that are written; a row with a higher one was written by a newer version. */
const ROW_SCHEMA = 1

const COLUMNS = [
  ...['id', 'lineage', 'digest', 'pepper_version', 'owner', 'created_by', 'name', 'start', 'scopes', 'policies'],
  ...['audiences', 'addresses', 'metadata', 'created_at', 'updated_at', 'starts_at', 'expires_at', 'disabled_at'],
  ...['revoked_at', 'deleted_at', 'rotated_from', 'rotated_to', 'schema'],
]

/** Reads whole records, each with its lineage's version and its last use, in one snapshot. Conditions follow. */
export const SELECT_KEYS = `
  SELECT ${COLUMNS.map((column) => `k.${column}`).join(', ')}, l.version, u.last_used_at
  FROM keyward_keys k
  LEFT JOIN keyward_lineages l ON l.id = k.lineage
  LEFT JOIN keyward_key_uses u ON u.key_id = k.id`

/** Inserts a row, or replaces the one of the same id and lineage; binds what {@link encodeKey} returns. */
export const PUT_KEY = `
  INSERT INTO keyward_keys (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})
  ON CONFLICT (id) DO UPDATE SET ${COLUMNS.map((column) => `${column} = excluded.${column}`).join(', ')}
  WHERE keyward_keys.lineage = excluded.lineage`

/** @throws {InvalidInputError} When the record could not be read back: an invalid instant, too much text. */
export function encodeKey(record: KeyRecord): SqliteValue[] {
  const values = [
    ...[record.id, record.lineage, record.digest, record.pepperVersion, record.owner, record.createdBy, record.name],
    ...[record.start, JSON.stringify(record.scopes), JSON.stringify(record.policies)],
    ...[JSON.stringify(record.audiences), JSON.stringify(record.addresses), JSON.stringify(record.metadata)],
    ...[encodeInstant(record.createdAt), encodeInstant(record.updatedAt), encodeInstant(record.startsAt)],
    ...[encodeInstant(record.expiresAt), encodeInstant(record.disabledAt), encodeInstant(record.revokedAt)],
    ...[encodeInstant(record.deletedAt), record.rotatedFrom, record.rotatedTo, ROW_SCHEMA],
  ]
  const characters = values.reduce<number>((sum, value) => sum + (typeof value === 'string' ? value.length : 0), 0)
  if (characters > MAX_ROW_CHARACTERS)
    throw new InvalidInputError([{ path: [], message: `A key record holds at most ${MAX_ROW_CHARACTERS} characters.` }])
  return values
}

/** @throws {StoreUnavailableError} Naming the row's id, when the row is damaged or of a newer version. */
export function decodeKey(row: Row): KeyRecord {
  const reader = new RowReader(row, `key ${typeof row['id'] === 'string' ? row['id'] : 'without an id'}`)
  reader.expectSchema(ROW_SCHEMA)
  return {
    id: reader.text('id'),
    lineage: reader.text('lineage'),
    digest: reader.text('digest'),
    pepperVersion: reader.integer('pepper_version'),
    owner: reader.text('owner'),
    createdBy: reader.textOrNull('created_by'),
    name: reader.text('name'),
    start: reader.textOrNull('start'),
    scopes: reader.texts('scopes'),
    policies: reader.texts('policies'),
    audiences: reader.texts('audiences'),
    addresses: reader.texts('addresses'),
    metadata: reader.object('metadata'),
    createdAt: reader.instant('created_at'),
    updatedAt: reader.instant('updated_at'),
    startsAt: reader.instantOrNull('starts_at'),
    expiresAt: reader.instantOrNull('expires_at'),
    disabledAt: reader.instantOrNull('disabled_at'),
    revokedAt: reader.instantOrNull('revoked_at'),
    deletedAt: reader.instantOrNull('deleted_at'),
    lastUsedAt: reader.instantOrNull('last_used_at'),
    rotatedFrom: reader.textOrNull('rotated_from'),
    rotatedTo: reader.textOrNull('rotated_to'),
    version: reader.integer('version'),
  }
}

/** SQLite binds NaN as NULL: an expiry that is no instant would be stored as none. */
function encodeInstant(instant: Date | null): number | null {
  if (instant === null) return null
  const milliseconds = instant.getTime()
  if (Number.isNaN(milliseconds))
    throw new InvalidInputError([{ path: [], message: 'An instant must be a valid Date.' }])
  return milliseconds
}
