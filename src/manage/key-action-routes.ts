import { z } from '@hono/zod-openapi'
import { type BulkSelection, type ChangedKey, type DenialCode, InvalidInputError } from '../index.ts'
import { isKeyId, keyId } from './key-id.ts'
import { changedKeySchema, keyJson, rotatedKeySchema } from './key-json.ts'
import { endsLastInCharge } from './last-in-charge.ts'
import type { ManageRouter } from './manage-router.ts'
import type { Reply } from './route-rules.ts'

const grace = z.strictObject({
  graceSeconds: z
    .int()
    .optional()
    .describe('How many seconds the old key goes on: 0 (default, it is revoked) to 31,536,000.'),
})

const force = z
  .boolean()
  .optional()
  .describe('`true`: also where a key ends itself, and no other key is left that can manage. Otherwise 409.')

const ending = z.strictObject({ force })

const summaries = {
  revoke: 'Stops a key for good; it stays listed.',
  disable: 'Stops a key until it is enabled.',
  enable: 'Lets a disabled key work again.',
} as const

const bulk = z
  .strictObject({
    action: z.enum(['disable', 'enable', 'revoke', 'delete', 'purge']),
    ids: z.array(z.string().max(64)).min(1).max(1_000).optional(),
    owner: z.string().optional(),
    force,
  })
  .openapi('BulkAction', { description: 'Names either 1 to 1,000 `ids`, or an `owner` for all keys that it has.' })

const bulkSchema = z
  .object({
    results: z.array(
      z.object({
        id: z.string(),
        ok: z.boolean(),
        fenced: z.boolean().optional().describe('Present where `ok` is true.'),
        code: z.string().optional().describe('Why not: the code that a single request would get.'),
      }),
    ),
  })
  .openapi('BulkResults')

/** Adds the routes that rotate, revoke, disable and enable keys, one or many. */
export function keyActionRoutes(router: ManageRouter): void {
  const { keyward } = router
  const { keys, profile } = keyward
  const write = { scope: 'keyward:keys:write', method: 'post' } as const

  router.add(
    {
      ...write,
      path: '/keys/{id}/rotate',
      summary: 'Replaces a key by a new one, which shares its limits. The answer alone shows the API key.',
      body: grace,
      conditional: true,
      success: { status: 201, schema: rotatedKeySchema },
    },
    async ({ parameter, body, context, path }) => {
      const { apiKey, previous, fenced, ...key } = await keys.rotate(keyId(parameter('id')), body, context)
      const shown = { ...keyJson(key), apiKey, previous: keyJson(previous), fenced }
      return { body: shown, version: key.version, location: path(`/keys/${key.id}`) }
    },
  )

  for (const action of ['revoke', 'disable'] as const)
    router.add(
      {
        ...write,
        path: `/keys/{id}/${action}`,
        summary: summaries[action],
        body: ending,
        conditional: true,
        success: { status: 200, schema: changedKeySchema },
      },
      async ({ parameter, body, actor, context }) => {
        const id = keyId(parameter('id'))
        if (body.force !== true && (await endsLastInCharge(keyward, actor, { ids: [id] })))
          return { refused: 'conflict' }
        return changed(await keys[action](id, context))
      },
    )

  router.add(
    {
      ...write,
      path: '/keys/{id}/enable',
      summary: summaries.enable,
      conditional: true,
      success: { status: 200, schema: changedKeySchema },
    },
    async ({ parameter, actor, context }) => {
      const id = keyId(parameter('id'))
      return actor.id === id ? { refused: 'forbidden' } : changed(await keys.enable(id, context))
    },
  )

  router.add(
    {
      ...write,
      path: '/keys/bulk',
      summary: 'Does one thing to many keys, each with its own outcome.',
      body: bulk,
      success: { status: 200, schema: bulkSchema },
    },
    async ({ body: { action, force, ...rest }, actor, context }) => {
      const selection = oneOf(rest)
      if (action !== 'enable' && force !== true && (await endsLastInCharge(keyward, actor, selection)))
        return { refused: 'conflict' }
      if (action === 'enable' && mayReach(selection, actor.id)) return { refused: 'forbidden' }
      const results = await keys.bulk(action, selection, context)
      const codeOf = (code: string) => profile.answers[code as DenialCode]?.code ?? code
      return { body: { results: results.map((one) => (one.ok ? one : { ...one, code: codeOf(one.code) })) } }
    },
  )
}

function changed({ fenced, ...key }: ChangedKey): Reply {
  return { body: { ...keyJson(key), fenced }, version: key.version }
}

function oneOf({ ids, owner }: { ids?: readonly string[] | undefined; owner?: string | undefined }): BulkSelection {
  if (ids !== undefined && owner === undefined) return { ids }
  if (owner !== undefined && ids === undefined) return { owner }
  throw new InvalidInputError([{ path: [], message: 'must name either ids or an owner' }])
}

/** Whether a key that is an actor may be among those that it names: no key enables itself. */
function mayReach(selection: BulkSelection, actorId: string): boolean {
  return 'ids' in selection ? selection.ids.includes(actorId) : isKeyId(actorId)
}
