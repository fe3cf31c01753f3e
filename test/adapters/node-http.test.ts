import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'
import { NotFoundError } from '../../src/index.ts'
import type { AdapterHarness, ContractRoute } from '../../src/testing/adapter/adapter-case.ts'
import { findBadManners } from '../house/manners.ts'
import { describeAdapter } from './contract.ts'
import { errorHandler, getIdentity, type Handler, requireKey, sendError } from './node-http-adapter.ts'
import { listening } from './node-server.ts'

const harness: AdapterHarness = {
  listen(keyward, routes) {
    const handlers = new Map<string, Handler>()
    for (const route of routes) {
      const guarded = route.guards.reduceRight(
        (handler, options) => requireKey(keyward, options)(handler),
        answering(route),
      )
      handlers.set(`${route.method} ${route.path}`, guarded)
    }
    const find: Handler = (request, response) => {
      const method = request.method === 'HEAD' ? 'GET' : request.method
      const handler = handlers.get(`${method} ${request.url?.split('?')[0]}`)
      if (handler === undefined) throw new NotFoundError('No route answers this request.')
      return handler(request, response)
    }
    return listening(createServer(errorHandler(keyward)(find)).listen(0, '127.0.0.1'))
  },
}

function answering({ method, handle }: ContractRoute): Handler {
  return async (request, response) => {
    let body: unknown
    if (method === 'POST') {
      const received = await text(request)
      if (received.length > 10_000) return sendError(response, 'payload_too_large')
      try {
        body = JSON.parse(received)
      } catch {
        return sendError(response, 'bad_request')
      }
    }
    const reply = await handle(body, () => getIdentity(request))
    if ('error' in reply) return sendError(response, reply.error, reply.details)
    if ('redirect' in reply) response.writeHead(302, { Location: reply.redirect })
    for (const chunk of 'chunks' in reply ? reply.chunks : []) response.write(chunk)
    response.end('json' in reply ? JSON.stringify(reply.json) : undefined)
  }
}

describeAdapter('node:http, written from the public API alone', harness)

it('takes under 40 lines to write an adapter, without a status, a header name or a code', () => {
  const source = readFileSync(new URL('./node-http-adapter.ts', import.meta.url), 'utf8')
  expect(source.split('\n').length).toBeLessThan(41)
  expect(findBadManners(new Map([['adapters/node-http.ts', source]]))).toEqual([])
})
