import { stateOf } from '../keys/judge.ts'
import type { KeyRecord } from '../model/key-record.ts'
import type { AlertDraft } from './alert-book.ts'

const DAY_MS = 86_400_000

/** When keys are due. */
export interface KeyTerms {
  /** Age in days from which a key should be rotated; `undefined` asks for none. */
  readonly rotationAgeDays: number | undefined
  /** Days before its expiry from which a key is said to end; `undefined` says nothing. */
  readonly expiryWithinDays: number | undefined
}

/**
 * Says that an active key ends soon: within `expiryWithinDays`, and was not replaced by another key.
 *
 * @param now - Milliseconds since the Unix epoch.
 */
export function judgeExpiry(record: KeyRecord, terms: KeyTerms, now: number): AlertDraft | undefined {
  const { expiresAt } = record
  if (terms.expiryWithinDays === undefined || expiresAt === null || !isInUse(record, now)) return undefined
  const leftMs = expiresAt.getTime() - now
  if (leftMs > terms.expiryWithinDays * DAY_MS) return undefined
  const reason = `The key expires at ${expiresAt.toISOString()}, and has not been rotated.`
  return about(record, 'expiry_near', reason, { expiresAt: expiresAt.toISOString(), daysLeft: days(leftMs) })
}

/**
 * Says that an active key is older than `rotationAgeDays`, and was not replaced by another key. A key that was made by
 * rotation has an age of its own.
 *
 * @param now - Milliseconds since the Unix epoch.
 */
export function judgeAge(record: KeyRecord, terms: KeyTerms, now: number): AlertDraft | undefined {
  if (terms.rotationAgeDays === undefined || !isInUse(record, now)) return undefined
  const ageMs = now - record.createdAt.getTime()
  if (ageMs <= terms.rotationAgeDays * DAY_MS) return undefined
  const reason = `The key is more than ${terms.rotationAgeDays} days old, and has not been rotated.`
  const createdAt = record.createdAt.toISOString()
  return about(record, 'rotation_due', reason, { createdAt, ageDays: days(ageMs), dueAfterDays: terms.rotationAgeDays })
}

function isInUse(record: KeyRecord, now: number): boolean {
  return record.rotatedTo === null && stateOf(record, now) === 'active'
}

function about(record: KeyRecord, kind: AlertDraft['kind'], reason: string, details: object): AlertDraft {
  return { owner: record.owner, keyId: record.id, kind, subject: record.id, reason, details: { ...details } }
}

/** Days, to one decimal place. */
function days(ms: number): number {
  return Math.floor((ms / DAY_MS) * 10) / 10
}
