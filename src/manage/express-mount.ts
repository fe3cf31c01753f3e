import { headOfNode, type NodeRequestLike, type NodeResponseLike, setNodeHeaders } from '../index.ts'
import { isDownload } from './answer-download.ts'
import { limitBytes } from './byte-limit.ts'
import { fetchRequestOf, type NodeBodyLike, readNodeBody } from './node-arrival.ts'
import type { Serve } from './serve-management.ts'

/** The part of Express's request that is read. */
export interface ExpressRequestLike extends NodeRequestLike, NodeBodyLike {
  /** Path and query below the mount. */
  readonly url: string
  readonly originalUrl: string
  /** Path of the mount. */
  readonly baseUrl: string
  readonly readableDidRead?: boolean
  /** What a body parser of the host has made of the body. */
  readonly body?: unknown
}

/** The part of Express's response that is written. */
export interface ExpressResponseLike extends NodeResponseLike {
  write(chunk: Uint8Array): boolean
  once(event: 'drain' | 'close', listener: () => void): unknown
  destroy(): unknown
}

/** A handler for `app.use(path, handler)`. */
export type ExpressMount = (
  request: ExpressRequestLike,
  response: ExpressResponseLike,
  next: (error?: unknown) => void,
) => void

/** Makes the handler that Express mounts. */
export function mountOnExpress(serve: Serve): ExpressMount {
  return (request, response, next) => {
    serve({
      head: headOfNode(request),
      request: fetchRequestOf(request, request.originalUrl),
      target: request.url,
      basePath: request.baseUrl,
      native: request,
      subject: request,
      readBody: async (mostBytes) =>
        request.readableDidRead ? parsedBody(request.body, mostBytes) : readNodeBody(request, mostBytes),
    })
      .then((answer) => send(answer, response))
      .catch(next)
  }
}

/**
 * Takes a body that a parser in front has read: its bytes or text as they are, or what it parsed, as JSON again. What
 * is too deep to be written down is too long.
 */
function parsedBody(body: unknown, mostBytes: number): Uint8Array | undefined {
  if (body instanceof Uint8Array || typeof body === 'string') return limitBytes(body, mostBytes)
  try {
    return limitBytes(body === undefined ? '' : JSON.stringify(body), mostBytes)
  } catch {
    return undefined
  }
}

async function send(answer: Response, response: ExpressResponseLike): Promise<void> {
  const body = isDownload(answer) ? answer.body : await answer.text()
  if (response.headersSent) return
  response.statusCode = answer.status
  setNodeHeaders(response, [...answer.headers])
  if (typeof body === 'string') response.end(body)
  else await sendStream(body, response)
}

/** Sends parts as fast as the client takes them, and asks for no more once it has gone. */
async function sendStream(body: ReadableStream<Uint8Array>, response: ExpressResponseLike): Promise<void> {
  const reader = body.getReader()
  let goOn = () => {}
  response.once('close', () => {
    reader.cancel().catch(() => {})
    goOn()
  })
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read())
      if (!response.write(part.value))
        await new Promise<void>((resolve) => {
          goOn = resolve
          response.once('drain', resolve)
        })
    response.end('')
  } catch {
    // The client must not take a part for the whole.
    response.destroy()
  }
}
