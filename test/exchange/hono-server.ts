import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import { type Context, Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { stream } from 'hono/streaming'
import type { ContentfulStatusCode, StatusCode } from 'hono/utils/http-status'
import type { Keyward } from 'keyward'
import { errorHandler, getIdentity, requestId, requireKey, sendError } from '../../adapters/hono.ts'
import { listening } from '../adapters/node-server.ts'
import {
  type ExchangeRoute,
  type Framework,
  type Received,
  type Reply,
  received,
  type Sent,
  sendOverSocket,
  trickle,
} from './framework.ts'

/** Hono over Node. */
export const onHonoOnNode: Framework = {
  name: 'Hono on Node',
  async serve(keyward, routes) {
    const app = build(keyward, routes)
    const server = await listening(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
    return { ...server, send: (request) => sendOverSocket(server.port, request) }
  },
}

/** Hono where there is no Node, and no socket: what Workers, Deno and Bun are given. */
export const onHono: Framework = {
  name: 'Hono',
  async serve(keyward, routes) {
    const app = build(keyward, routes)
    return { port: undefined, send: (request) => sendToFetch(app.fetch, request), close: async () => {} }
  },
}

/** Hands a request to a fetch handler. */
export async function sendToFetch(
  handler: (request: Request) => Response | Promise<Response>,
  sent: Sent,
): Promise<Received> {
  const { method = 'POST', path, headers, body } = sent
  const init = {
    method,
    headers: headers.map(([name, value]) => [name, value] as [string, string]),
    body: body ?? null,
  }
  const response = await handler(new Request(`http://localhost${path}`, init as RequestInit))
  return received(response.status, Array.from(response.headers), Buffer.from(await response.arrayBuffer()))
}

function build(keyward: Keyward, routes: readonly ExchangeRoute[]): Hono {
  const app = new Hono()
  app.use(requestId(keyward))
  app.onError(errorHandler(keyward))
  app.notFound(errorHandler(keyward))
  for (const { path, guards, handle } of routes) {
    for (const options of guards) app.all(path, requireKey(keyward, options))
    app.all(path, bodyLimit({ maxSize: 100_000 }))
    app.all(path, async (c) => {
      const isJson = c.req.header('content-type')?.startsWith('application/json') === true
      return send(c, await handle(isJson ? await c.req.json() : undefined, getIdentity(c)))
    })
  }
  return app
}

function send(c: Context, reply: Reply): Response {
  if ('error' in reply) return sendError(c, reply.error)
  const status = (reply.status ?? 200) as ContentfulStatusCode
  for (const [name, value] of Object.entries(reply.headers ?? {}))
    for (const each of [value].flat()) c.header(name, each, { append: true })
  if ('json' in reply) return c.json(reply.json, status)
  if ('text' in reply) return c.text(reply.text, status)
  if ('bytes' in reply) return c.body(new Uint8Array(reply.bytes), status)
  if ('empty' in reply) return c.body(null, status as StatusCode)
  c.status(status)
  return stream(c, async (body) => {
    for await (const piece of trickle(reply)) await body.write(piece)
  })
}
