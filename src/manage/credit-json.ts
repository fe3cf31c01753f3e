import { z } from '@hono/zod-openapi'
import type { CreditState, MovementPage } from '../index.ts'

const at = z.iso.datetime()
const credits = z.int().min(0).max(Number.MAX_SAFE_INTEGER)

/** A refill, as it is shown and as it is set. */
export const refillSchema = z
  .strictObject({
    amount: z.int().describe('Credits: 1 to 9007199254740991.'),
    mode: z
      .enum(['add', 'to'])
      .describe('`add` adds them for each period that passed; `to` raises a lower balance to them.'),
    every: z
      .union([z.enum(['day', 'month']), z.int()])
      .describe('When each UTC day or month begins, or every so many seconds: 60 to 31,536,000.'),
  })
  .openapi('Refill')

/** An account as this API shows it. */
export const creditsSchema = z
  .object({
    balance: credits.describe('Credits that may be spent.'),
    reserved: credits.describe('Credits that metered requests have taken and not settled yet; not in `balance`.'),
    version: z.int().min(0).describe('Raised by every movement; also the entity tag. 0 where nothing was ever moved.'),
    refill: refillSchema.nullable(),
    refillAt: at.nullable().describe('Instant of the next refill.'),
  })
  .openapi('Credits')

const movementSchema = z
  .object({
    sequence: z.int().min(1).describe("Place among the account's movements, without gaps."),
    kind: z.enum(['debit', 'settlement', 'refund', 'top_up', 'set', 'refill']),
    amount: z.int().describe('What it did to the balance: negative for a debit.'),
    balance: credits.describe('Balance after it.'),
    shortfall: credits.describe('Credits that were due beyond the balance, and not taken.'),
    operation: z.string().nullable().describe("Id of a request's debit, or the `operationId` of a top-up."),
    keyId: z.string().nullable(),
    requestId: z.string().nullable(),
    actor: z.string().nullable(),
    reason: z.string().nullable(),
    at,
  })
  .openapi('Movement')

/** A page of movements. */
export const movementPageSchema = z
  .object({ items: z.array(movementSchema), nextCursor: z.string().nullable() })
  .openapi('MovementPage')

/** Shows an account. */
export function creditsJson({
  balance,
  reserved,
  version,
  refill,
  refillAt,
}: CreditState): z.output<typeof creditsSchema> {
  return { balance, reserved, version, refill: refill && { ...refill }, refillAt: refillAt?.toISOString() ?? null }
}

/** Shows a page of movements: the fields of the schema and no others. */
export function movementPageJson({ items, nextCursor }: MovementPage): z.output<typeof movementPageSchema> {
  const shown = items.map(({ sequence, kind, amount, balance, shortfall, ...rest }) => ({
    ...{ sequence, kind, amount, balance, shortfall },
    operation: rest.operation,
    keyId: rest.keyId,
    requestId: rest.requestId,
    actor: rest.actor,
    reason: rest.reason,
    at: rest.at.toISOString(),
  }))
  return { items: shown, nextCursor }
}
