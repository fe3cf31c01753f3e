import { ConfigError } from '../model/errors.ts'

/** The part of Node's `IncomingMessage` that a body is read from, and what a parser that ran before left on it. */
export interface NodeBodyLike {
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined }
  /** Whether the whole message has arrived. */
  readonly complete?: boolean
  readonly readableEnded?: boolean
  /** Bytes that have arrived and were not taken. */
  readonly readableLength?: number
  /** Whether somebody has taken bytes of it. */
  readonly readableDidRead?: boolean
  readonly destroyed?: boolean
  /** A whole number: 2 for HTTP/2. */
  readonly httpVersionMajor?: number
  /** The stream of an HTTP/2 request, which tells what HTTP/1.1 tells by fields and `complete`. */
  readonly stream?: { readonly endAfterHeaders?: boolean; readonly readableEnded?: boolean } | undefined
  /** Bytes that a parser kept, as `express.json({ verify })` may. */
  rawBody?: unknown
  /** What a parser made of the body. */
  readonly body?: unknown
  read?(): unknown
  unshift?(bytes: Uint8Array): void
  on?(event: string, listener: () => void): unknown
  removeListener?(event: string, listener: () => void): unknown
}

/** A body, or why there is none. */
export type ReadBody = Uint8Array | 'too_large' | 'aborted'

const EMPTY = new Uint8Array(0)

/**
 * Reads the bytes of a request's body and puts them back, so that whoever parses it later finds them as they came. A body
 * that a parser has read already is taken from what it left: its raw bytes, or else canonical JSON of what it made of them.
 *
 * @param mostBytes - How many bytes are held at most.
 */
export function readNodeBody(request: NodeBodyLike, mostBytes: number): Promise<ReadBody> | ReadBody {
  const length = request.headers['content-length']
  if (isBodiless(request)) return EMPTY
  if (length !== undefined && Number(length) > mostBytes) return 'too_large'
  if (request.readableEnded === true || request.read === undefined || hasAll(request))
    return bounded(bytesOf(request), mostBytes)
  return request.destroyed === true ? 'aborted' : peek(request, mostBytes)
}

function isBodiless({ headers, httpVersionMajor = 1, stream }: NodeBodyLike): boolean {
  const length = headers['content-length']
  if (length !== undefined) return Number(length) === 0
  return httpVersionMajor > 1 ? stream?.endAfterHeaders === true : headers['transfer-encoding'] === undefined
}

/** Nothing but `read()` takes bytes here, and never when there are none left: so the stream does not end before they are back. */
function peek(request: NodeBodyLike, mostBytes: number): Promise<ReadBody> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = []
    let size = 0

    function take(): void {
      while ((request.readableLength ?? 0) > 0) {
        const chunk = request.read?.()
        if (!(chunk instanceof Uint8Array)) break
        chunks.push(chunk)
        size += chunk.length
        if (size > mostBytes || hasAll(request)) break
      }
      if (size > mostBytes) finish('too_large')
      else if (hasAll(request)) finish()
    }
    const abort = () => finish('aborted')

    function finish(failure?: 'too_large' | 'aborted'): void {
      request.removeListener?.('readable', take)
      for (const event of ['close', 'error', 'aborted']) request.removeListener?.(event, abort)
      const body = failure === 'aborted' ? EMPTY : joined(chunks, size)
      if (body.length > 0) request.unshift?.(body)
      resolve(failure ?? body)
    }

    for (const event of ['close', 'error', 'aborted']) request.on?.(event, abort)
    request.on?.('readable', take)
  })
}

/** Whether the message has arrived, and all of it was taken. */
function hasAll({ complete, readableLength = 0, stream }: NodeBodyLike): boolean {
  return (complete === true || stream?.readableEnded === true) && readableLength === 0
}

/** @throws {ConfigError} When the body is gone: without it, another one would pass for the same request. */
function bytesOf({ rawBody, body, readableDidRead }: NodeBodyLike): Uint8Array {
  const given = rawBody ?? body
  if (given instanceof Uint8Array) return given
  if (given === undefined && readableDidRead === true) throw new ConfigError(GONE)
  if (given === undefined) return EMPTY
  return new TextEncoder().encode(typeof given === 'string' ? given : canonicalJson(given))
}

/** JSON with the members of objects in order of their names. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, inner: unknown) =>
    typeof inner === 'object' && inner !== null && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([one], [other]) => (one < other ? -1 : 1)))
      : inner,
  )
}

function bounded(body: Uint8Array, mostBytes: number): ReadBody {
  return body.length > mostBytes ? 'too_large' : body
}

/** One chunk is passed on as it is. */
export function joined(chunks: readonly Uint8Array[], size: number): Uint8Array {
  if (chunks.length === 1) return chunks[0]!
  const whole = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    whole.set(chunk, at)
    at += chunk.length
  }
  return whole
}

/** Says what to do where nothing is left of a body. */
export const GONE =
  'requireKey.idempotency: the body was read before, and nothing was left of it: mount requireKey before what reads it'
