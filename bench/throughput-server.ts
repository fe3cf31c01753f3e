import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { createKeyward, createProfile, defaultProfile } from 'keyward'
import { requestId as expressId, requireKey as expressKey } from 'keyward/express'
import { requestId as fastifyId, requireKey as fastifyKey } from 'keyward/fastify'
import { requestId as honoId, requireKey as honoKey } from 'keyward/hono'
import { createHandCheck, type HandChecked } from './by-hand.ts'
import { generatedStore } from './generated-keys.ts'
import { LIMIT, type ServerOrder, WINDOW_SECONDS } from './throughput-order.ts'

const { framework, variant, keys } = JSON.parse(process.argv[2] ?? '') as ServerOrder
const withRate = !variant.endsWith('id only')
const isByHand = variant.startsWith('by hand')
const isKeyward = variant.startsWith('keyward')
const body = { ok: true }

const check = createHandCheck(keys, LIMIT, WINDOW_SECONDS * 1_000)
const keyward = createKeyward({
  store: generatedStore(true),
  profile: createProfile(defaultProfile, { rateLimitHeaders: withRate ? 'x' : 'none' }),
  limits: { policies: { default: [{ limit: LIMIT, windowSeconds: WINDOW_SECONDS }] } },
})
await keyward.ready()

const server = await { express: expressServer, fastify: fastifyServer, hono: honoServer }[framework]()
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
process.on('message', () => process.send?.({ cpu: process.cpuUsage() }))
process.on('disconnect', () => process.exit(0))

function expressServer(): Server {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  if (isKeyward) app.use(expressId(keyward), expressKey(keyward))
  if (isByHand)
    app.use((request, response, next) => {
      const checked = check(request.headers.authorization)
      if (checked === undefined) return void response.sendStatus(401)
      setFields(response, checked)
      next()
    })
  app.get('/', (_request, response) => void response.json(body))
  return createServer(app)
}

async function fastifyServer(): Promise<Server> {
  const app = Fastify()
  if (isKeyward) app.addHook('onRequest', fastifyId(keyward)).addHook('onRequest', fastifyKey(keyward))
  if (isByHand)
    app.addHook('onRequest', (request, reply, done) => {
      const checked = check(request.headers.authorization)
      if (checked === undefined) return void reply.code(401).send()
      reply.header('X-Request-Id', checked.id)
      if (withRate) {
        reply.header('X-RateLimit-Limit', checked.limit)
        reply.header('X-RateLimit-Remaining', checked.remaining)
        reply.header('X-RateLimit-Reset', checked.reset)
      }
      done()
    })
  app.get('/', (_request, reply) => void reply.send(body))
  await app.ready()
  return app.server
}

function honoServer(): Server {
  const app = new Hono<{ Bindings: HttpBindings }>()
  if (isKeyward) app.use(honoId(keyward), honoKey(keyward))
  if (isByHand)
    app.use((c, next) => {
      const checked = check(c.env.incoming.headers.authorization)
      if (checked === undefined) return Promise.resolve(c.body(null, 401))
      setFields(c.env.outgoing as ServerResponse, checked)
      return next()
    })
  app.get('/', (c) => c.json(body))
  return createServer(getRequestListener(app.fetch))
}

function setFields(response: ServerResponse, { id, limit, remaining, reset }: HandChecked): void {
  response.setHeader('X-Request-Id', id)
  if (!withRate) return
  response.setHeader('X-RateLimit-Limit', limit)
  response.setHeader('X-RateLimit-Remaining', remaining)
  response.setHeader('X-RateLimit-Reset', reset)
}
