import type { Server } from 'node:http'
import { serve } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import type { Identity, Keyward, RouteOptions } from 'keyward'
import * as onExpress from 'keyward/express'
import * as onFastify from 'keyward/fastify'
import * as onFetch from 'keyward/fetch'
import * as onHono from 'keyward/hono'
import { listening } from '../adapters/node-server.ts'

/** What each app guards: who may mint, who may read with a token, and who may read with a key. */
const guards = {
  '/sessions': { accept: ['key', 'session'] },
  '/tasks': { accept: ['session'], scopes: ['tasks:read'] },
  '/both': { accept: ['key', 'session'] },
  '/paid': { accept: ['key', 'session'], credits: 1 },
  '/keys-only': {},
} as const satisfies Record<string, RouteOptions>

type Path = keyof typeof guards
const paths = Object.keys(guards) as readonly Path[]

/** What the handlers do: mint from the caller's identity, or show it. */
async function answer(keyward: Keyward, path: Path, identity: Identity): Promise<unknown> {
  if (path === '/sessions') return keyward.sessions.mint(identity)
  const { keyId, owner, scopes, session } = identity
  return { keyId, owner, scopes, session: session?.id ?? null }
}

/** Starts a server of one framework, with `GET` routes for each guard. */
export type App = (keyward: Keyward) => Promise<{ readonly port: number; close(): Promise<void> }>

/** One small API on every framework. */
export const apps: Readonly<Record<'Express' | 'Fastify' | 'Hono' | 'fetch handlers', App>> = {
  Express(keyward) {
    const app = express()
    for (const path of paths)
      app.get(path, onExpress.requireKey(keyward, guards[path]), async (request, response) => {
        response.json(await answer(keyward, path, onExpress.getIdentity(request)))
      })
    app.use(onExpress.errorHandler(keyward))
    return listening(app.listen(0, '127.0.0.1'))
  },
  async Fastify(keyward) {
    const app = fastify()
    app.setErrorHandler(onFastify.errorHandler(keyward))
    for (const path of paths)
      app.get(path, { onRequest: onFastify.requireKey(keyward, guards[path]) }, (request) =>
        answer(keyward, path, onFastify.getIdentity(request)),
      )
    const address = await app.listen({ host: '127.0.0.1', port: 0 })
    return { port: Number(new URL(address).port), close: () => app.close() }
  },
  Hono(keyward) {
    const app = new Hono()
    app.onError(onHono.errorHandler(keyward))
    for (const path of paths)
      app.get(path, onHono.requireKey(keyward, guards[path]), async (c) =>
        c.json((await answer(keyward, path, onHono.getIdentity(c))) as object),
      )
    return listening(serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }) as Server)
  },
  'fetch handlers'(keyward) {
    const handlers = new Map(
      paths.map((path) => [
        path as string,
        onFetch.requireKey(
          keyward,
          guards[path],
        )(async (request: Request) => Response.json(await answer(keyward, path, onFetch.getIdentity(request)))),
      ]),
    )
    const handler = onFetch.errorHandler(keyward)((request: Request) => {
      const found = handlers.get(new URL(request.url).pathname)
      return found === undefined ? new Response(null, { status: 404 }) : found(request)
    })
    return listening(serve({ fetch: (request) => handler(request), hostname: '127.0.0.1', port: 0 }) as Server)
  },
}
