import { Readable } from 'node:stream'
import fastify from 'fastify'
import { describe, expect, it } from 'vitest'
import { errorHandler, getIdentity, requestId, requireKey, sendError } from '../../adapters/fastify.ts'
import type { AdapterHarness } from '../../src/testing/adapter/adapter-case.ts'
import { createTestKeyward } from '../../src/testing/test-keyward.ts'
import { describeAdapter } from './contract.ts'

const harness: AdapterHarness = {
  async listen(keyward, routes) {
    const app = fastify({ bodyLimit: 10_000, frameworkErrors: errorHandler(keyward), forceCloseConnections: true })
    app.addHook('onRequest', requestId(keyward))
    app.setErrorHandler(errorHandler(keyward))
    app.setNotFoundHandler(errorHandler(keyward))
    for (const { method, path: url, guards, handle } of routes) {
      app.route({
        method,
        url,
        onRequest: guards.map((options) => requireKey(keyward, options)),
        async handler(request, reply) {
          const answer = await handle(request.body, () => getIdentity(request))
          if ('json' in answer) return reply.type('application/json').send(JSON.stringify(answer.json))
          if ('redirect' in answer) return reply.redirect(answer.redirect)
          if ('error' in answer) return sendError(reply, answer.error, answer.details)
          return reply.send(Readable.from(answer.chunks))
        },
      })
    }
    const address = await app.listen({ host: '127.0.0.1', port: 0 })
    return { port: Number(new URL(address).port), close: () => app.close() }
  },
}

describeAdapter('Fastify', harness)

describe('Fastify', () => {
  it('answers an address that cannot be decoded, and a body that breaks a schema, in the envelope', async () => {
    const { keyward } = createTestKeyward()
    const app = fastify({ frameworkErrors: errorHandler(keyward) })
    app.setErrorHandler(errorHandler(keyward))
    const body = { type: 'object', required: ['prompt'], properties: { prompt: { type: 'string', minLength: 3 } } }
    app.post('/', { schema: { body } }, async () => ({}))
    const undecodable = await app.inject('/%zz')
    expect([undecodable.statusCode, undecodable.json().error.code]).toEqual([400, 'bad_request'])
    const broken = await app.inject({ method: 'POST', url: '/', payload: { prompt: 'ab' } })
    expect([broken.statusCode, broken.json().error.code]).toEqual([422, 'validation_failed'])
    expect(broken.json().error.issues[0].path).toEqual(['prompt'])
    const form = { 'content-type': 'application/x-www-form-urlencoded' }
    const odd = await app.inject({ method: 'POST', url: '/', headers: form, payload: 'a=b' })
    expect([odd.statusCode, odd.json().error.code]).toEqual([415, 'unsupported_media_type'])
  })

  it('guards a whole plugin, leaves the rest open, and keeps the types of a route', async () => {
    const { keyward, createKey } = createTestKeyward()
    const { apiKey } = await createKey()
    const app = fastify()
    app.get('/open', async () => 'open')
    app.register(async (guarded) => {
      guarded.addHook('onRequest', requireKey(keyward))
      guarded.get<{ Params: { id: string } }>('/things/:id', { onRequest: requireKey(keyward) }, async (request) => {
        const id: string = request.params.id
        return { id, keyId: getIdentity(request).keyId.slice(0, 4) }
      })
    })
    expect((await app.inject('/open')).body).toBe('open')
    expect((await app.inject('/things/7')).statusCode).toBe(401)
    const admitted = await app.inject({ url: '/things/7', headers: { authorization: `Bearer ${apiKey}` } })
    expect(admitted.json()).toEqual({ id: '7', keyId: 'key_' })
  })

  it('lets the hooks of other plugins see an answer of its own', async () => {
    const { keyward } = createTestKeyward()
    const app = fastify()
    app.addHook('onSend', async (_request, reply, payload) => {
      reply.header('x-seen', String(payload).length)
      return payload
    })
    app.get('/', { onRequest: requireKey(keyward) }, async () => expect.unreachable())
    const refused = await app.inject('/')
    expect([refused.statusCode, refused.headers['x-seen']]).toEqual([401, String(refused.body.length)])
  })
})
