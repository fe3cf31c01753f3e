import * as z from 'zod'

const instant = z.date('must be a valid instant')
const text = (max: number) => z.string().max(max, `must be at most ${max} characters`)
const limit = z.int('must be a whole number').min(1, 'must be at least 1').max(100, 'must be at most 100')

const stretch = { owner: text(256).optional(), from: instant.optional(), to: instant.optional() }

/** What to read of usage. */
export const usageReadInput = z.strictObject({
  ...stretch,
  keyIds: z.array(text(256)).min(1, 'must have at least one').max(100, 'must have at most 100').optional(),
  interval: z.enum(['minute', 'hour', 'day'], "must be 'minute', 'hour' or 'day'").optional(),
  by: z.enum(['key', 'route', 'app'], "must be 'key', 'route' or 'app'").optional(),
  limit: limit.default(20),
})

/** Which apps to rank. */
export const usageRankingsInput = z.strictObject({ ...stretch, limit: limit.default(50) })
