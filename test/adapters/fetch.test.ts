import type { Server } from 'node:http'
import { Readable } from 'node:stream'
import { serve } from '@hono/node-server'
import { errorHandler, type FetchHandler, getIdentity, requestId, requireKey, sendError } from '../../adapters/fetch.ts'
import { type Keyward, NotFoundError } from '../../src/index.ts'
import type { AdapterHarness, ContractRoute } from '../../src/testing/adapter/adapter-case.ts'
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
