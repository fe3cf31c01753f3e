import { createHash } from 'node:crypto'
import {
  AUDIT_CHAIN_START,
  type AuditAction,
  type AuditDraft,
  type AuditEntry,
  auditPayload,
} from '../../model/audit-entry.ts'
import type { AuditEnd, AuditEnds, AuditLink, PlacedAudit } from '../../model/audit-trail.ts'
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
  /** Latest `at` of the chain so far. No part of what the hash covers: it follows from the others. */
  readonly reached_at: number
}

/** Every column of {@link AuditRow}. */
export const AUDIT_COLUMNS = [
  ...(['owner', 'sequence', 'action', 'key_id', 'actor', 'address', 'request_id', 'at', 'details'] as const),
  ...(['previous_hash', 'hash', 'reached_at'] as const),
] satisfies readonly (keyof AuditRow)[]

/** The end of an owner's chain, and in a table of the same columns, where what is left of it begins. */
export interface AuditHead {
  readonly sequence: number
  readonly hash: string
  readonly reached_at: number
}

/** The end of a chain that has no entry. */
export const EMPTY_CHAIN: AuditHead = { sequence: 0, hash: AUDIT_CHAIN_START, reached_at: 0 }

/** Reads the row of an owner's head or anchor; {@link EMPTY_CHAIN} where there is none. */
export function decodeHead(row: Row | undefined, owner: string): AuditHead {
  if (row === undefined) return EMPTY_CHAIN
  const reader = new RowReader(row, `audit head of ${owner}`)
  return { sequence: reader.integer('sequence'), hash: reader.text('hash'), reached_at: reader.integer('reached_at') }
}

/** Shows a head or an anchor as the interface of the store does. */
export function viewEnd({ sequence, hash, reached_at: reachedAtMs }: AuditHead): AuditEnd {
  return { sequence, hash, reachedAtMs }
}

/** Reads both ends of a chain from rows that say which one they are. */
export function decodeEnds(rows: readonly Row[], owner: string): AuditEnds {
  const find = (which: string) => rows.find((row) => textOf(row['which']) === which)
  return {
    anchor: viewEnd(decodeHead(find('anchor'), owner)),
    head: viewEnd(decodeHead(find('head'), owner)),
  }
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
    reached_at: Math.max(at.getTime(), head.reached_at),
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

/** Reads an entry with its place among all others. @throws {StoreUnavailableError} Naming the entry, when its row is damaged. */
export function decodePlaced(row: Row): PlacedAudit {
  const entry = decodeAudit(row)
  return { ...entry, reachedAt: new RowReader(row, `audit entry ${entry.sequence}`).instant('reached_at') }
}

/** Reads an entry as it is stored, damaged or not. */
export function decodeLink(row: Row): AuditLink {
  return {
    sequence: Number(row['sequence']),
    previousHash: textOf(row['previous_hash']) ?? '',
    hash: textOf(row['hash']) ?? '',
    payload: payloadOf(row),
    atMs: Number(row['at']),
    reachedAtMs: Number(row['reached_at']),
  }
}

function payloadOf(row: Row): string | undefined {
  try {
    const reader = new RowReader(row, 'audit entry')
    const draft: AuditDraft = {
      action: reader.text('action') as AuditAction,
      owner: reader.text('owner'),
      keyId: reader.textOrNull('key_id'),
      actor: reader.textOrNull('actor'),
      address: reader.textOrNull('address'),
      requestId: reader.textOrNull('request_id'),
      at: reader.instant('at'),
      details: {},
    }
    return auditPayload(draft, reader.text('details'), reader.integer('sequence'), reader.text('previous_hash'))
  } catch {
    // What cannot be read is no entry that was ever written: whoever verifies the chain says so.
    return undefined
  }
}

/** Finds how many of an owner's oldest rows lie before an instant, without a gap, and where they end. */
export function endOfPurge(
  rows: readonly Row[],
  before: Date,
): { readonly entries: number; readonly end: AuditHead | undefined } {
  const links = rows.map(decodeLink)
  // Both, so that a row is kept whichever of the two somebody has edited.
  const young = links.findIndex(({ atMs, reachedAtMs }) => !(Math.max(atMs, reachedAtMs) < before.getTime()))
  const entries = young < 0 ? links.length : young
  const last = links[entries - 1]
  if (last === undefined) return { entries: 0, end: undefined }
  return { entries, end: { sequence: last.sequence, hash: last.hash, reached_at: last.reachedAtMs } }
}
