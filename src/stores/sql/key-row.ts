import { InvalidInputError } from '../../model/errors.ts'
import { foldName } from '../../model/folded-name.ts'
import type { KeyRecord } from '../../model/key-record.ts'
import { MAX_ROW_CHARACTERS, type Row, RowReader, textOf } from './row-reader.ts'

/** Layout of the rows that are written; a row with a higher one was written by a newer version. */
const ROW_SCHEMA = 1

/** Columns of a key's own row. Instants are milliseconds since the Unix epoch, lists and metadata JSON. */
export interface KeyRow {
  readonly id: string
  readonly lineage: string
  readonly digest: string
  readonly pepper_version: number
  readonly owner: string
  readonly created_by: string | null
  readonly name: string
  readonly start: string | null
  readonly scopes: string
  readonly policies: string
  readonly audiences: string
  readonly addresses: string
  readonly metadata: string
  readonly created_at: number
  readonly updated_at: number
  readonly starts_at: number | null
  readonly expires_at: number | null
  readonly disabled_at: number | null
  readonly revoked_at: number | null
  readonly deleted_at: number | null
  readonly rotated_from: string | null
  readonly rotated_to: string | null
  readonly schema: number
  /** What the name is searched and sorted by. */
  readonly name_folded: string
}

/** Every column of {@link KeyRow} that a record is read from. */
export const KEY_COLUMNS = [
  ...(['id', 'lineage', 'digest', 'pepper_version', 'owner', 'created_by', 'name', 'start', 'scopes'] as const),
  ...(['policies', 'audiences', 'addresses', 'metadata', 'created_at', 'updated_at', 'starts_at'] as const),
  ...(['expires_at', 'disabled_at', 'revoked_at', 'deleted_at', 'rotated_from', 'rotated_to', 'schema'] as const),
] satisfies readonly (keyof KeyRow)[]

/** What a record is read from: key `k`, lineage `l` and use `u`. */
export const READ_COLUMNS = `${KEY_COLUMNS.map((column) => `k.${column}`).join(', ')}, l.version, u.last_used_at`

/** Every column of {@link KeyRow}. */
export const STORED_COLUMNS = [...KEY_COLUMNS, 'name_folded'] satisfies readonly (keyof KeyRow)[]

/** Stands for no use at all in the table of uses, where every key has a row: a millisecond before the first instant. */
export const NEVER_USED = -8_640_000_000_000_001

/** What a last use is stored as. */
export function encodeUse(lastUsedAt: Date | null): number {
  return lastUsedAt === null ? NEVER_USED : encodeInstant(lastUsedAt)
}

/** @throws {InvalidInputError} When the record could not be read back: an invalid instant, too much text. */
export function encodeKey(record: KeyRecord): KeyRow {
  const row: KeyRow = {
    id: record.id,
    lineage: record.lineage,
    digest: record.digest,
    pepper_version: record.pepperVersion,
    owner: record.owner,
    created_by: record.createdBy,
    name: record.name,
    start: record.start,
    scopes: JSON.stringify(record.scopes),
    policies: JSON.stringify(record.policies),
    audiences: JSON.stringify(record.audiences),
    addresses: JSON.stringify(record.addresses),
    metadata: JSON.stringify(record.metadata),
    created_at: encodeInstant(record.createdAt),
    updated_at: encodeInstant(record.updatedAt),
    starts_at: record.startsAt && encodeInstant(record.startsAt),
    expires_at: record.expiresAt && encodeInstant(record.expiresAt),
    disabled_at: record.disabledAt && encodeInstant(record.disabledAt),
    revoked_at: record.revokedAt && encodeInstant(record.revokedAt),
    deleted_at: record.deletedAt && encodeInstant(record.deletedAt),
    rotated_from: record.rotatedFrom,
    rotated_to: record.rotatedTo,
    schema: ROW_SCHEMA,
    name_folded: foldName(record.name),
  }
  let characters = 0
  for (const value of Object.values(row)) if (typeof value === 'string') characters += value.length
  if (characters > MAX_ROW_CHARACTERS)
    throw new InvalidInputError([{ path: [], message: `A key record holds at most ${MAX_ROW_CHARACTERS} characters.` }])
  return row
}

/**
 * Reads a key's row together with its lineage's `version` and its `last_used_at`.
 *
 * @throws {StoreUnavailableError} Naming the row's id, when the row is damaged or of a newer version.
 */
export function decodeKey(row: Row): KeyRecord {
  const reader = new RowReader(row, `key ${textOf(row['id']) ?? 'without an id'}`)
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
    lastUsedAt: isUnused(row['last_used_at']) ? null : reader.instantOrNull('last_used_at'),
    rotatedFrom: reader.textOrNull('rotated_from'),
    rotatedTo: reader.textOrNull('rotated_to'),
    version: reader.integer('version'),
  }
}

/**
 * Picks the row of the first digest, else that of the second. Compared again here: a table may have been rebuilt with a
 * collation that takes other texts for equal.
 */
export function pickByDigest(rows: readonly Row[], digests: readonly string[]): Row | undefined {
  for (const digest of digests) {
    const row = rows.find((found) => textOf(found['digest']) === digest)
    if (row !== undefined) return row
  }
  return undefined
}

function isUnused(lastUsedAt: unknown): boolean {
  return lastUsedAt !== null && lastUsedAt !== undefined && Number(lastUsedAt) === NEVER_USED
}

/** Databases bind NaN as NULL, or refuse it: an expiry that is no instant would be stored as none. */
function encodeInstant(instant: Date): number {
  const milliseconds = instant.getTime()
  if (Number.isNaN(milliseconds))
    throw new InvalidInputError([{ path: [], message: 'An instant must be a valid Date.' }])
  return milliseconds
}
