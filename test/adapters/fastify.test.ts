import { Readable } from 'node:stream'
import fastify from 'fastify'
import { errorHandler, getIdentity, requestId, requireKey, sendError } from '../../adapters/fastify.ts'
import type { AdapterHarness } from '../../src/testing/adapter/adapter-case.ts'
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
