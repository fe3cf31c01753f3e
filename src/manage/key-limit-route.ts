import { z } from '@hono/zod-openapi'
import { keyId } from './key-id.ts'
import type { ManageRouter } from './manage-router.ts'

const units = z.int().min(0).max(1_000_000_000)

const limitSchema = z
  .object({
    policy: z.string().describe('Name of the policy that the window belongs to.'),
    per: z
      .enum(['key', 'owner'])
      .describe('Who shares the count: the key and what it is rotated to, or all keys of its owner.'),
    limit: units.describe('Units that any window of this length admits.'),
    windowSeconds: z.int().min(1).max(2_073_600),
    used: units,
    remaining: units,
    resetAt: z.iso.datetime().describe('When the next unit is free again; now, where none is used.'),
  })
  .openapi('KeyLimit')

/** Adds the route that shows what a key has left, without using any. */
export function keyLimitRoute(router: ManageRouter): void {
  const { limits } = router.keyward

  router.add(
    {
      method: 'get',
      path: '/keys/{id}/limits',
      summary: "Shows what is used and left in each window of a key's own policies, and uses nothing.",
      scope: 'keyward:keys:read',
      success: { status: 200, schema: z.object({ items: z.array(limitSchema) }).openapi('KeyLimits') },
    },
    async ({ parameter, context, now }) => {
      const states = await limits.read(keyId(parameter('id')), context)
      const items = states.map(({ policy, per, limit, windowSeconds, remaining, resetMs }) => ({
        policy,
        per,
        limit,
        windowSeconds,
        used: Math.max(0, limit - remaining),
        remaining,
        resetAt: new Date(now.getTime() + resetMs).toISOString(),
      }))
      return { body: { items } }
    },
  )
}
