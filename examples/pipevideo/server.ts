import { createServer } from 'node:http'
import express from 'express'
import { createKeyward, pipevideo } from 'keyward'
import { dashboard } from 'keyward/dashboard'
import { errorHandler, getIdentity, requestId, requireKey, sendError } from 'keyward/express'
import { adminToken, manage } from 'keyward/manage'
import * as z from 'zod'
import { openBackends } from '../backends.ts'
import { readEnvironment } from '../environment.ts'
import { serve } from '../serve.ts'
import { addGeneration } from './generations.ts'

const environment = readEnvironment('pipevideo')
const backends = openBackends(environment)
const generations = backends.documents('generations')

const keyward = createKeyward({
  store: backends.store,
  gate: backends.gate,
  profile: pipevideo,
  keys: { onDelete: 'purge' },
  limits: { policies: { default: [{ limit: 100, windowSeconds: 60 }] } },
  clientAddress: 'peer',
})

const generationInput = z.strictObject({ model: z.string().min(1).max(200), prompt: z.string().min(1).max(10_000) })

const app = express()
app.disable('x-powered-by')
app.use(requestId(keyward))
app.use('/manage', manage(keyward, { authorize: adminToken(environment.adminToken) }).express())

app.use(
  '/keys',
  dashboard(keyward, {
    signIn: adminToken(environment.adminToken),
    sampleRequest: { path: '/v1/video/generations', body: { model: 'pv-1', prompt: 'A quiet lake at dawn' } },
  }).express(),
)

app.post('/v1/video/generations', requireKey(keyward), express.json(), async (request, response) => {
  const input = generationInput.safeParse(request.body)
  if (!input.success) return sendError(response, 'validation_failed', { issues: input.error.issues })
  const { owner, attribution } = getIdentity(request)
  response.json(await addGeneration(generations, owner, input.data, attribution))
})

app.get('/v1/video/generations/:id', requireKey(keyward), async (request, response) => {
  const generation = await generations.find(getIdentity(request).owner, String(request.params['id']))
  if (generation === undefined) return sendError(response, 'not_found')
  response.json(generation)
})

app.use(errorHandler(keyward))

await serve(createServer(app), keyward, environment, backends.close)
