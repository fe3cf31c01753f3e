import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import { NotFoundError } from 'keyward'
import { errorHandler, type FetchHandler, getIdentity, requestId, requireKey, sendError } from '../../adapters/fetch.ts'
import { listening } from '../adapters/node-server.ts'
import { type Framework, type Reply, sendOverSocket, trickle } from './framework.ts'

/** Plain fetch handlers, over Node. */
export const onFetch: Framework = {
  name: 'fetch',
  async serve(keyward, routes) {
    const handlers = new Map<string, FetchHandler<[]>>()
    for (const { path, guards, handle } of routes) {
      const answering: FetchHandler<[]> = async (request) => {
        if (Number(request.headers.get('content-length')) > 100_000) return sendError(request, 'payload_too_large')
        const isJson = request.headers.get('content-type')?.startsWith('application/json') === true
        return send(request, await handle(isJson ? await request.json() : undefined, getIdentity(request)))
      }
      handlers.set(
        path,
        guards.reduceRight<FetchHandler<[]>>((inner, options) => requireKey(keyward, options)(inner), answering),
      )
    }
    const find: FetchHandler<[]> = (request) => {
      const handler = handlers.get(new URL(request.url).pathname)
      if (handler === undefined) throw new NotFoundError('No route answers this request.')
      return handler(request)
    }
    const whole = requestId(keyward)(errorHandler(keyward)(find))
    const server = await listening(
      serve({ fetch: (request) => whole(request), port: 0, hostname: '127.0.0.1' }) as Server,
    )
    return { ...server, send: (request) => sendOverSocket(server.port, request) }
  },
}

function send(request: Request, reply: Reply): Response {
  if ('error' in reply) return sendError(request, reply.error)
  const headers = new Headers()
  for (const [name, value] of Object.entries(reply.headers ?? {}))
    for (const each of [value].flat()) headers.append(name, each)
  const init = { status: reply.status ?? 200, headers }
  if ('json' in reply) return Response.json(reply.json, init)
  if ('text' in reply) return new Response(reply.text, init)
  if ('bytes' in reply) return new Response(new Uint8Array(reply.bytes), init)
  if ('empty' in reply) return new Response(null, init)
  return new Response(streamOf(trickle(reply)), init)
}

function streamOf(pieces: AsyncGenerator<string>): ReadableStream<Uint8Array> {
  return new ReadableStream({
    async pull(controller) {
      const { done, value } = await pieces.next()
      if (done === true) controller.close()
      else controller.enqueue(new TextEncoder().encode(value))
    },
    async cancel() {
      await pieces.return(undefined)
    },
  })
}
