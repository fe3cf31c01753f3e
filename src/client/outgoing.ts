import type { ApiKey } from './api-key.ts'
import { type ClientTerms, readTimeoutSeconds } from './client-options.ts'

/** One call: what `fetch` knows, and two things that it does not. */
export interface ClientRequest {
  /** GET (default), HEAD, OPTIONS, POST, PUT, PATCH or DELETE. */
  readonly method?: string | undefined
  /** `Authorization` among them is replaced. */
  readonly headers?: HeadersInit | undefined
  /** What can be read once only, such as a stream, is sent once only. */
  readonly body?: BodyInit | null | undefined
  /** Ends the call, its waits and the body of its response. */
  readonly signal?: AbortSignal | undefined
  /** Gives redirects (3xx) back as responses, instead of throwing them. */
  readonly redirect?: 'manual' | undefined
  /** An idempotency key of your own, 1 to 255 printable ASCII characters; or false for none. Default: one for this call. */
  readonly idempotencyKey?: string | false | undefined
  /** Seconds that an attempt may take: a whole number from 1 to 3,600; default that of the client. */
  readonly timeoutSeconds?: number | undefined
}

/** A call that is ready to be sent, more than once. */
export interface Outgoing {
  readonly url: URL
  readonly init: RequestInit
  readonly signal: AbortSignal | undefined
  readonly timeoutSeconds: number
  /** Whether sending it twice does what sending it once does. */
  readonly isRepeatable: boolean
  readonly givesRedirects: boolean
}

const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']

/** Makes of a call what is sent. @throws {TypeError} When it cannot be sent, or would leave the API. */
export async function createOutgoing(
  terms: ClientTerms,
  apiKey: ApiKey,
  path: string | URL,
  request: ClientRequest,
): Promise<Outgoing> {
  const url = resolve(terms.baseUrl, String(path))
  const method = (request.method ?? 'GET').toUpperCase()
  if (!METHODS.includes(method)) throw new TypeError(`method: must be one of ${METHODS.join(', ')}`)
  const headers = new Headers(request.headers)
  for (const [name, value] of terms.appHeaders) if (!headers.has(name)) headers.set(name, value)
  headers.set('Authorization', apiKey.authorization)
  const mayRun = !['POST', 'PATCH'].includes(method)
  addIdempotencyKey(headers, request.idempotencyKey ?? (mayRun || !terms.idempotencyKeys ? false : undefined))
  const body = await repeatedly(request.body ?? null, headers)
  if (body !== null && (method === 'GET' || method === 'HEAD')) throw new TypeError(`body: ${method} has none`)
  const init: RequestInit & { duplex?: 'half' } = { method, headers, body, redirect: 'manual' }
  const canRepeatBody = canBeReadAgain(body)
  if (!canRepeatBody) init.duplex = 'half'
  return {
    url,
    init,
    signal: request.signal,
    timeoutSeconds: readTimeoutSeconds(request.timeoutSeconds ?? terms.timeoutSeconds),
    isRepeatable: (mayRun || headers.has('Idempotency-Key')) && canRepeatBody,
    givesRedirects: request.redirect === 'manual',
  }
}

/** Puts a path behind the base. What is left of its dots must not lead out of it: a path may hold what users wrote. */
function resolve(baseUrl: URL, path: string): URL {
  const address = /^https?:/i.test(path) ? path : baseUrl.href + path.replace(/^\//, '')
  const url = URL.canParse(address) ? new URL(address) : undefined
  const isBelow = url?.origin === baseUrl.origin && `${url.pathname}/`.startsWith(baseUrl.pathname)
  if (url === undefined || !isBelow || url.username !== '' || url.password !== '')
    throw new TypeError('path: must lead to an address below baseUrl')
  return url
}

/** @param key - False for none, undefined for one that is made here. What the headers bring along stays. */
function addIdempotencyKey(headers: Headers, key: string | false | undefined): void {
  if (key === false || (key === undefined && headers.has('Idempotency-Key'))) return
  if (key !== undefined && !/^[\x20-\x7e]{1,255}$/.test(key))
    throw new TypeError('idempotencyKey: must have 1 to 255 printable ASCII characters')
  headers.set('Idempotency-Key', key ?? crypto.randomUUID())
}

/** A form is written out once: fetch draws another boundary each time, and a server would see another request. */
async function repeatedly(body: BodyInit | null, headers: Headers): Promise<BodyInit | null> {
  if (!(body instanceof FormData)) return body
  const written = new Response(body)
  headers.set('Content-Type', written.headers.get('Content-Type') ?? 'multipart/form-data')
  return written.arrayBuffer()
}

function canBeReadAgain(body: BodyInit | null): boolean {
  if (body === null || typeof body === 'string' || ArrayBuffer.isView(body)) return true
  return [ArrayBuffer, Blob, URLSearchParams].some((kind) => body instanceof kind)
}
