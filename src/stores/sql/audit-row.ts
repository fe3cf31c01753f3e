import { createHash } from 'node:crypto'
import {
  AUDIT_CHAIN_START,
  type AuditAction,
  type AuditDraft,
  type AuditEntry,
  auditPayload,
} from '../../model/audit-entry.ts'
import { InvalidInputError } from '../../model/errors.ts'
import { MAX_ROW_CHARACTERS, type Row, RowReader, textOf } from './row-reader.ts'

/** Leaves room for the other columns of a row that can be read back. */
const MAX_DETAILS_CHARACTERS = MAX_ROW_CHARACTERS - 4_096

/** Columns of an audit entry, in the order of {@link AUDIT_COLUMNS}. */
export interface AuditRow {
  readonly owner: string
  readonly sequence: number
  readonly action: string
  readonly key_id: string | null
  readonly actor: string | null
  readonly address: string | null
  readonly request_id: string | null
  readonly at: number
  readonly details: string
  readonly previous_hash: string
  readonly hash: string
}

/** Every column of {@link AuditRow}. */
export const AUDIT_COLUMNS = [
  ...(['owner', 'sequence', 'action', 'key_id', 'actor', 'address', 'request_id', 'at', 'details'] as const),
  ...(['previous_hash', 'hash'] as const),
] satisfies readonly (keyof AuditRow)[]

/** The end of an owner's chain. */
export interface AuditHead {
  readonly sequence: number
  readonly hash: string
}

/** The end of a chain that has no entry. */
export const EMPTY_CHAIN: AuditHead = { sequence: 0, hash: AUDIT_CHAIN_START }

/** Reads the row of an owner's head; {@link EMPTY_CHAIN} where there is none. */
export function decodeHead(row: Row | undefined, owner: string): AuditHead {
  if (row === undefined) return EMPTY_CHAIN
  const reader = new RowReader(row, `audit head of ${owner}`)
  return { sequence: reader.integer('sequence'), hash: reader.text('hash') }
}

/**
 * Makes the row that follows a head. Whoever calls it holds the owner's head, so that the chain has no gap.
 *
 * @throws {InvalidInputError} When the details are too long.
 */
export function linkAudit(draft: AuditDraft, head: AuditHead): AuditRow {
  const details = JSON.stringify(draft.details)
  if (details.length > MAX_DETAILS_CHARACTERS)
    throw new InvalidInputError([{ path: [], message: 'The details of an audit entry are too long.' }])
  const sequence = head.sequence + 1
  const hash = createHash('sha256')
    .update(auditPayload(draft, details, sequence, head.hash))
    .digest('hex')
  const { owner, action, keyId, actor, address, requestId, at } = draft
  return {
    ...{ owner, sequence, action, key_id: keyId, actor, address, request_id: requestId },
    ...{ at: at.getTime(), details, previous_hash: head.hash, hash },
  }
}

/** @throws {StoreUnavailableError} Naming the entry, when its row is damaged. */
export function decodeAudit(row: Row): AuditEntry {
  const reader = new RowReader(row, `audit entry ${row['sequence']} of ${textOf(row['owner'])}`)
  return {
    action: reader.text('action') as AuditAction,
    owner: reader.text('owner'),
    keyId: reader.textOrNull('key_id'),
    actor: reader.textOrNull('actor'),
    address: reader.textOrNull('address'),
    requestId: reader.textOrNull('request_id'),
    at: reader.instant('at'),
    details: reader.object('details'),
    sequence: reader.integer('sequence'),
    previousHash: reader.text('previous_hash'),
    hash: reader.text('hash'),
  }
}
