import * as z from 'zod'
import { isAddressRange } from '../credential/client-address.ts'
import { InvalidInputError } from '../model/errors.ts'
import type { Metadata } from '../model/key-record.ts'
import { MAX_CREDITS } from '../model/ledger.ts'

const MAX_METADATA_BYTES = 16_384
const MAX_METADATA_DEPTH = 32

/** The rule for a text of one line, at least one character long: no control or formatting characters, no white space around it. */
export const line = (max: number) =>
  z
    .string()
    .min(1, 'must not be empty')
    .max(max, `must be at most ${max} characters`)
    .regex(/^[^\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]*$/u, 'must not contain control or formatting characters')
    .refine((text) => text.trim() === text, 'must not begin or end with white space')

const instant = z
  .date('must be a valid instant')
  .refine((at) => at.getUTCFullYear() < 10_000, 'must lie before the year 10000')

const distinct = <T extends z.ZodType<string>>(item: T, max: number) =>
  z
    .array(item)
    .max(max, `must have at most ${max} entries`)
    .transform((items) => [...new Set(items)])

/** A scope as RFC 6749 section 3.3 has it: printable ASCII without space, quotation mark and backslash. */
export const scopeName = z
  .string()
  .regex(/^[\x21\x23-\x5B\x5D-\x7E]{1,128}$/, 'must be 1 to 128 printable ASCII characters without space, " and \\')

const fields = {
  name: line(128),
  scopes: distinct(scopeName, 100),
  policies: distinct(z.string().min(1).max(64), 16),
  audiences: distinct(line(256), 16),
  addresses: distinct(z.string().refine(isAddressRange, 'must be an IP address or a CIDR range'), 100),
  metadata: z.custom<Metadata>(isPlainObject, 'must be an object').superRefine(checkMetadata),
  startsAt: instant.nullable(),
  expiresAt: instant.nullable(),
}

/** The rule for an owner's name: 1 to 256 characters, no control characters. */
export const ownerName = line(256)

/** The rule for a number of credits. */
export const creditAmount = (least: 0 | 1) =>
  z.int(`must be a whole number of at most ${MAX_CREDITS}`).min(least, `must be at least ${least}`)

const keyInput = z.strictObject({
  owner: ownerName,
  name: fields.name,
  scopes: fields.scopes.default([]),
  policies: fields.policies.optional(),
  audiences: fields.audiences.default([]),
  addresses: fields.addresses.default([]),
  metadata: fields.metadata.default({}),
  startsAt: fields.startsAt.default(null),
  expiresAt: fields.expiresAt.default(null),
})

/** Input of a new key. */
export const newKeyInput = keyInput.extend({ credits: creditAmount(0).optional() })

/** Input of a key whose digest comes from elsewhere. */
export const importedKeyInput = keyInput.extend({
  digest: z.string().max(64, 'must be a SHA-256 digest as hex, base64 or base64url'),
  start: line(12).nullable().default(null),
})

/** Input of a change: only the fields that are given change. */
export const keyPatchInput = z.strictObject(fields).partial()

/** Grace of a rotation: 0 seconds (now) to 365 days. */
export const graceInput = z.strictObject({
  graceSeconds: z
    .int('must be a whole number of seconds')
    .min(0, 'must be at least 0')
    .max(365 * 86_400, 'must be at most 31536000 seconds (365 days)')
    .default(0),
})

/** In which order keys are listed. */
export const keySort = z.enum(['newest', 'oldest', 'name', 'lastUsed'])

/** A page of a list. */
export const listInput = z.strictObject({
  owner: ownerName.optional(),
  state: z.enum(['active', 'scheduled', 'disabled', 'revoked', 'expired', 'deleted']).optional(),
  limit: z.int('must be a whole number').min(1, 'must be at least 1').max(100, 'must be at most 100').default(50),
  cursor: z.string().max(2_048).optional(),
  search: z
    .string()
    .min(1, 'must not be empty')
    .max(200, 'must be at most 200 characters')
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must not contain control characters')
    .optional(),
  sort: keySort.default('newest'),
})

/**
 * Checks input against a rule.
 *
 * @throws {InvalidInputError} Naming every field that breaks it.
 */
export function checkInput<T extends z.ZodType>(rule: T, input: unknown): z.output<T> {
  const result = rule.safeParse(input)
  if (result.success) return result.data
  throw new InvalidInputError(
    result.error.issues.map((issue) => ({
      path: issue.path.map((part) => (typeof part === 'symbol' ? part.toString() : part)),
      message: issue.message,
    })),
  )
}

function isPlainObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function checkMetadata(metadata: Metadata, context: z.RefinementCtx): void {
  const message = metadataIssue(metadata)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
}

function metadataIssue(metadata: Metadata): string | undefined {
  if (!isShallow(metadata)) return `must be at most ${MAX_METADATA_DEPTH} levels deep`
  try {
    const bytes = new TextEncoder().encode(JSON.stringify(metadata)).length
    return bytes > MAX_METADATA_BYTES ? `must be at most ${MAX_METADATA_BYTES} bytes as JSON` : undefined
  } catch {
    return 'must be JSON'
  }
}

/** Walks level by level, so that no depth can exhaust the stack, nor a cycle run for ever. */
function isShallow(metadata: Metadata): boolean {
  let level: object[] = [metadata]
  for (let depth = 0; depth < MAX_METADATA_DEPTH; depth++) {
    level = level.flatMap((value) =>
      Object.values(value).filter((inner) => typeof inner === 'object' && inner !== null),
    )
    if (level.length === 0) return true
    if (level.length > MAX_METADATA_BYTES) return false
  }
  return false
}
