import { createServer } from 'node:http'
import fastify from 'fastify'
import { createKeyward, visionpipe } from 'keyward'
import { dashboard } from 'keyward/dashboard'
import { errorHandler, getIdentity, requestId, requireKey } from 'keyward/fastify'
import { adminToken, manage } from 'keyward/manage'
import { sessions } from 'keyward/sessions'
import { openBackends } from '../backends.ts'
import { readEnvironment } from '../environment.ts'
import { serve } from '../serve.ts'
import { playground } from './playground.ts'
import { readSettings } from './settings.ts'

/** Seconds for which a token of the playground is good. */
const DAY_SECONDS = 86_400

const environment = readEnvironment('visionpipe')
const settings = readSettings(environment)
const backends = openBackends(environment)

const keyward = createKeyward({
  store: backends.store,
  gate: backends.gate,
  profile: visionpipe,
  credits: { account: 'key', initial: settings.credits },
  sessions: sessions({
    issuer: 'visionpipe',
    audience: 'visionpipe-playground',
    signingKeys: [{ kid: 'playground', secret: settings.sessionSecret }],
    maxTtlSeconds: DAY_SECONDS,
  }),
  clientAddress: 'peer',
})

const app = fastify({ serverFactory: (handler) => createServer(handler), frameworkErrors: errorHandler(keyward) })
app.addHook('onRequest', requestId(keyward))
app.setErrorHandler(errorHandler(keyward))
app.setNotFoundHandler(errorHandler(keyward))
app.register(manage(keyward, { authorize: adminToken(environment.adminToken) }).fastify, { prefix: '/manage' })
const board = dashboard(keyward, {
  signIn: adminToken(environment.adminToken),
  sampleRequest: { path: '/api/v1/sessions', method: 'POST' },
})
app.register(board.fastify, { prefix: '/keys' })

app.post('/api/v1/sessions', { onRequest: requireKey(keyward, { credits: 1 }) }, async (request) => {
  const identity = getIdentity(request)
  const { token } = await keyward.sessions.mint(identity, { ttlSeconds: DAY_SECONDS })
  const playgroundUrl = `${publicUrl}/playground?token=${token}`
  return { success: true, credits: identity.creditsLeft, playgroundUrl, token, expiresIn: DAY_SECONDS }
})

app.get<{ Querystring: { token?: string } }>('/playground', async (request, reply) => {
  const headers = { authorization: `Bearer ${request.query.token ?? ''}` }
  const found = await keyward.authenticate(headers, { accept: ['session'], cost: 0 })
  if (found.denied) return reply.code(found.status).headers(Object.fromEntries(found.headers)).send(found.body)
  // The token is in the address: nothing that the page links to shall see it.
  return reply.type('text/html').header('Referrer-Policy', 'no-referrer').send(playground(found.name))
})

await app.ready()
const url = await serve(app.server, keyward, environment, backends.close)
const publicUrl = settings.publicUrl ?? url
