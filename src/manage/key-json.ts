import { z } from '@hono/zod-openapi'
import type { Key } from '../index.ts'

const at = z.iso.datetime()
const names = z.array(z.string())

/** A key as this API shows it. */
export const keySchema = z
  .object({
    id: z.string().describe('`key_` and a ULID.'),
    owner: z.string(),
    name: z.string(),
    start: z.string().nullable().describe('First 12 characters of the API key; null where it was never seen.'),
    scopes: names,
    policies: names,
    audiences: names,
    addresses: names,
    state: z.enum(['active', 'scheduled', 'disabled', 'revoked', 'expired', 'deleted']),
    version: z.int().min(1).describe('Raised by every change to the key or its lineage; also the entity tag.'),
    createdAt: at,
    createdBy: z.string().nullable(),
    startsAt: at.nullable(),
    expiresAt: at.nullable(),
    lastUsedAt: at.nullable(),
    revokedAt: at.nullable(),
    rotatedFrom: z.string().nullable(),
    rotatedTo: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()),
  })
  .openapi('Key')

const fenced = z
  .boolean()
  .describe('Whether the gate has acknowledged the change: from then on no request is judged by what was before.')

/** A key and what became of the change to it. */
export const changedKeySchema = keySchema.extend({ fenced }).openapi('ChangedKey')

const apiKey = z.string().describe('The whole API key. Shown here, once, and stored nowhere.')

/** A key that was just made. */
export const createdKeySchema = keySchema.extend({ apiKey }).openapi('CreatedKey')

/** A key that was just made by rotation, and the one that it replaces. */
export const rotatedKeySchema = createdKeySchema.extend({ previous: keySchema, fenced }).openapi('RotatedKey')

/** Shows a key: the fields of the schema and no others, instants as ISO 8601 in UTC. */
export function keyJson(key: Key): z.output<typeof keySchema> {
  return {
    id: key.id,
    owner: key.owner,
    name: key.name,
    start: key.start,
    scopes: [...key.scopes],
    policies: [...key.policies],
    audiences: [...key.audiences],
    addresses: [...key.addresses],
    state: key.state,
    version: key.version,
    createdAt: key.createdAt.toISOString(),
    createdBy: key.createdBy,
    startsAt: iso(key.startsAt),
    expiresAt: iso(key.expiresAt),
    lastUsedAt: iso(key.lastUsedAt),
    revokedAt: iso(key.revokedAt),
    rotatedFrom: key.rotatedFrom,
    rotatedTo: key.rotatedTo,
    metadata: { ...key.metadata },
  }
}

function iso(instant: Date | null): string | null {
  return instant === null ? null : instant.toISOString()
}
