import { andThen } from '../model/maybe-promise.ts'
import type { HeaderFields } from './finished-answer.ts'
import { type NodeResponseLike, setNodeHeaders } from './node-answer.ts'
import type { OpenExchange, Outcome } from './open-exchange.ts'

type Sent = (...given: unknown[]) => unknown

/** The part of Node's `ServerResponse` that is watched. */
export interface WatchedResponse extends NodeResponseLike {
  writeHead(...given: never[]): unknown
  write(...given: never[]): unknown
  end(...given: never[]): unknown
  flushHeaders?(): void
  getHeaders?(): { readonly [name: string]: number | string | readonly string[] | undefined }
  once?(event: 'close', listener: () => void): unknown
  readonly destroyed?: boolean
}

const EMPTY = new Uint8Array(0)

/**
 * Looks after a response until it has ended. What is sent in one piece is held back until the exchange has ended, and
 * its bytes are handed over; what is written in pieces goes through as it comes, and only its end is held back.
 *
 * Its methods are taken over on the object itself, above whatever a compression middleware has put there before: the
 * bytes are those of the handler.
 */
export function watchNode(response: WatchedResponse, exchange: OpenExchange): void {
  const original = {
    writeHead: response.writeHead as Sent,
    write: response.write as Sent,
    end: response.end as Sent,
    flushHeaders: response.flushHeaders as Sent | undefined,
  }
  let head: readonly unknown[] | undefined
  let isStream = false
  let isEnded = false
  let isReleased = false

  /** Nothing of the head is sent before the body: until then, fields may be added. */
  function sendHead(): void {
    if (head !== undefined) original.writeHead.apply(response, [...head])
    head = undefined
  }

  const taken: { readonly [Name in keyof typeof original]: Sent } = {
    // Node itself calls it for whoever did not, once the body is on its way.
    writeHead(...given) {
      if (isStream || isReleased) return original.writeHead.apply(response, given)
      if (isEnded) return tooLate()
      head = given
      if (typeof given[0] === 'number') response.statusCode = given[0]
      return response
    },
    flushHeaders() {
      if (isEnded) return
      isStream = true
      sendHead()
      original.flushHeaders?.call(response)
    },
    write(...given) {
      // HTTP/2 writes what `end` is given by way of this.
      if (isEnded && !isReleased) return false
      isStream = true
      sendHead()
      return original.write.apply(response, given)
    },
    end(...given) {
      if (isEnded) return response
      isEnded = true
      const body = isStream ? undefined : bytesOf(given)
      const kept = body !== undefined && body.length <= (exchange.maxBodyBytes ?? 0) ? body : undefined
      const outcome: Outcome = { status: response.statusCode, headers: fieldsOf(response, head), body: kept }
      const unseal = seal(response)
      andThen(exchange.end(outcome), (fields) => {
        unseal()
        setNodeHeaders(response, fields)
        isReleased = true
        sendHead()
        original.end.apply(response, given)
      })
      return response
    },
  }
  Object.assign(response, taken)
  if (response.destroyed === true) exchange.abandon(false)
  response.once?.('close', () => {
    if (!isEnded) exchange.abandon(isStream)
  })
}

/**
 * Lets a response that is held back seem sent, as the handler has it: whoever looks leaves it alone, and whoever does not
 * cannot put another head before its body.
 */
function seal(response: WatchedResponse): () => void {
  const { statusCode } = response
  const shown = {
    headersSent: true,
    writableEnded: true,
    setHeader: tooLate,
    removeHeader: tooLate,
    appendHeader: tooLate,
  }
  const before = Object.keys(shown).map((name) => [name, Object.getOwnPropertyDescriptor(response, name)] as const)
  for (const [name, value] of Object.entries(shown))
    Object.defineProperty(response, name, { value, configurable: true, writable: true })
  return () => {
    for (const [name, own] of before) {
      Reflect.deleteProperty(response, name)
      if (own !== undefined) Object.defineProperty(response, name, own)
    }
    response.statusCode = statusCode
  }
}

/** Throws what Node throws. */
function tooLate(): never {
  throw Object.assign(new Error('Cannot change headers after they are sent to the client'), {
    code: 'ERR_HTTP_HEADERS_SENT',
  })
}

/** The bytes that `end` was given; `undefined` for text in another encoding than UTF-8. */
function bytesOf([chunk, encoding]: readonly unknown[]): Uint8Array | undefined {
  if (chunk instanceof Uint8Array) return chunk
  if (typeof chunk !== 'string') return EMPTY
  const isUtf8 = typeof encoding !== 'string' || /^utf-?8$/i.test(encoding)
  return isUtf8 ? new TextEncoder().encode(chunk) : undefined
}

/** Fields that were set, and those that `writeHead` was given, which win. A field with several values comes several times. */
function fieldsOf(response: WatchedResponse, head: readonly unknown[] | undefined): HeaderFields {
  const given = entriesOf(head?.at(-1))
  const names = new Set(given.map(([name]) => name.toLowerCase()))
  const set = Object.entries(response.getHeaders?.() ?? {}).filter(([name]) => !names.has(name))
  return [...set, ...given].flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each) => [name, String(each)] as const),
  )
}

function entriesOf(given: unknown): readonly (readonly [string, unknown])[] {
  if (typeof given !== 'object' || given === null) return []
  if (!Array.isArray(given)) return Object.entries(given)
  if (given.every(Array.isArray)) return given.map(([name, value]) => [String(name), value])
  return given.flatMap((name, at) => (at % 2 === 0 ? [[String(name), given[at + 1]] as const] : []))
}
