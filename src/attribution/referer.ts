/**
 * Reads a referer as a URL (WHATWG URL): http or https with `//` and a host. Nothing is ever fetched from it.
 *
 * @returns `undefined` when it is none.
 */
export function parseReferer(referer: string): URL | undefined {
  return /^https?:\/\/[^/\\]/i.test(referer) && URL.canParse(referer) ? new URL(referer) : undefined
}

/**
 * Removes user info and fragment from a URL that {@link parseReferer} accepts, and leaves the rest as it was
 * written.
 */
export function withoutUserInfoAndFragment(referer: string): string {
  const hash = referer.indexOf('#')
  const whole = hash < 0 ? referer : referer.slice(0, hash)
  const authority = whole.indexOf('//') + 2
  const path = whole.slice(authority).search(/[/\\?]/)
  const at = whole.lastIndexOf('@', path < 0 ? whole.length : authority + path)
  return at < authority ? whole : whole.slice(0, authority) + whole.slice(at + 1)
}

/** Says whether a referer names the client's own machine: `localhost` and below it, `127.0.0.0/8`, `::1`. */
export function isLocal(referer: string): boolean {
  const url = parseReferer(referer)
  return url !== undefined && LOCAL_HOST.test(url.hostname)
}

// Host names as the URL parser writes them: lower case, IPv4 in four decimal parts, IPv6 compressed, mapped in hex.
const LOCAL_HOST = /^(?:(?:.+\.)?localhost\.?|127\.\d+\.\d+\.\d+|\[::1\]|\[::ffff:7f[0-9a-f]{2}:[0-9a-f]{1,4}\])$/

/**
 * Names what a referer is ranked under: its origin and path, normalised as WHATWG URL does (case, IDN, default
 * port, dots in the path), without query, and without the dot that may end a host.
 *
 * @returns `null` when there is nothing to rank.
 */
export function rankingKey(referer: string | null): string | null {
  const url = referer === null ? undefined : parseReferer(referer)
  if (url === undefined) return null
  const port = url.port === '' ? '' : `:${url.port}`
  return `${url.protocol}//${url.hostname.replace(/\.$/, '')}${port}${url.pathname}`
}
