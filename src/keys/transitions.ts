import type { AuditAction } from '../model/audit-entry.ts'
import { InvalidInputError, StoreConflictError } from '../model/errors.ts'
import type { KeyRecord } from '../model/key-record.ts'
import { stateOf } from './judge.ts'

/** What a management action makes of a record: the row as it shall be, or `undefined` where it is so already. */
export type Transition = (record: KeyRecord, at: Date) => KeyRecord | undefined

/** Fields that an update may change. */
export type KeyPatch = Partial<
  Pick<KeyRecord, 'name' | 'scopes' | 'policies' | 'audiences' | 'addresses' | 'metadata' | 'startsAt' | 'expiresAt'>
>

/** The single-key actions that change nothing but the key's state, with the audit entry that each leaves. */
export const stateTransitions = {
  disable: { action: 'key.disabled', apply: disable },
  enable: { action: 'key.enabled', apply: enable },
  revoke: { action: 'key.revoked', apply: revoke },
  delete: { action: 'key.deleted', apply: softDelete },
} as const satisfies Record<string, { action: AuditAction; apply: Transition }>

/** Names of those actions. */
export type EndOrPause = keyof typeof stateTransitions

function disable(record: KeyRecord, at: Date): KeyRecord | undefined {
  refuseEnded(record, at)
  return record.disabledAt === null ? { ...record, disabledAt: at, updatedAt: at } : undefined
}

function enable(record: KeyRecord, at: Date): KeyRecord | undefined {
  refuseEnded(record, at)
  return record.disabledAt === null ? undefined : { ...record, disabledAt: null, updatedAt: at }
}

function revoke(record: KeyRecord, at: Date): KeyRecord | undefined {
  switch (stateOf(record, at.getTime())) {
    case 'deleted':
      throw new StoreConflictError('The key is deleted.')
    case 'revoked':
      return undefined
    default:
      return { ...record, revokedAt: at, updatedAt: at }
  }
}

function softDelete(record: KeyRecord, at: Date): KeyRecord | undefined {
  return stateOf(record, at.getTime()) === 'deleted' ? undefined : { ...record, deletedAt: at, updatedAt: at }
}

/** Changes the fields that are given. A key that was revoked or deleted stays as it was. */
export function update(record: KeyRecord, patch: KeyPatch, at: Date): KeyRecord | undefined {
  refuseEnded(record, at)
  const next: KeyRecord = { ...record, ...patch, updatedAt: at }
  const issue = periodIssue(next)
  if (issue !== undefined) throw new InvalidInputError([{ path: ['expiresAt'], message: issue }])
  if (record.rotatedTo !== null && isLater(next.expiresAt, record.expiresAt))
    throw new InvalidInputError([
      { path: ['expiresAt'], message: 'can only be brought forward on a key that was rotated' },
    ])
  return JSON.stringify({ ...next, updatedAt: record.updatedAt }) === JSON.stringify(record) ? undefined : next
}

/**
 * Replaces a key by another of the same lineage. The old one ends at once where there is no grace, else with it or
 * at its own expiry, whichever is earlier; the new one takes over everything else, expiry included.
 */
export function rotate(
  record: KeyRecord,
  successor: Pick<KeyRecord, 'id' | 'digest' | 'pepperVersion' | 'start' | 'createdBy'>,
  graceSeconds: number,
  at: Date,
): { readonly previous: KeyRecord; readonly next: KeyRecord } {
  const state = stateOf(record, at.getTime())
  if (state !== 'active' && state !== 'scheduled')
    throw new StoreConflictError(`A key that is ${state} cannot be rotated.`)
  if (record.rotatedTo !== null) throw new StoreConflictError('The key was rotated already.')
  const graceEnd = new Date(at.getTime() + graceSeconds * 1_000)
  const ended =
    graceSeconds === 0
      ? { revokedAt: at }
      : { expiresAt: isLater(record.expiresAt, graceEnd) ? graceEnd : record.expiresAt }
  return {
    previous: { ...record, ...ended, updatedAt: at, rotatedTo: successor.id },
    next: { ...record, ...successor, createdAt: at, updatedAt: at, lastUsedAt: null, rotatedFrom: record.id },
  }
}

/** Says what is wrong with a key's period of validity, if anything is. */
export function periodIssue(record: Pick<KeyRecord, 'startsAt' | 'expiresAt'>): string | undefined {
  return record.startsAt !== null && record.expiresAt !== null && !isLater(record.expiresAt, record.startsAt)
    ? 'must lie after startsAt'
    : undefined
}

/** Compares ends of periods; `null` is never. */
function isLater(end: Date | null, than: Date | null): boolean {
  if (than === null) return false
  return end === null || end.getTime() > than.getTime()
}

function refuseEnded(record: KeyRecord, at: Date): void {
  const state = stateOf(record, at.getTime())
  if (state === 'deleted' || state === 'revoked') throw new StoreConflictError(`The key is ${state}.`)
}
