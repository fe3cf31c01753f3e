import { z } from '@hono/zod-openapi'
import type { ManageRouter } from './manage-router.ts'
import { rankingsJson, rankingsSchema, usageReportJson, usageReportSchema } from './usage-json.ts'

const instant = z.iso.datetime({ offset: true })

const stretch = {
  owner: z.string().optional().describe('Only who acts for every owner leaves it out for all.'),
  from: instant.optional().describe('Earliest instant; default 24 hours before `to`.'),
  to: instant.optional().describe('Instant before which it ends; default now.'),
  limit: z
    .string()
    .regex(/^[1-9]\d{0,8}$/, 'must be a whole number from 1 to 100')
    .optional(),
}

const report = z.strictObject({
  ...stretch,
  keyId: z.string().optional().describe('Id of a key, or of up to 100 with commas between.'),
  by: z.enum(['key', 'route', 'app'], "must be 'key', 'route' or 'app'").optional(),
  interval: z
    .enum(['minute', 'hour', 'day'], "must be 'minute', 'hour' or 'day'")
    .optional()
    .describe('Default: minutes for up to 2 hours, hours for up to 4 days, else days.'),
})

/** Adds the routes that tell how much keys are used, and by which apps. */
export function usageRoutes(router: ManageRouter): void {
  const { usage } = router.keyward
  const read = { scope: 'keyward:usage:read', method: 'get' } as const

  router.add(
    {
      ...read,
      path: '/usage',
      summary: 'Shows how much keys were used, in total and over time.',
      query: report,
      success: { status: 200, schema: usageReportSchema },
    },
    async ({ query: { keyId, by, interval, ...query }, context }) => {
      const input = { ...stretchOf(query), by, interval, ...(keyId !== undefined && { keyIds: keyId.split(',') }) }
      return { body: usageReportJson(await usage.read(input, context)) }
    },
  )

  router.add(
    {
      ...read,
      path: '/rankings',
      summary: 'Ranks apps by their requests.',
      query: z.strictObject(stretch),
      success: { status: 200, schema: rankingsSchema },
    },
    async ({ query, context }) => ({ body: rankingsJson(await usage.rankings(stretchOf(query), context)) }),
  )
}

function stretchOf({ owner, from, to, limit }: z.output<z.ZodObject<typeof stretch>>) {
  return {
    owner,
    from: from === undefined ? from : new Date(from),
    to: to === undefined ? to : new Date(to),
    ...(limit !== undefined && { limit: Number(limit) }),
  }
}
