import { type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http'
import { buffer } from 'node:stream/consumers'
import type { DenialCode, Identity, Keyward, RouteOptions } from 'keyward'

/** What a handler answers, and how its framework is to send it. */
export type Reply =
  | (Described & { readonly json: unknown })
  | (Described & { readonly text: string })
  | (Described & { readonly bytes: Uint8Array })
  | (Described & { readonly empty: true })
  | (Described & { readonly pieces: readonly string[]; readonly pauseMs?: number })
  | { readonly error: DenialCode }

interface Described {
  /** Default 200. */
  readonly status?: number
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
}

/** A route, for every method. Its JSON bodies are read by the framework's own parser, at most 100,000 bytes of them. */
export interface ExchangeRoute {
  readonly path: string
  /** Options of each `requireKey` in front of the handler. */
  readonly guards: readonly RouteOptions[]
  handle(body: unknown, identity: Identity): Reply | Promise<Reply>
}

/** A request as a client sends it. */
export interface Sent {
  readonly method?: string
  readonly path: string
  /** Names and values, in order; a name may come twice. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body?: string | Uint8Array | undefined
  /** Sends no `Content-Length`. */
  readonly isChunked?: boolean
}

/** A response as it came. */
export interface Received {
  readonly status: number
  readonly fields: readonly (readonly [string, string])[]
  readonly body: Buffer
  field(name: string): string | undefined
}

/** A server of one framework. */
export interface ExchangeServer {
  /** `undefined` where there is no socket. */
  readonly port: number | undefined
  send(request: Sent): Promise<Received>
  close(): Promise<void>
}

/** A framework: `requestId` before all, `errorHandler` for what is thrown, and the routes. */
export interface Framework {
  readonly name: string
  serve(keyward: Keyward, routes: readonly ExchangeRoute[]): Promise<ExchangeServer>
}

/** Sends a request over a connection of its own. */
export async function sendOverSocket(port: number, request: Sent): Promise<Received> {
  const { promise, client } = begin(port, request)
  client.end(request.body)
  const response = await promise
  return receivedOf(response, await buffer(response))
}

/** Begins a request whose body the test sends by itself. */
export function begin(
  port: number,
  { method = 'POST', path, headers, body, isChunked }: Sent,
): { readonly client: ClientRequest; readonly promise: Promise<IncomingMessage> } {
  const length = body === undefined || isChunked === true ? [] : ['Content-Length', String(Buffer.byteLength(body))]
  const chunked = isChunked === true ? ['Transfer-Encoding', 'chunked'] : []
  const lines = ['Host', 'localhost', ...headers.flat(), ...length, ...chunked]
  const client = httpRequest({ port, host: '127.0.0.1', path, method, headers: lines, agent: false })
  const promise = new Promise<IncomingMessage>((resolve, reject) => {
    client.on('response', resolve)
    client.on('error', reject)
  })
  promise.catch(() => {})
  return { client, promise }
}

function receivedOf(response: IncomingMessage, body: Buffer): Received {
  const { rawHeaders } = response
  const fields = rawHeaders.flatMap((name, at) => (at % 2 === 0 ? [[name, rawHeaders[at + 1] ?? ''] as const] : []))
  return received(response.statusCode ?? 0, fields, body)
}

/** @throws {Error} From `field`, when a name comes twice. */
export function received(status: number, fields: Received['fields'], body: Buffer): Received {
  return {
    status,
    fields,
    body,
    field(name) {
      const values = fields.filter(([each]) => each.toLowerCase() === name.toLowerCase())
      if (values.length > 1) throw new Error(`${name} came ${values.length} times`)
      return values[0]?.[1]
    },
  }
}

/** Pieces of a stream, each some time after the other. */
export async function* trickle({ pieces, pauseMs = 0 }: { pieces: readonly string[]; pauseMs?: number }) {
  for (const piece of pieces) {
    yield piece
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}
