import type { ClaimOutcome, ClaimRequest } from '../../model/claim-store.ts'
import { StoreUnavailableError } from '../../model/errors.ts'
import { type Row, RowReader } from './row-reader.ts'

/** Columns of an idempotency record. Instants are milliseconds since the Unix epoch. */
export interface ClaimRow {
  readonly id: string
  readonly owner: string
  readonly fingerprint: string
  readonly state: 'open' | 'done'
  /** `null` for one that is done, and where a lease that ended was closed. */
  readonly token: string | null
  readonly attempt: number
  readonly request_id: string
  /** When it was claimed last. */
  readonly at: number
  readonly lease_until: number
  readonly expires_at: number
  readonly answer: Uint8Array | null
}

/** Columns that are written when a record is claimed for the first time; the others are NULL then. */
export type ClaimedRow = Omit<ClaimRow, 'answer'>

/** The row of a first attempt. */
export function encodeClaim(request: ClaimRequest): ClaimedRow {
  return {
    id: request.id,
    owner: request.owner,
    fingerprint: request.fingerprint,
    state: 'open',
    token: request.token,
    attempt: 1,
    request_id: request.requestId,
    at: request.at.getTime(),
    lease_until: request.leaseUntil.getTime(),
    expires_at: request.expiresAt.getTime(),
  }
}

/** A record that is free: another attempt may take its place. */
export interface FreeClaim {
  readonly state: string
  readonly token: string | null
  /** Attempts so far. */
  readonly attempt: number
  readonly leaseUntil: number
  readonly expiresAt: number
}

/**
 * Says what a record that is stored means to a request: the answer, or the record where nothing keeps the request from
 * claiming it.
 *
 * @throws {StoreUnavailableError} Naming the record, when its row is damaged: it must not run again for that.
 */
export function classifyClaim(row: Row, { id, fingerprint, at }: ClaimRequest): ClaimOutcome | FreeClaim {
  const { answer, ...columns } = row
  const reader = new RowReader(columns, `idempotency record ${id}`)
  const state = reader.text('state')
  const expiresAt = reader.integer('expires_at')
  const leaseUntil = reader.integer('lease_until')
  const free = { state, token: reader.textOrNull('token'), attempt: reader.integer('attempt'), leaseUntil, expiresAt }
  if (expiresAt <= at.getTime()) return free
  if (reader.text('fingerprint') !== fingerprint) return { outcome: 'mismatch' }
  if (state === 'done')
    return { outcome: 'done', answer: decodeBytes(answer, id), requestId: reader.text('request_id') }
  if (state !== 'open') throw damaged(id)
  return leaseUntil > at.getTime() ? { outcome: 'in_progress' } : free
}

/** Bytes as drivers return them; or in hex, as Postgres writes them for a driver that was told not to read them. */
function decodeBytes(value: unknown, id: string): Uint8Array | null {
  if (value === null || value instanceof Uint8Array) return value
  if (typeof value === 'string' && /^\\x([0-9a-f]{2})*$/.test(value)) return Buffer.from(value.slice(2), 'hex')
  throw damaged(id)
}

function damaged(id: string): StoreUnavailableError {
  return new StoreUnavailableError(`The store's idempotency record ${id} cannot be read: it is damaged or too new.`)
}
