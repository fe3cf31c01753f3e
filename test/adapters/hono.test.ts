import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { compress } from 'hono/compress'
import { cors } from 'hono/cors'
import { HTTPException } from 'hono/http-exception'
import { describe, expect, it } from 'vitest'
import { errorHandler, getIdentity, requestId, requireKey } from '../../adapters/hono.ts'
import type { AdapterHarness } from '../../src/testing/adapter/adapter-case.ts'
import { createTestKeyward } from '../../src/testing/test-keyward.ts'
import { describeAdapter } from './contract.ts'
import { honoApp } from './hono-app.ts'
import { listening } from './node-server.ts'

const onNode: AdapterHarness = {
  listen: (keyward, routes) =>
    listening(serve({ fetch: honoApp(keyward, routes).fetch, hostname: '127.0.0.1', port: 0 }) as Server),
}

/** As on Bun, Deno and Workers: the app is given nothing but the request. */
const elsewhere: AdapterHarness = {
  listen(keyward, routes) {
    const app = honoApp(keyward, routes)
    return listening(serve({ fetch: (request) => app.fetch(request), hostname: '127.0.0.1', port: 0 }) as Server)
  },
}

describeAdapter('Hono on Node', onNode)
describeAdapter('Hono elsewhere', elsewhere)

const tenAMinute = { limits: { policies: { default: [{ limit: 10, windowSeconds: 60 }] } } }

describe('Hono', () => {
  it('needs no server: app.request() is enough', async () => {
    const { keyward, createKey } = createTestKeyward(tenAMinute)
    const { id, apiKey } = await createKey()
    const app = new Hono().get('/', requireKey(keyward), (c) => c.text(getIdentity(c).keyId))
    expect((await app.request('/')).status).toBe(401)
    const admitted = await app.request('/', { headers: { authorization: `Bearer ${apiKey}` } })
    expect(await admitted.text()).toBe(id)
    expect(admitted.headers.get('x-ratelimit-remaining')).toBe('9')
    expect(admitted.headers.get('x-request-id')).toMatch(/^req_/)
  })

  it.each([
    ['on Node', (app: Hono) => app.fetch],
    ['elsewhere', (app: Hono) => (request: Request) => app.fetch(request)],
  ])(
    'puts its fields on whatever response a handler returns, over those of another service, %s',
    async (_, fetchOf) => {
      const { keyward, createKey } = createTestKeyward(tenAMinute)
      const { apiKey } = await createKey()
      const app = new Hono()
      app.use(cors(), compress(), requestId(keyward), requireKey(keyward))
      app.get('/raw', () => new Response('raw'))
      app.get('/long', (c) => c.text('long '.repeat(1_000)))
      app.get('/away', () => Response.redirect('https://app.example/'))
      app.get('/none', (c) => c.body(null, 204))
      app.get('/upstream', () => fetch('data:text/plain,upstream'))
      const server = await listening(serve({ fetch: fetchOf(app), hostname: '127.0.0.1', port: 0 }) as Server)
      let left = 10
      for (const [path, status] of [
        ['raw', 200],
        ['long', 200],
        ['away', 302],
        ['none', 204],
        ['upstream', 200],
      ] as const) {
        const response = await fetch(`http://127.0.0.1:${server.port}/${path}`, {
          headers: { authorization: `Bearer ${apiKey}`, origin: 'https://app.example' },
          redirect: 'manual',
        })
        left -= 1
        expect(response.status, path).toBe(status)
        expect(response.headers.get('x-ratelimit-remaining'), path).toBe(String(left))
        expect(response.headers.get('x-request-id'), path).toMatch(/^req_[0-9a-f-]{36}$/)
        expect(response.headers.get('access-control-allow-origin'), path).toBe('*')
        if (path === 'long') expect(response.headers.get('content-encoding')).toBe('gzip')
        await response.text()
      }
      const refused = await fetch(`http://127.0.0.1:${server.port}/raw`, { headers: { origin: 'https://app.example' } })
      expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="api"')
      expect(refused.headers.get('access-control-allow-origin')).toBe('*')
      await server.close()
    },
  )

  it('lets the middleware for CORS answer a preflight that comes first (19)', async () => {
    const { keyward } = createTestKeyward()
    const app = new Hono().use(cors(), requireKey(keyward)).get('/', (c) => c.text(''))
    const headers = { origin: 'https://app.example', 'access-control-request-method': 'GET' }
    expect((await app.request('/', { method: 'OPTIONS', headers })).status).toBe(204)
  })

  it('answers an HTTPException in the envelope, whatever response it brings', async () => {
    const { keyward } = createTestKeyward()
    const app = new Hono().get('/', () => {
      throw new HTTPException(409, { message: 'secret-detail', res: new Response('secret-detail') })
    })
    app.onError(errorHandler(keyward))
    const response = await app.request('/')
    const { error } = (await response.json()) as { error: Record<string, unknown> }
    expect([response.status, error['code'], error['request_id']]).toEqual([
      409,
      'conflict',
      response.headers.get('x-request-id'),
    ])
    expect(JSON.stringify(error)).not.toContain('secret-detail')
  })

  it("reads the peer's address where the runtime tells it", async () => {
    const { keyward, createKey } = createTestKeyward({ clientAddress: 'peer' })
    const { apiKey } = await createKey({ addresses: ['192.0.2.7'] })
    const app = new Hono().get('/', requireKey(keyward), (c) => c.text(''))
    const get = async (env?: object) =>
      (await app.request('/', { headers: { authorization: `Bearer ${apiKey}` } }, env)).status
    expect(await get()).toBe(403)
    expect(await get({ remoteAddr: { hostname: '192.0.2.7' } })).toBe(200)
    expect(await get({ requestIP: () => ({ address: '192.0.2.7' }) })).toBe(200)
    expect(await get({ requestIP: () => null })).toBe(403)
  })
})
