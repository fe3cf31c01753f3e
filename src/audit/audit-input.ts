import * as z from 'zod'
import type { AuditPlace } from '../model/audit-trail.ts'
import { InvalidInputError } from '../model/errors.ts'

const instant = z.date('must be a valid instant')
const text = (max: number) => z.string().max(max, `must be at most ${max} characters`)

const filters = {
  owner: text(256).optional(),
  keyId: text(256).optional(),
  action: text(64)
    .regex(/^[a-z]+\.[a-z_]+$/, 'must be an action such as key.created')
    .optional(),
  from: instant.optional(),
  to: instant.optional(),
}

/** A page of entries. */
export const auditListInput = z.strictObject({
  ...filters,
  limit: z.int('must be a whole number').min(1, 'must be at least 1').max(100, 'must be at most 100').default(50),
  cursor: text(2_048).optional(),
})

/** Entries to export, and how they are written. */
export const auditExportInput = z.strictObject({
  ...filters,
  format: z.enum(['jsonl', 'csv'], "must be 'jsonl' or 'csv'"),
})

/** Whose chain to verify. */
export const auditVerifyInput = z.strictObject({ owner: text(256).optional() })

/** Writes the place after which the next page begins. */
export function writeCursor({ reachedAt, owner, sequence }: AuditPlace): string {
  const bytes = new TextEncoder().encode(JSON.stringify([reachedAt.getTime(), sequence, owner]))
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''))
}

/** @throws {InvalidInputError} For what {@link writeCursor} has not written. */
export function readCursor(cursor: string): AuditPlace {
  try {
    const bytes = Uint8Array.from(atob(cursor), (character) => character.charCodeAt(0))
    const [reachedAtMs, sequence, owner] = cursorRule.parse(JSON.parse(new TextDecoder().decode(bytes)))
    return { reachedAt: new Date(reachedAtMs), owner, sequence }
  } catch {
    throw new InvalidInputError([{ path: ['cursor'], message: 'is not a cursor of this list' }])
  }
}

const cursorRule = z.tuple([z.int().min(-8.64e15).max(8.64e15), z.int().min(1), text(256)])
