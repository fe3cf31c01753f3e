import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import express from 'express'
import Fastify from 'fastify'
import { Hono } from 'hono'
import { createKeyward, headOfNode, type NodeRequestLike } from 'keyward'
import { requestId as expressId, requireKey as expressKey } from 'keyward/express'
import { requestId as fastifyId, requireKey as fastifyKey } from 'keyward/fastify'
import { requestId as honoId, requireKey as honoKey } from 'keyward/hono'
import { createHandCheck, type HandChecked } from './by-hand.ts'
import { generatedStore } from './generated-keys.ts'
import { LIMIT, type ServerOrder, WINDOW_SECONDS } from './throughput-order.ts'

const { framework, variant, keys } = JSON.parse(process.argv[2] ?? '') as ServerOrder
const isByHand = variant.startsWith('by hand')
const body = { ok: true }

const check = createHandCheck(keys, LIMIT, WINDOW_SECONDS * 1_000, variant === 'by hand')
const keyward = createKeyward({
  store: generatedStore(true),
  limits: { policies: { default: [{ limit: LIMIT, windowSeconds: WINDOW_SECONDS }] } },
})
await keyward.ready()
const route = keyward.route()

const server = await { express: expressServer, fastify: fastifyServer, hono: honoServer }[framework]()
server.listen(0, '127.0.0.1', () => process.send?.({ port: (server.address() as AddressInfo).port }))
process.on('message', () => process.send?.({ cpu: process.cpuUsage() }))
process.on('disconnect', () => process.exit(0))

function expressServer(): Server {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  if (variant === 'keyward') app.use(expressId(keyward), expressKey(keyward))
  else if (variant === 'keyward, check alone')
    app.use((request, response, next) => {
      if (isGood(request)) next()
      else response.sendStatus(401)
    })
  else if (isByHand)
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
  if (variant === 'keyward') app.addHook('onRequest', fastifyId(keyward)).addHook('onRequest', fastifyKey(keyward))
  else if (variant === 'keyward, check alone')
    app.addHook('onRequest', (request, reply, done) => {
      if (isGood(request.raw)) done()
      else reply.code(401).send()
    })
  else if (isByHand)
    app.addHook('onRequest', (request, reply, done) => {
      const checked = check(request.headers.authorization)
      if (checked === undefined) return void reply.code(401).send()
      for (const [name, value] of checked) reply.header(name, value)
      done()
    })
  app.get('/', (_request, reply) => void reply.send(body))
  await app.ready()
  return app.server
}

function honoServer(): Server {
  const app = new Hono<{ Bindings: HttpBindings }>()
  if (variant === 'keyward') app.use(honoId(keyward), honoKey(keyward))
  else if (variant === 'keyward, check alone')
    app.use((c, next) => (isGood(c.env.incoming) ? next() : Promise.resolve(c.body(null, 401))))
  else if (isByHand)
    app.use((c, next) => {
      const checked = check(c.env.incoming.headers.authorization)
      if (checked === undefined) return Promise.resolve(c.body(null, 401))
      setFields(c.env.outgoing as ServerResponse, checked)
      return next()
    })
  app.get('/', (c) => c.json(body))
  return createServer(getRequestListener(app.fetch))
}

/** The check and nothing else, by the public face; a key that has no copy yet is let in, while its copy is read. */
function isGood(request: NodeRequestLike): boolean {
  const decision = keyward.admit(keyward.receive(headOfNode(request)), route)
  return decision instanceof Promise || !decision.denied
}

function setFields(response: ServerResponse, fields: HandChecked): void {
  for (const [name, value] of fields) response.setHeader(name, value)
}
