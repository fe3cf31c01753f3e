import type { RequestHead } from '../index.ts'

/** A management request as a mount brings it, whatever framework it came through. */
export interface Arrival {
  /** Method, header fields and peer's address as they came. */
  readonly head: RequestHead
  /** The same for `authorize`, with the URL: see {@link bodylessRequest}. */
  readonly request: Request
  /** Path and query within the API: `/keys?limit=1`. */
  readonly target: string
  /** Path under which the API is mounted, without a slash at its end: `/manage`, or the empty string. */
  readonly basePath: string
  /** What `authorize` is given beside `request`. */
  readonly native: unknown
  /** The object that stands for the request wherever the library meets it: one request has one id. */
  readonly subject: object
  /**
   * Reads the body, which nobody reads before the request is authorised.
   *
   * @param mostBytes - How many bytes are read at most.
   * @returns `undefined` for a body that is longer.
   */
  readBody(mostBytes: number): Promise<Uint8Array | undefined>
}

/**
 * Makes a request of a method, URL and header fields. A method that fetch knows no requests with (`CONNECT`, `TRACE`,
 * `TRACK`) becomes `GET`.
 */
export function bodylessRequest(method: string, url: string, headers: Headers): Request {
  return new Request(url, { method: /^(CONNECT|TRACE|TRACK)$/i.test(method) ? 'GET' : method, headers })
}
