import { z } from '@hono/zod-openapi'
import type { Actor } from '../index.ts'
import { keyPatchFields, newKeyFields, withInstants } from './key-fields.ts'
import { keyId } from './key-id.ts'
import { changedKeySchema, createdKeySchema, keyJson, keySchema } from './key-json.ts'
import { endsLastInCharge } from './last-in-charge.ts'
import type { ManageRouter } from './manage-router.ts'
import { hasScope } from './manage-scope.ts'

const page = z.strictObject({
  owner: z.string().optional(),
  state: z.enum(['active', 'scheduled', 'disabled', 'revoked', 'expired', 'deleted']).optional(),
  limit: z
    .string()
    .regex(/^[1-9]\d{0,8}$/, 'must be a whole number from 1 to 100')
    .optional(),
  cursor: z.string().optional().describe('`nextCursor` of the page before, which had the same `sort`.'),
  search: z
    .string()
    .optional()
    .describe(
      'Finds keys whose name begins with this text, in upper or lower case, whose start or owner does, and the key whose id it is. 1 to 200 characters, each standing for itself.',
    ),
  sort: z.enum(['newest', 'oldest', 'name', 'lastUsed']).optional().describe('Default `newest`.'),
})

const pageSchema = z.object({ items: z.array(keySchema), nextCursor: z.string().nullable() }).openapi('KeyPage')

const removal = z.strictObject({
  purge: z
    .enum(['true', 'false'])
    .optional()
    .describe('`true`: the row goes too, even where deleting keeps it. Otherwise as the deployment has it.'),
  force: z
    .enum(['true', 'false'])
    .optional()
    .describe('`true`: also where a key ends itself, and no other key is left that can manage. Otherwise 409.'),
})

/** Adds the routes that issue, list, show, change and delete keys. */
export function keyRoutes(router: ManageRouter): void {
  const { keys } = router.keyward
  const read = { scope: 'keyward:keys:read' } as const
  const write = { scope: 'keyward:keys:write' } as const

  router.add(
    {
      ...write,
      method: 'post',
      path: '/keys',
      summary: 'Issues a key. The answer is the only place where the API key is ever shown.',
      body: newKeyFields,
      success: { status: 201, schema: createdKeySchema },
    },
    async ({ body, actor, context, path }) => {
      if (!mayChoose(actor, body.policies)) return { refused: 'forbidden' }
      const { apiKey, ...key } = await keys.create(
        { ...withInstants(body), owner: body.owner ?? actor.owner ?? '' },
        context,
      )
      return { body: { ...keyJson(key), apiKey }, version: key.version, location: path(`/keys/${key.id}`) }
    },
  )

  router.add(
    {
      ...read,
      method: 'get',
      path: '/keys',
      summary: 'Lists keys, newest first or as `sort` says; revoked ones too, deleted ones only by `state`.',
      query: page,
      success: { status: 200, schema: pageSchema },
    },
    async ({ query: { limit, ...query }, context }) => {
      const { items, nextCursor } = await keys.list({ ...query, ...(limit && { limit: Number(limit) }) }, context)
      return { body: { items: items.map(keyJson), nextCursor } }
    },
  )

  router.add(
    {
      ...read,
      method: 'get',
      path: '/keys/{id}',
      summary: 'Shows a key.',
      success: { status: 200, schema: keySchema },
    },
    async ({ parameter, context }) => {
      const key = await keys.get(keyId(parameter('id')), context)
      return { body: keyJson(key), version: key.version }
    },
  )

  router.add(
    {
      ...write,
      method: 'patch',
      path: '/keys/{id}',
      summary: 'Changes the fields that are given, and no others.',
      body: keyPatchFields,
      conditional: true,
      success: { status: 200, schema: changedKeySchema },
    },
    async ({ parameter, body, actor, context }) => {
      const id = keyId(parameter('id'))
      if (!mayChoose(actor, body.policies) || widensItself(actor, id, body)) return { refused: 'forbidden' }
      const { fenced, ...key } = await keys.update(id, withInstants(body), context)
      return { body: { ...keyJson(key), fenced }, version: key.version }
    },
  )

  router.add(
    {
      ...write,
      method: 'delete',
      path: '/keys/{id}',
      summary: 'Stops a key for good and takes it off the lists.',
      query: removal,
      conditional: true,
      success: { status: 200, schema: changedKeySchema },
    },
    async ({ parameter, query, actor, context }) => {
      const id = keyId(parameter('id'))
      if (query.force !== 'true' && (await endsLastInCharge(router.keyward, actor, { ids: [id] })))
        return { refused: 'conflict' }
      const { fenced, ...key } = await (query.purge === 'true' ? keys.purge(id, context) : keys.delete(id, context))
      return { body: { ...keyJson(key), fenced }, version: key.version }
    },
  )
}

/** Whether an actor may say which policies a key has: they set its limits. */
function mayChoose(actor: Actor, policies: readonly string[] | undefined): boolean {
  return policies === undefined || actor.owner === null || hasScope(actor, 'keyward:policies:write')
}

/** Whether a key would change what it may do itself: only its name and metadata are its own affair. */
function widensItself(
  actor: Actor,
  id: string,
  { name: _, metadata: __, ...rest }: z.output<typeof keyPatchFields>,
): boolean {
  return actor.id === id && Object.values(rest).some((value) => value !== undefined)
}
