import type { FieldNames, RequestHead } from './request-head.ts'

/**
 * Reads a fetch request. `Headers` joins repeated lines with a comma and a space (WHATWG Fetch, "get" of a header
 * list), so a list is all that can be seen of them.
 *
 * @param peerAddress - Address that the connection comes from, where the runtime tells it beside the request.
 */
export function headOfFetch(request: Pick<Request, 'headers' | 'method' | 'url'>, peerAddress?: string): RequestHead {
  return new FetchHead(request, peerAddress)
}

class FetchHead implements RequestHead {
  readonly peerAddress: string | undefined
  readonly #request: Pick<Request, 'headers' | 'method' | 'url'>

  constructor(request: Pick<Request, 'headers' | 'method' | 'url'>, peerAddress: string | undefined) {
    this.#request = request
    this.peerAddress = peerAddress
  }

  get method(): string {
    return this.#request.method
  }

  get target(): string {
    const { url } = this.#request
    const at = url.indexOf('/', url.indexOf('://') + 3)
    const end = url.indexOf('#')
    return at < 0 ? '' : url.slice(at, end < 0 ? undefined : end)
  }

  header(name: string): string | undefined {
    return this.#request.headers.get(name) ?? undefined
  }

  headerLines(name: string): readonly string[] {
    const value = this.#request.headers.get(name)
    return value === null ? [] : [value]
  }

  linesOf({ names }: FieldNames): string {
    let text = ''
    for (const name of names) {
      const value = this.#request.headers.get(name)
      if (value !== null) text += `${name}:${value}\n`
    }
    return text
  }
}
