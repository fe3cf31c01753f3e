import { z } from '@hono/zod-openapi'
import type { AuditPage, AuditVerification } from '../index.ts'

const entrySchema = z
  .object({
    owner: z.string().describe('Whose chain it is in; empty for what belongs to no owner.'),
    sequence: z.int().min(1).describe('Place in the chain, without gaps.'),
    at: z.iso.datetime(),
    action: z.string().describe('`key.created`, `key.revoked`, `manage.refused` and so on.'),
    keyId: z.string().nullable(),
    actor: z.string().nullable().describe('`null` where the application itself acted.'),
    address: z.string().nullable(),
    requestId: z.string().nullable(),
    details: z.record(z.string(), z.unknown()).describe('What changed, before and after; never a key or a digest.'),
    previousHash: z.string().describe('`hash` of the entry before; 64 zeros for the first.'),
    hash: z.string().describe('SHA-256 of `previousHash` and the entry.'),
  })
  .openapi('AuditEntry')

/** A page of entries. */
export const auditPageSchema = z
  .object({ items: z.array(entrySchema), nextCursor: z.string().nullable() })
  .openapi('AuditPage')

/** What a verification came to. */
export const auditVerificationSchema = z
  .object({
    owner: z.string(),
    isIntact: z.boolean(),
    anchorSequence: z.int().describe('The last entry that was purged; the chain is checked from the next one.'),
    goodThroughSequence: z.int().describe('The last entry up to which every link holds.'),
    headSequence: z.int().describe('The newest entry.'),
    headHash: z.string().describe('Its hash. Kept elsewhere, it tells a chain that was written anew from this one.'),
    broken: z
      .object({
        sequence: z.int(),
        fault: z.enum(['missing', 'edited', 'out_of_place', 'surplus', 'wrong_head']),
      })
      .nullable()
      .describe('The first link that is broken.'),
  })
  .openapi('AuditVerification')

/** Shows a page: the fields of the schema and no others. */
export function auditPageJson({ items, nextCursor }: AuditPage): z.output<typeof auditPageSchema> {
  const shown = items.map(({ at, details, ...entry }) => ({
    owner: entry.owner,
    sequence: entry.sequence,
    at: at.toISOString(),
    action: entry.action,
    keyId: entry.keyId,
    actor: entry.actor,
    address: entry.address,
    requestId: entry.requestId,
    details: { ...details },
    previousHash: entry.previousHash,
    hash: entry.hash,
  }))
  return { items: shown, nextCursor }
}

/** Shows what a verification came to. */
export function auditVerificationJson({
  broken,
  ...found
}: AuditVerification): z.output<typeof auditVerificationSchema> {
  return { ...found, broken: broken && { ...broken } }
}
