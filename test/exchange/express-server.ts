import express, { type Response } from 'express'
import { errorHandler, getIdentity, requestId, requireKey, sendError } from '../../adapters/express.ts'
import { listening } from '../adapters/node-server.ts'
import { type Framework, type Reply, sendOverSocket, trickle } from './framework.ts'

/** Express 5. */
export const onExpress: Framework = {
  name: 'Express',
  async serve(keyward, routes) {
    const app = express()
    app.use(requestId(keyward))
    for (const { path, guards, handle } of routes)
      app.all(
        path,
        ...guards.map((options) => requireKey(keyward, options)),
        express.json({ limit: 100_000 }),
        async (request, response) => send(response, await handle(request.body, getIdentity(request))),
      )
    app.use(errorHandler(keyward))
    const server = await listening(app.listen(0, '127.0.0.1'))
    return { ...server, send: (request) => sendOverSocket(server.port, request) }
  },
}

async function send(response: Response, reply: Reply): Promise<void> {
  if ('error' in reply) return sendError(response, reply.error)
  response.status(reply.status ?? 200)
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value)
  if ('json' in reply) response.json(reply.json)
  else if ('text' in reply) response.send(reply.text)
  else if ('bytes' in reply) response.send(Buffer.from(reply.bytes))
  else if ('empty' in reply) response.end()
  else {
    for await (const piece of trickle(reply)) response.write(piece)
    response.end()
  }
}
