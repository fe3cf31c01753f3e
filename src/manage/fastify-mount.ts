import { headOfNode, type NodeRequestLike } from '../index.ts'
import { isDownload } from './answer-download.ts'
import { fetchRequestOf, type NodeBodyLike, readNodeBody } from './node-arrival.ts'
import type { Serve } from './serve-management.ts'

/** The part of Fastify's request that is read. */
export interface FastifyRequestLike {
  readonly raw: NodeRequestLike & NodeBodyLike
  /** Path and query. */
  readonly url: string
  /** What the plugin's own parser leaves: the stream, unread, as hooks of the host may have changed it. */
  readonly body?: unknown
}

/** The part of Fastify's reply that is written. */
export interface FastifyReplyLike {
  /** @param status - HTTP status to send. */
  code(status: number): unknown
  headers(values: Record<string, string>): unknown
  send(body: Uint8Array | ReadableStream<Uint8Array>): unknown
}

/** The part of a Fastify instance that the plugin uses. */
export interface FastifyLike {
  readonly prefix: string
  removeAllContentTypeParsers(): unknown
  addContentTypeParser(
    contentType: string,
    options: Record<never, never>,
    parser: (request: never, payload: unknown, done: (error: Error | null, body?: unknown) => void) => void,
  ): unknown
  setErrorHandler(handler: (error: unknown, request: FastifyRequestLike, reply: FastifyReplyLike) => unknown): unknown
  all(path: string, handler: (request: FastifyRequestLike, reply: FastifyReplyLike) => unknown): unknown
}

/** A plugin for `app.register(plugin, { prefix })`, encapsulated: the host's parsers and routes stay as they are. */
export type FastifyMount = (instance: FastifyLike, options: unknown, done: (error?: Error) => void) => void

/** Makes the plugin that Fastify registers. */
export function mountOnFastify(serve: Serve): FastifyMount {
  return (instance, _options, done) => {
    const segments = instance.prefix.split('/').filter((segment) => segment !== '').length
    const handle = async (request: FastifyRequestLike, reply: FastifyReplyLike) => {
      const [basePath, target] = splitAfter(request.url, segments)
      const answer = await serve({
        head: headOfNode(request.raw),
        request: fetchRequestOf(request.raw, request.url),
        target,
        basePath,
        native: request,
        subject: request.raw,
        readBody: (mostBytes) => readNodeBody(isStream(request.body) ? request.body : request.raw, mostBytes),
      })
      reply.code(answer.status)
      reply.headers(Object.fromEntries(answer.headers))
      if (isDownload(answer)) return reply.send(answer.body)
      // Bytes, because a serializer of the host would make JSON of a text once more.
      return reply.send(new Uint8Array(await answer.arrayBuffer()))
    }
    instance.removeAllContentTypeParsers()
    instance.addContentTypeParser('*', {}, (_request, payload, next) => next(null, payload))
    // A content type that Fastify cannot read is refused by our own rules, and only to those who may know.
    instance.setErrorHandler((error, request, reply) => {
      if (Object(error).code !== 'FST_ERR_CTP_INVALID_MEDIA_TYPE') throw error
      return handle(request, reply)
    })
    instance.all('/', handle)
    instance.all('/*', handle)
    done()
  }
}

/** Splits a URL after so many segments of its path. */
function splitAfter(url: string, segments: number): [string, string] {
  const path = url.split('?')[0] ?? ''
  const basePath = path
    .split('/')
    .slice(0, segments + 1)
    .join('/')
  return [basePath, url.slice(basePath.length)]
}

function isStream(body: unknown): body is NodeBodyLike {
  return typeof body === 'object' && body !== null && 'on' in body
}
