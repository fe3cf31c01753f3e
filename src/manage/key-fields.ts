import { z } from '@hono/zod-openapi'

const instant = z.iso
  .datetime({ offset: true, error: 'must be an instant in ISO 8601 with a time zone, such as 2030-01-01T00:00:00Z' })
  .nullable()
const names = z.array(z.string())

// What the fields may hold is checked by the keys themselves: here are their names and their JSON types.
const fields = {
  name: z.string(),
  scopes: names.optional(),
  policies: names
    .optional()
    .describe('Names of policies. An actor of one owner needs `keyward:policies:write` for it.'),
  audiences: names.optional(),
  addresses: names.optional().describe('Addresses and CIDR ranges; an empty list means from anywhere.'),
  startsAt: instant.optional(),
  expiresAt: instant.optional(),
  metadata: z.record(z.string(), z.unknown()).optional().describe('At most 16,384 bytes and 32 levels.'),
}

/** Fields of a new key. */
export const newKeyFields = z
  .strictObject({
    owner: z.string().optional().describe("Required of actors of every owner; else the actor's own."),
    ...fields,
    credits: z
      .int()
      .optional()
      .describe('Credits that it begins with, where keys have credits of their own. Only for actors of every owner.'),
  })
  .openapi('NewKey')

/** Fields of a change; what is not there stays. */
export const keyPatchFields = z.strictObject({ ...fields, name: fields.name.optional() }).openapi('KeyPatch')

/** Takes the instants of a body out of their text. */
export function withInstants<T extends { startsAt?: string | null | undefined; expiresAt?: string | null | undefined }>(
  body: T,
): Omit<T, 'startsAt' | 'expiresAt'> & { startsAt?: Date | null; expiresAt?: Date | null } {
  const { startsAt, expiresAt, ...rest } = body
  return {
    ...rest,
    ...(startsAt !== undefined && { startsAt: startsAt === null ? null : new Date(startsAt) }),
    ...(expiresAt !== undefined && { expiresAt: expiresAt === null ? null : new Date(expiresAt) }),
  }
}
