import { Readable } from 'node:stream'
import fastify, { type FastifyReply } from 'fastify'
import { errorHandler, getIdentity, requestId, requireKey, sendError } from '../../adapters/fastify.ts'
import { listening } from '../adapters/node-server.ts'
import { type Framework, type Reply, sendOverSocket, trickle } from './framework.ts'

/** Fastify 5. */
export const onFastify: Framework = {
  name: 'Fastify',
  async serve(keyward, routes) {
    const app = fastify({ bodyLimit: 100_000, forceCloseConnections: true })
    app.addHook('onRequest', requestId(keyward))
    app.setErrorHandler(errorHandler(keyward))
    for (const { path, guards, handle } of routes)
      app.all(path, { onRequest: guards.map((options) => requireKey(keyward, options)) }, async (request, reply) =>
        send(reply, await handle(request.body, getIdentity(request))),
      )
    await app.ready()
    const { port } = await listening(app.server.listen(0, '127.0.0.1'))
    return { port, send: (request) => sendOverSocket(port, request), close: () => app.close() }
  },
}

function send(reply: FastifyReply, made: Reply): FastifyReply {
  if ('error' in made) return sendError(reply, made.error)
  reply.code(made.status ?? 200)
  for (const [name, value] of Object.entries(made.headers ?? {})) reply.header(name, value)
  if ('json' in made) return reply.send(made.json)
  if ('text' in made) return reply.send(made.text)
  if ('bytes' in made) return reply.send(Buffer.from(made.bytes))
  if ('empty' in made) return reply.send()
  return reply.send(Readable.from(trickle(made), { objectMode: false }))
}
