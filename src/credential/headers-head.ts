import { headOfFetch } from './fetch-head.ts'
import { headOfNode } from './node-head.ts'
import type { RequestHead } from './request-head.ts'

/** Header fields as whatever carries them has them: WHATWG `Headers`, or an object of names and values. */
export type HeadersLike = Pick<Headers, 'get'> | { readonly [name: string]: string | readonly string[] | undefined }

/** Reads header fields that belong to no HTTP request of a framework. Names in an object may be in any case. */
export function headOfHeaders(headers: HeadersLike, peerAddress?: string): RequestHead {
  if (typeof headers['get'] === 'function')
    return headOfFetch({ headers: headers as Headers, method: 'GET', url: '' }, peerAddress)
  const rawHeaders = Object.entries(headers as Record<string, string | readonly string[] | undefined>).flatMap(
    ([name, value]) =>
      value === undefined ? [] : typeof value === 'string' ? [name, value] : value.flatMap((line) => [name, line]),
  )
  return headOfNode({ headers: {}, rawHeaders, socket: { remoteAddress: peerAddress } })
}
