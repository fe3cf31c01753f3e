import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { onTestFinished } from 'vitest'
import { listening } from '../adapters/node-server.ts'

/** A request as it arrived. */
export interface Received {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/** What a server does with one request: an answer, or anything else that can be done to a connection. */
export type Step = Answer | ((response: ServerResponse, request: IncomingMessage) => unknown)

/** An answer in short. */
export interface Answer {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  readonly text?: string
}

/** A server that does one step for each request, in order. More requests than steps are answered 418. */
export async function serveSteps(...steps: readonly Step[]) {
  const received: Received[] = []
  const server = createServer(async (request, response) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece)
    const { method = '', url = '', headers } = request
    const step = steps[received.length] ?? { status: 418 }
    received.push({ method, path: url, headers, body: Buffer.concat(pieces).toString('latin1') })
    if (typeof step === 'function') return void step(response, request)
    response.writeHead(step.status ?? 200, {
      ...(step.json === undefined ? {} : { 'Content-Type': 'application/json' }),
      ...step.headers,
    })
    response.end(step.json === undefined ? step.text : JSON.stringify(step.json))
  })
  const { port, close } = await listening(server.listen(0, '127.0.0.1'))
  onTestFinished(close)
  return { url: `http://127.0.0.1:${port}`, received }
}

/** Ends the connection as a crash does: nothing more comes. */
export const reset: Step = (response) => response.destroy()

/** Begins an answer and ends the connection in its middle. */
export const breakOff: Step = (response) => {
  response.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': '100' })
  response.write('{"half":', () => response.destroy())
}
