import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { createKeyward, pi } from 'keyward'
import { dashboard } from 'keyward/dashboard'
import { errorHandler, getIdentity, requestId, requireKey, sendError } from 'keyward/hono'
import { adminToken, manage } from 'keyward/manage'
import * as z from 'zod'
import { openBackends } from '../backends.ts'
import { readEnvironment } from '../environment.ts'
import { serve } from '../serve.ts'

const environment = readEnvironment('pi')
const backends = openBackends(environment)
const generations = backends.documents('pi_generations')

const keyward = createKeyward({
  store: backends.store,
  gate: backends.gate,
  profile: pi,
  limits: { policies: { default: [{ limit: 100, windowSeconds: 60 }] } },
  clientAddress: 'peer',
})

const input = z.strictObject({ model: z.string().min(1).max(200), prompt: z.string().min(1).max(10_000) })

const app = new Hono()
app.use(requestId(keyward))
app.onError(errorHandler(keyward))
app.notFound(errorHandler(keyward))
app.route('/manage', manage(keyward, { authorize: adminToken(environment.adminToken) }).hono())
const board = dashboard(keyward, {
  signIn: adminToken(environment.adminToken),
  sampleRequest: { path: '/v1/generate', body: { model: 'pi-1', prompt: 'A quiet lake at dawn' } },
})
app.route('/keys', board.hono())

app.post('/v1/generate', requireKey(keyward, { idempotency: {} }), async (c) => {
  const checked = input.safeParse(await c.req.json())
  if (!checked.success) return sendError(c, 'validation_failed', { issues: checked.error.issues })
  const id = `gen_${randomUUID()}`
  const generation = { id, ...checked.data, status: 'queued', created_at: new Date().toISOString() }
  await generations.add(getIdentity(c).owner, id, generation)
  return c.json(generation)
})

await serve(createAdaptorServer(app) as Server, keyward, environment, backends.close)
