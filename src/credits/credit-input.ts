import * as z from 'zod'
import { creditAmount, line, ownerName } from '../keys/key-input.ts'

/** The rule for what names an account: an owner's pool, or whatever a key spends from. */
export const creditTarget = z.union(
  [z.strictObject({ owner: ownerName }), z.strictObject({ keyId: z.string().max(64) })],
  'must name either an owner, or a key by its id',
)

/** Why credits were moved, for people: one line. */
const reason = line(256).optional()

/** Input of a top-up. */
export const topUpInput = z.strictObject({
  amount: creditAmount(1),
  operationId: z
    .string()
    .regex(/^[\x21-\x7E]{1,128}$/, 'must be 1 to 128 printable ASCII characters without space')
    .optional(),
  reason,
})

const refill = z.strictObject({
  amount: creditAmount(1),
  mode: z.enum(['add', 'to'], "must be 'add' or 'to'"),
  every: z.union(
    [z.literal('day'), z.literal('month'), z.int().min(60).max(31_536_000)],
    "must be 'day', 'month', or a whole number of seconds from 60 to 31536000",
  ),
})

/** Input of a change to balance or refill: what is not given stays. */
export const setCreditsInput = z
  .strictObject({ balance: creditAmount(0).optional(), refill: refill.nullable().optional(), reason })
  .refine(({ balance, refill }) => balance !== undefined || refill !== undefined, 'must give a balance or a refill')

/** A page of movements. */
export const movementsInput = z.strictObject({
  limit: z.int('must be a whole number').min(1, 'must be at least 1').max(100, 'must be at most 100').default(50),
  cursor: z.string().max(200).optional(),
})
