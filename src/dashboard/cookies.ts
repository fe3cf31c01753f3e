import type { Arrival } from '../manage/arrival.ts'

/** How a browser has reached the dashboard, as far as cookies are concerned. */
export type Channel =
  /** HTTPS: cookies are `Secure` and have the prefix `__Host-`. */
  | 'secure'
  /** Plain HTTP to this very machine, as in development. */
  | 'loopback'
  /** Plain HTTP over a network, where anybody on the way reads along. */
  | 'open'

/**
 * Finds out how the browser got here. A proxy that ends TLS says so in `X-Forwarded-Proto`; whoever sends that field without
 * reason only gets cookies that plain HTTP does not give back.
 */
export function channelOf({ request, head }: Arrival): Channel {
  const { protocol, hostname } = new URL(request.url)
  const forwarded = head.header('x-forwarded-proto')?.split(',')[0]?.trim().toLowerCase()
  if (protocol === 'https:' || forwarded === 'https') return 'secure'
  return /^(localhost|.+\.localhost|127(\.\d{1,3}){3}|\[::1\])$/.test(hostname) ? 'loopback' : 'open'
}

/** Reads a cookie of the dashboard; `undefined` where there is none, or more than one of the name. */
export function readCookie({ head }: Arrival, channel: Channel, name: string): string | undefined {
  const wanted = nameOn(channel, name)
  const values = head
    .headerLines('cookie')
    .flatMap((line) => line.split(';'))
    .map((pair) => pair.trim().split('='))
    .filter(([found]) => found === wanted)
    .map(([, value = '']) => value)
  return values.length === 1 && /^[\w.-]{1,200}$/.test(values[0] ?? '') ? values[0] : undefined
}

/** Writes a cookie that no script reads and no other site sends along. An age of 0 removes it. */
export function writeCookie(channel: Channel, name: string, value: string, maxAgeSeconds: number): string {
  const secure = channel === 'secure' ? '; Secure' : ''
  return `${nameOn(channel, name)}=${value}; Path=/; Max-Age=${maxAgeSeconds}; HttpOnly; SameSite=Lax${secure}`
}

function nameOn(channel: Channel, name: string): string {
  return channel === 'secure' ? `__Host-${name}` : name
}
