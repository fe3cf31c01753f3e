import type { FieldNames, RequestHead } from './request-head.ts'

/** The part of Node's `IncomingMessage` (HTTP/1.1 and the HTTP/2 compatibility API) that is read. */
export interface NodeRequestLike {
  readonly method?: string | undefined
  readonly url?: string | undefined
  /** The same before a router took its own path off it, as Express has it. */
  readonly originalUrl?: string | undefined
  readonly headers: { readonly [name: string]: string | readonly string[] | undefined }
  readonly rawHeaders: readonly string[]
  readonly socket?: { readonly remoteAddress?: string | undefined } | null | undefined
}

/**
 * Reads a Node request. Fields come from `rawHeaders`, since `headers` keeps the first of two `Authorization`
 * lines and drops the other; only a request without raw headers (some serverless shims) is read from `headers`.
 */
export function headOfNode(request: NodeRequestLike): RequestHead {
  return new NodeHead(request)
}

const NO_LINES: readonly string[] = []

class NodeHead implements RequestHead {
  readonly #request: NodeRequestLike

  constructor(request: NodeRequestLike) {
    this.#request = request
  }

  get method(): string {
    return this.#request.method ?? 'GET'
  }

  get target(): string {
    return this.#request.originalUrl ?? this.#request.url ?? ''
  }

  get peerAddress(): string | undefined {
    return this.#request.socket?.remoteAddress
  }

  header(name: string): string | undefined {
    const raw = this.#request.rawHeaders
    if (raw.length === 0) return parsedLines(this.#request, name)[0]
    const at = findField(raw, name, 0)
    return at < 0 ? undefined : raw[at + 1]
  }

  headerLines(name: string): readonly string[] {
    const raw = this.#request.rawHeaders
    if (raw.length === 0) return parsedLines(this.#request, name)
    const first = findField(raw, name, 0)
    if (first < 0) return NO_LINES
    const lines = [raw[first + 1] ?? '']
    for (let at = findField(raw, name, first + 2); at >= 0; at = findField(raw, name, at + 2)) {
      lines.push(raw[at + 1] ?? '')
    }
    return lines
  }

  linesOf(fields: FieldNames): string {
    const raw = this.#request.rawHeaders
    let text = ''
    if (raw.length === 0)
      for (const name of fields.names) for (const line of parsedLines(this.#request, name)) text += `${name}:${line}\n`
    for (let at = 0; at < raw.length; at += 2) {
      const name = raw[at]
      if (name !== undefined && fields.includes(name)) text += `${name}:${raw[at + 1]}\n`
    }
    return text
  }
}

function findField(raw: readonly string[], name: string, from: number): number {
  for (let at = from; at < raw.length; at += 2) {
    const field = raw[at]
    if (field?.length === name.length && (field === name || field.toLowerCase() === name)) return at
  }
  return -1
}

function parsedLines(request: NodeRequestLike, name: string): readonly string[] {
  const value = request.headers[name]
  if (value === undefined) return NO_LINES
  return typeof value === 'string' ? [value] : value
}
