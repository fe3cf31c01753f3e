import type { Express, RequestHandler } from 'express'
import { errorHandler, getIdentity, requestId, requireKey, sendError } from '../../adapters/express.ts'
import type { AdapterHarness, ContractReply } from '../../src/testing/adapter/adapter-case.ts'
import { listening } from './node-server.ts'

/** The parts of Express 4 and 5 that a server of the contract is made of. */
export interface ExpressModule {
  (): Express
  json(options: { limit: number }): RequestHandler
}

/** Makes the harness of one version of Express. */
export function expressHarness(express: ExpressModule): AdapterHarness {
  return {
    listen(keyward, routes) {
      const app = express()
      app.use(requestId(keyward))
      for (const { method, path, guards, handle } of routes) {
        const guarded = guards.map((options) => requireKey(keyward, options))
        const parsers = method === 'POST' ? [express.json({ limit: 10_000 })] : []
        // Express 4 takes no promise from a handler.
        app[method === 'GET' ? 'get' : 'post'](path, ...guarded, ...parsers, async (request, response, next) => {
          let reply: ContractReply
          try {
            reply = await handle(request.body, () => getIdentity(request))
          } catch (error) {
            return next(error)
          }
          if ('json' in reply) response.json(reply.json)
          else if ('redirect' in reply) response.redirect(reply.redirect)
          else if ('error' in reply) sendError(response, reply.error, reply.details)
          else {
            for (const chunk of reply.chunks) response.write(chunk)
            response.end()
          }
        })
      }
      app.use(errorHandler(keyward))
      return listening(app.listen(0, '127.0.0.1'))
    },
  }
}
