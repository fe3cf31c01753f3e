import { randomUUID } from 'node:crypto'
import { createServer } from 'node:http'
import express from 'express'
import { createKeyward, pptVideo } from 'keyward'
import { dashboard } from 'keyward/dashboard'
import { errorHandler, getIdentity, requestId, requireKey, sendError } from 'keyward/express'
import { adminToken, manage } from 'keyward/manage'
import * as z from 'zod'
import { openBackends } from '../backends.ts'
import { readEnvironment } from '../environment.ts'
import { serve } from '../serve.ts'
import { readSettings } from './settings.ts'

const environment = readEnvironment('ppt-video')
const settings = readSettings()
const backends = openBackends(environment)
const tasks = backends.documents('tasks')

const keyward = createKeyward({
  store: backends.store,
  gate: backends.gate,
  profile: pptVideo,
  keys: { requireScopes: settings.requiresScopes },
  credits: { account: 'key', initial: settings.credits },
  limits: { policies: { default: [{ limit: 600, windowSeconds: 60 }] } },
  clientAddress: 'peer',
})

const taskInput = z.strictObject({ model: z.string().min(1).max(200), prompt: z.string().min(1).max(10_000) })

const app = express()
app.disable('x-powered-by')
app.use(requestId(keyward))
app.use('/manage', manage(keyward, { authorize: adminToken(environment.adminToken) }).express())
app.use(
  '/keys',
  dashboard(keyward, {
    signIn: adminToken(environment.adminToken),
    sampleRequest: { path: '/v1/tasks', body: { model: 'ppt-1', prompt: 'Our quarter in ten slides' } },
  }).express(),
)

// A body that breaks a rule is refused by sendError: its credit goes back.
const mayWrite = requireKey(keyward, { scopes: ['tasks:write'], credits: 1, idempotency: {} })
app.post('/v1/tasks', mayWrite, express.json(), async (request, response) => {
  const input = taskInput.safeParse(request.body)
  if (!input.success) return sendError(response, 'validation_failed', { issues: input.error.issues })
  const { owner, creditsLeft } = getIdentity(request)
  const id = `task_${randomUUID()}`
  const task = { id, ...input.data, status: 'queued', created_at: new Date().toISOString() }
  await tasks.add(owner, id, task)
  response.json({ ...task, credits_left: creditsLeft })
})

app.use(errorHandler(keyward))

await serve(createServer(app), keyward, environment, backends.close)
