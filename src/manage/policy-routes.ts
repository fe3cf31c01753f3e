import { z } from '@hono/zod-openapi'
import type { Policy } from '../index.ts'
import type { ManageRouter } from './manage-router.ts'

const windowSchema = z.strictObject({
  limit: z.int().describe('Units that any window admits: 0 to 1,000,000,000.'),
  windowSeconds: z.int().describe('Length in seconds: 1 to 2,073,600 (24 days).'),
  per: z.enum(['key', 'owner']).optional().describe('Who shares the count; `key` by default.'),
})

const edit = z.strictObject({ windows: z.array(windowSchema).max(8) }).openapi('PolicyEdit')

const policySchema = z
  .object({
    name: z.string(),
    windows: z.array(windowSchema),
    version: z.int().describe('0 for a policy as the code defines it; raised by every edit.'),
    updatedAt: z.iso.datetime().nullable(),
  })
  .openapi('Policy')

/** Adds the routes of policies, which belong to no owner: everybody may see them, actors of every owner edit them. */
export function policyRoutes(router: ManageRouter): void {
  const { limits } = router.keyward

  router.add(
    {
      method: 'get',
      path: '/policies',
      summary: 'Lists all policies, in order of name.',
      scope: 'keyward:policies:read',
      success: { status: 200, schema: z.object({ items: z.array(policySchema) }).openapi('Policies') },
    },
    async () => ({ body: { items: (await limits.policies()).map(policyJson) } }),
  )

  router.add(
    {
      method: 'get',
      path: '/policies/{name}',
      summary: 'Shows a policy.',
      scope: 'keyward:policies:read',
      success: { status: 200, schema: policySchema },
    },
    async ({ parameter }) => {
      const policy = await limits.policy(parameter('name'))
      return { body: policyJson(policy), version: policy.version }
    },
  )

  router.add(
    {
      method: 'put',
      path: '/policies/{name}',
      summary: 'Stores a policy, over whatever has the name. Only for actors of every owner.',
      scope: 'keyward:policies:write',
      body: edit,
      conditional: true,
      success: { status: 200, schema: policySchema },
    },
    async ({ parameter, body, context }) => {
      const policy = await limits.setPolicy(parameter('name'), body.windows.map(withoutUndefined), context)
      return { body: policyJson(policy), version: policy.version }
    },
  )
}

function policyJson({ name, windows, version, updatedAt }: Policy): z.output<typeof policySchema> {
  return {
    name,
    windows: windows.map(({ limit, windowSeconds, per = 'key' }) => ({ limit, windowSeconds, per })),
    version,
    updatedAt: updatedAt === null ? null : updatedAt.toISOString(),
  }
}

function withoutUndefined({ limit, windowSeconds, per }: z.output<typeof windowSchema>): Policy['windows'][number] {
  return { limit, windowSeconds, ...(per !== undefined && { per }) }
}
