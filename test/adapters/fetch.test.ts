import type { Server } from 'node:http'
import { Readable } from 'node:stream'
import { serve } from '@hono/node-server'
import { describe, expect, it } from 'vitest'
import { errorHandler, type FetchHandler, getIdentity, requestId, requireKey, sendError } from '../../adapters/fetch.ts'
import { type Keyward, NotFoundError } from '../../src/index.ts'
import type { AdapterHarness, ContractRoute } from '../../src/testing/adapter/adapter-case.ts'
import { createTestKeyward } from '../../src/testing/test-keyward.ts'
import { describeAdapter } from './contract.ts'
import { listening } from './node-server.ts'

function answering({ method, handle }: ContractRoute): FetchHandler<[]> {
  return async (request) => {
    let body: unknown
    if (method === 'POST') {
      const text = await request.text()
      if (text.length > 10_000) return sendError(request, 'payload_too_large')
      try {
        body = JSON.parse(text)
      } catch {
        return sendError(request, 'bad_request')
      }
    }
    const reply = await handle(body, () => getIdentity(request))
    if ('json' in reply) return Response.json(reply.json)
    if ('redirect' in reply) return new Response(null, { status: 302, headers: { location: reply.redirect } })
    if ('error' in reply) return sendError(request, reply.error, reply.details)
    return new Response(
      Readable.toWeb(Readable.from(reply.chunks.map((chunk) => Buffer.from(chunk)))) as ReadableStream,
    )
  }
}

function router(keyward: Keyward, routes: readonly ContractRoute[]): FetchHandler<[]> {
  const handlers = new Map<string, FetchHandler<[]>>()
  for (const route of routes) {
    const guarded = route.guards.reduceRight<FetchHandler<[]>>(
      (handler, options) => requireKey(keyward, options)(handler),
      answering(route),
    )
    handlers.set(`${route.method} ${route.path}`, guarded)
    if (route.method === 'GET') handlers.set(`HEAD ${route.path}`, guarded)
  }
  return (request) => {
    const handler = handlers.get(`${request.method} ${new URL(request.url).pathname}`)
    if (handler === undefined) throw new NotFoundError('No route answers this request.')
    return handler(request)
  }
}

const harness: AdapterHarness = {
  listen(keyward, routes) {
    const handler = requestId(keyward)(errorHandler(keyward)(router(keyward, routes)))
    return listening(serve({ fetch: (request) => handler(request), hostname: '127.0.0.1', port: 0 }) as Server)
  },
}

describeAdapter('fetch handlers', harness)

describe('fetch handlers', () => {
  const limits = { policies: { default: [{ limit: 10, windowSeconds: 60 }] } }
  const requestWith = (apiKey: string) =>
    new Request('http://localhost/', { headers: { authorization: `Bearer ${apiKey}` } })

  it.each([
    [
      'a response of its own',
      () => new Response('', { headers: { 'x-ratelimit-remaining': 'x', 'x-request-id': 'x' } }),
    ],
    ['a redirect, which cannot be changed', () => Response.redirect('https://app.example/')],
    ['what another service answered', () => fetch('data:text/plain,x')],
  ])('show its own limits and id on %s', async (_, handler) => {
    const { keyward, createKey } = createTestKeyward({ limits })
    const { apiKey } = await createKey()
    const response = await requestId(keyward)(requireKey(keyward)(handler))(requestWith(apiKey))
    expect(response.headers.get('x-ratelimit-remaining')).toBe('9')
    expect(response.headers.get('x-request-id')).toMatch(/^req_/)
  })

  it('show the limits of the guard that refused, not of the one around it', async () => {
    const { keyward, createKey } = createTestKeyward({
      limits: { policies: { ...limits.policies, none: [{ limit: 0, windowSeconds: 9 }] } },
    })
    const { apiKey } = await createKey()
    const inner = requireKey(keyward, { policies: ['none'] })(() => expect.unreachable())
    const refused = await requireKey(keyward)(inner)(requestWith(apiKey))
    expect([refused.status, refused.headers.get('x-ratelimit-limit'), refused.headers.get('retry-after')]).toEqual([
      429,
      '0',
      '9',
    ])
  })

  it('get whatever the runtime hands over, and let a response pass that switches protocols', async () => {
    const { keyward, createKey } = createTestKeyward()
    const { apiKey } = await createKey()
    const upgrade = { status: 101, headers: Object.freeze({}) } as unknown as Response
    const handler = requireKey(keyward)((_request, env: { readonly name: string }, context: object) => {
      expect([env.name, context]).toEqual(['env', { waits: true }])
      return upgrade
    })
    expect(await handler(requestWith(apiKey), { name: 'env' }, { waits: true })).toBe(upgrade)
  })

  it('throw what the handler throws, where no errorHandler is around', async () => {
    const { keyward, createKey } = createTestKeyward()
    const { apiKey } = await createKey()
    const thrown = new Error('of the handler')
    const handler = requireKey(keyward)(() => Promise.reject(thrown))
    await expect(handler(requestWith(apiKey))).rejects.toBe(thrown)
  })

  it("know the peer's address from what Deno and Bun hand over", async () => {
    const { keyward, createKey } = createTestKeyward({ clientAddress: 'peer' })
    const { apiKey } = await createKey({ addresses: ['2001:db8::7'] })
    const handler = requireKey(keyward)((_request, _native: unknown) => new Response())
    const statusWith = async (native: unknown) => (await handler(requestWith(apiKey), native)).status
    expect(await statusWith(undefined)).toBe(403)
    expect(await statusWith({ remoteAddr: { hostname: '2001:db8::7' } })).toBe(200)
    expect(await statusWith({ requestIP: (request: Request) => request && { address: '2001:db8::7' } })).toBe(200)
    expect(await statusWith({ remoteAddr: { hostname: '192.0.2.1' } })).toBe(403)
  })
})
