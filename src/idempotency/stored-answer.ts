import { StoreUnavailableError } from '../model/errors.ts'

/** A response as it was captured, or is sent again. */
export interface CapturedAnswer {
  readonly status: number
  /** Names and values in order; a name may come twice. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body: Uint8Array
}

/** Format of the bytes that are stored; raised with every change to it. */
const FORMAT = 1

/** Fields that belong to one exchange, and are made anew for another: of the connection, of its time, of its client. */
const FRESH: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'proxy-authenticate', 'proxy-authorization', 'proxy-connection', 'te', 'trailer'],
  ...['transfer-encoding', 'upgrade', 'content-length', 'date', 'age', 'set-cookie', 'retry-after'],
  ...['x-request-id', 'x-correlation-id', 'x-trace-id', 'traceparent', 'tracestate', 'server-timing'],
  ...['ratelimit', 'ratelimit-policy', 'idempotent-replayed'],
])
const FRESH_BEGINNINGS = ['x-ratelimit-', 'ratelimit-', 'access-control-', 'idempotency-']

/**
 * Writes a response down: one line of JSON, and the bytes of its body.
 *
 * @param alsoFresh - Further fields that are not kept, in lower case: those that the deployment names.
 */
export function encodeAnswer({ status, headers, body }: CapturedAnswer, alsoFresh: ReadonlySet<string>): Uint8Array {
  const kept = headers.filter(([name]) => isKept(name.toLowerCase(), alsoFresh))
  const head = new TextEncoder().encode(`${JSON.stringify({ format: FORMAT, status, headers: kept })}\n`)
  const bytes = new Uint8Array(head.length + body.length)
  bytes.set(head)
  bytes.set(body, head.length)
  return bytes
}

/** @throws {StoreUnavailableError} When the bytes are damaged, or of a newer version: nobody may take the request for a new one. */
export function decodeAnswer(bytes: Uint8Array): CapturedAnswer {
  const end = bytes.indexOf(0x0a)
  const head = end < 0 ? undefined : parse(bytes.subarray(0, end))
  if (!isHead(head)) throw new StoreUnavailableError('A stored response is damaged, or of a newer version.')
  return { status: head.status, headers: head.headers, body: bytes.subarray(end + 1) }
}

function isKept(name: string, alsoFresh: ReadonlySet<string>): boolean {
  return !FRESH.has(name) && !alsoFresh.has(name) && !FRESH_BEGINNINGS.some((beginning) => name.startsWith(beginning))
}

function parse(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return undefined
  }
}

function isHead(value: unknown): value is Omit<CapturedAnswer, 'body'> {
  if (typeof value !== 'object' || value === null) return false
  const { format, status, headers } = value as { format?: unknown; status?: unknown; headers?: unknown }
  const isField = (field: unknown) =>
    Array.isArray(field) && field.length === 2 && field.every((part) => typeof part === 'string')
  const isStatus = typeof status === 'number' && Number.isInteger(status) && status >= 200 && status <= 599
  return format === FORMAT && isStatus && Array.isArray(headers) && headers.every(isField)
}
