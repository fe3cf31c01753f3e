import { z } from '@hono/zod-openapi'
import type { CreditTarget } from '../index.ts'
import { creditsJson, creditsSchema, movementPageJson, movementPageSchema, refillSchema } from './credit-json.ts'
import { keyId } from './key-id.ts'
import type { ManageRouter } from './manage-router.ts'

const reason = z.string().optional().describe('For people: one line of at most 256 characters.')

// What the fields may hold is checked by the credits themselves: here are their names and their JSON types.
const topUp = z
  .strictObject({
    amount: z.int().describe('Credits: 1 to 9007199254740991.'),
    operationId: z
      .string()
      .optional()
      .describe('1 to 128 printable ASCII characters without space. Repeating it adds nothing.'),
    reason,
  })
  .openapi('TopUp')

const edit = z
  .strictObject({
    balance: z.int().optional().describe('Credits: 0 to 9007199254740991.'),
    refill: refillSchema
      .nullable()
      .optional()
      .describe('`null` ends it. The first comes at the next instant, not now.'),
    reason,
  })
  .openapi('CreditsEdit', { description: 'Sets the balance, the refill, or both; what is not given stays.' })

const page = z.strictObject({
  limit: z
    .string()
    .regex(/^[1-9]\d{0,8}$/, 'must be a whole number from 1 to 100')
    .optional(),
  cursor: z.string().optional().describe('`nextCursor` of the page before.'),
})

/** Adds the routes of credits, where the store keeps any: of owners' pools, and of what keys spend from. */
export function creditRoutes(router: ManageRouter): void {
  if (!router.keyward.credits.isAvailable) return
  accountRoutes(router, '/credits/{owner}', "an owner's pool", (parameter) => ({ owner: parameter('owner') }))
  accountRoutes(router, '/keys/{id}/credits', 'the account that a key spends from', (parameter) => ({
    keyId: keyId(parameter('id')),
  }))
}

function accountRoutes(
  router: ManageRouter,
  path: string,
  what: string,
  targetOf: (parameter: (name: string) => string) => CreditTarget,
): void {
  const { credits } = router.keyward
  const read = { scope: 'keyward:credits:read', method: 'get' } as const
  const write = { scope: 'keyward:credits:write' } as const

  router.add(
    { ...read, path, summary: `Shows ${what}.`, success: { status: 200, schema: creditsSchema } },
    async ({ parameter, context }) => {
      const state = await credits.get(targetOf(parameter), context)
      return { body: creditsJson(state), version: state.version }
    },
  )

  router.add(
    {
      ...write,
      method: 'put',
      path,
      summary: `Sets balance and refill of ${what}. Only for actors of every owner.`,
      body: edit,
      conditional: true,
      success: { status: 200, schema: creditsSchema },
    },
    async ({ parameter, body, context }) => {
      const state = await credits.set(targetOf(parameter), body, context)
      return { body: creditsJson(state), version: state.version }
    },
  )

  router.add(
    {
      ...write,
      method: 'post',
      path: `${path}/top-ups`,
      summary: `Adds credits to ${what}, once for each \`operationId\`. Only for actors of every owner.`,
      body: topUp,
      success: { status: 201, schema: creditsSchema },
    },
    async ({ parameter, body, context }) => {
      const state = await credits.topUp(targetOf(parameter), body, context)
      return { body: creditsJson(state), version: state.version }
    },
  )

  router.add(
    {
      ...read,
      path: `${path}/movements`,
      summary: `Lists the movements of ${what}, newest first.`,
      query: page,
      success: { status: 200, schema: movementPageSchema },
    },
    async ({ parameter, query: { limit, ...query }, context }) => {
      const input = { ...query, ...(limit && { limit: Number(limit) }) }
      return { body: movementPageJson(await credits.movements(targetOf(parameter), input, context)) }
    },
  )
}
