import { randomUUID } from 'node:crypto'
import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { createKeyward, videogen } from 'keyward'
import { dashboard } from 'keyward/dashboard'
import { errorHandler, getIdentity, requestId, requireKey, sendError } from 'keyward/hono'
import { adminToken, manage } from 'keyward/manage'
import * as z from 'zod'
import { openBackends } from '../backends.ts'
import { readEnvironment, readPublicUrl } from '../environment.ts'
import { serve } from '../serve.ts'
import { readPages, writeFull, writeIndex } from './pages.ts'

/** How many files a list shows. */
const MOST_FILES = 100

const environment = readEnvironment('videogen')
const backends = openBackends(environment)
const files = backends.documents('videogen_files')
const pages = readPages()

const keyward = createKeyward({
  store: backends.store,
  gate: backends.gate,
  profile: videogen,
  limits: { policies: { default: [{ limit: 600, windowSeconds: 60 }] } },
  clientAddress: 'peer',
})

const imageInput = z.strictObject({ prompt: z.string().min(1).max(10_000) })

const app = new Hono()
app.use(requestId(keyward))
app.onError(errorHandler(keyward))
app.notFound(errorHandler(keyward))
app.route('/manage', manage(keyward, { authorize: adminToken(environment.adminToken) }).hono())
app.route(
  '/keys',
  dashboard(keyward, { signIn: adminToken(environment.adminToken), sampleRequest: { path: '/v1/files' } }).hono(),
)

app.get('/v1/files', requireKey(keyward), async (c) => {
  return c.json({ files: await files.list(getIdentity(c).owner, MOST_FILES) })
})

app.post('/v1/tools/generate-image', requireKey(keyward, { idempotency: {} }), async (c) => {
  const input = imageInput.safeParse(await c.req.json())
  if (!input.success) return sendError(c, 'validation_failed', { issues: input.error.issues })
  const id = `file_${randomUUID()}`
  const file = { id, type: 'image', ...input.data, status: 'queued', created_at: new Date().toISOString() }
  await files.add(getIdentity(c).owner, id, file)
  return c.json(file)
})

// Documentation is for whoever asks, and for agents above all: no key.
const asText = { 'Content-Type': 'text/plain; charset=utf-8' }
const asMarkdown = { 'Content-Type': 'text/markdown; charset=utf-8' }
app.get('/llms.txt', (c) => c.body(writeIndex(pages, publicUrl), 200, asText))
app.get('/llms-full.txt', (c) => c.body(writeFull(pages, publicUrl), 200, asText))
app.get('/docs/:page', (c) => {
  const page = pages.find(({ file }) => file === c.req.param('page'))
  return page === undefined ? c.notFound() : c.body(page.write(publicUrl), 200, asMarkdown)
})

const url = await serve(createAdaptorServer(app) as Server, keyward, environment, backends.close)
const publicUrl = readPublicUrl(process.env) ?? url
