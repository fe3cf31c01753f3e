import { z } from '@hono/zod-openapi'
import { alertJson, alertPageJson, alertPageSchema, alertSchema } from './alert-json.ts'
import type { ManageRouter } from './manage-router.ts'

const page = z.strictObject({
  owner: z.string().optional().describe('Only who acts for every owner leaves it out for all.'),
  keyId: z.string().optional(),
  state: z.enum(['open', 'acknowledged', 'snoozed', 'resolved']).optional(),
  limit: z
    .string()
    .regex(/^[1-9]\d{0,8}$/, 'must be a whole number from 1 to 100')
    .optional(),
  cursor: z.string().optional().describe('`nextCursor` of the page before.'),
})

const snooze = z.strictObject({
  until: z.iso
    .datetime({ offset: true })
    .describe('At most 90 days from now; if it still holds then, it is opened again.'),
})

/** Adds the routes that list alerts, acknowledge and snooze them. */
export function alertRoutes(router: ManageRouter): void {
  const { alerts } = router.keyward
  const read = { scope: 'keyward:alerts:read', method: 'get' } as const
  const write = { scope: 'keyward:alerts:write', method: 'post' } as const

  router.add(
    {
      ...read,
      path: '/alerts',
      summary: 'Lists alerts, newest first.',
      query: page,
      success: { status: 200, schema: alertPageSchema },
    },
    async ({ query: { limit, ...query }, context }) => ({
      body: alertPageJson(await alerts.list({ ...query, ...(limit && { limit: Number(limit) }) }, context)),
    }),
  )

  router.add(
    { ...read, path: '/alerts/{id}', summary: 'Shows an alert.', success: { status: 200, schema: alertSchema } },
    async ({ parameter, context }) => ({ body: alertJson(await alerts.get(parameter('id'), context)) }),
  )

  router.add(
    {
      ...write,
      path: '/alerts/{id}/acknowledge',
      summary: 'Says that somebody looks after an alert.',
      success: { status: 200, schema: alertSchema },
    },
    async ({ parameter, context }) => ({ body: alertJson(await alerts.acknowledge(parameter('id'), context)) }),
  )

  router.add(
    {
      ...write,
      path: '/alerts/{id}/snooze',
      summary: 'Keeps an alert quiet until an instant.',
      body: snooze,
      success: { status: 200, schema: alertSchema },
    },
    async ({ parameter, body, context }) => {
      const until = new Date(body.until)
      return { body: alertJson(await alerts.snooze(parameter('id'), { until }, context)) }
    },
  )
}
