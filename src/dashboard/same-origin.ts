import type { Arrival } from '../manage/arrival.ts'

/**
 * Says whether a form was sent by a page of the same origin, as far as the browser tells: by `Sec-Fetch-Site`, else by
 * `Origin`. A client that tells neither is no browser that somebody could be lured with. Every form has a token besides.
 */
export function isSameOrigin({ head, request }: Arrival): boolean {
  const site = head.header('sec-fetch-site')
  const origin = head.header('origin')
  if (origin !== undefined && origin !== 'null' && !isOwn(origin, request)) return false
  if (site !== undefined) return site === 'same-origin' || site === 'none'
  return origin !== 'null'
}

/** Compared without the scheme: behind a proxy, only the browser knows that. */
function isOwn(origin: string, request: Request): boolean {
  return URL.canParse(origin) && new URL(origin).host === new URL(request.url).host
}
