import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { stream } from 'hono/streaming'
import { validator } from 'hono/validator'
import { errorHandler, getIdentity, requestId, requireKey, sendError } from '../../adapters/hono.ts'
import type { Keyward } from '../../src/index.ts'
import type { ContractRoute } from '../../src/testing/adapter/adapter-case.ts'

/** Builds an app of the contract's routes. */
export function honoApp(keyward: Keyward, routes: readonly ContractRoute[]): Hono {
  const app = new Hono()
  app.use(requestId(keyward))
  app.onError(errorHandler(keyward))
  app.notFound(errorHandler(keyward))
  for (const { method, path, guards, handle } of routes) {
    for (const options of guards) app.on(method, path, requireKey(keyward, options))
    if (method === 'POST') app.on(method, path, bodyLimit({ maxSize: 10_000 }))
    if (method === 'POST')
      app.on(
        method,
        path,
        validator('json', (body: unknown) => ({ body })),
      )
    app.on(method, path, async (c) => {
      const body = method === 'POST' ? await c.req.json() : undefined
      const reply = await handle(body, () => getIdentity(c))
      if ('json' in reply) return c.body(JSON.stringify(reply.json), 200, { 'Content-Type': 'application/json' })
      if ('redirect' in reply) return c.redirect(reply.redirect)
      if ('error' in reply) return sendError(c, reply.error, reply.details)
      return stream(c, async (body) => {
        for (const chunk of reply.chunks) await body.write(chunk)
      })
    })
  }
  return app
}
