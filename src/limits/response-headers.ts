import type { WindowState } from '../model/gate.ts'

/** A window after a decision, and the policy that it belongs to. */
export interface PolicyWindow extends WindowState {
  readonly policy: string
}

/** Which fields tell a client about its limits: `X-RateLimit-*`, those of draft-10, both, or none. */
export type RateLimitHeaderStyle = 'x' | 'draft-10' | 'both' | 'none'

/** A field of a response: name and value. */
export type HeaderPair = readonly [name: string, value: string]

/**
 * Makes the fields that tell a client what it has left; `Retry-After` is not among them.
 *
 * `X-RateLimit-Limit`, `-Remaining` and `-Reset` speak of one window: the one with least left, or on a refusal the
 * one with the longest wait. `Reset` is in Unix seconds, rounded up: a sliding window has no single reset, so it is
 * when the next unit is free, and on a refusal, where `Remaining` is 0, when the request would fit.
 *
 * `RateLimit-Policy` and `RateLimit` list every window, as in
 * [draft-ietf-httpapi-ratelimit-headers-10](https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-10),
 * sections 3 and 4. A policy's first window has the policy's name, the next ones `name:2`, `name:3` and so on; no
 * policy's own name has a colon. `r` is what is left, on a refusal too, and `t` the seconds until there is more.
 *
 * @param windows - As the gate answered, in its order. None, no fields.
 * @param nowMs - Wall time in milliseconds since the Unix epoch.
 * @param admitted - Whether the request used what it asked for.
 */
export function rateLimitHeaders(
  windows: readonly PolicyWindow[],
  nowMs: number,
  style: RateLimitHeaderStyle,
  admitted: boolean,
): readonly HeaderPair[] {
  const headers: HeaderPair[] = []
  if (windows.length === 0 || style === 'none') return headers
  if (style !== 'draft-10') {
    const shown = admitted ? scarcest(windows) : slowest(windows)
    const resetMs = admitted ? shown.resetMs : waitMs(shown)
    headers.push(
      ['X-RateLimit-Limit', String(shown.limit)],
      ['X-RateLimit-Remaining', admitted ? String(shown.remaining) : '0'],
      ['X-RateLimit-Reset', String(Math.ceil((nowMs + resetMs) / 1000))],
    )
  }
  if (style !== 'x') {
    headers.push(['RateLimit-Policy', policyList(windows)], ['RateLimit', limitList(windows)])
  }
  return headers
}

/**
 * Tells a refused client when to come back: the first whole second at which every window has room if nothing else is
 * sent, at least 1. Where a request can never fit (a limit of 0, a cost above the limit) it is the length of that
 * window: worth another look, not a promise.
 */
export function retryAfterSeconds(windows: readonly WindowState[]): number {
  let longestMs = 0
  for (const window of windows) longestMs = Math.max(longestMs, waitMs(window))
  return Math.max(1, Math.ceil(longestMs / 1000))
}

function waitMs({ retryMs, windowSeconds }: WindowState): number {
  return retryMs === Number.POSITIVE_INFINITY ? windowSeconds * 1000 : retryMs
}

/** The window with least left; of equals, the one that is longest without more. */
function scarcest(windows: readonly PolicyWindow[]): PolicyWindow {
  let found = windows[0]!
  for (let i = 1; i < windows.length; i++) {
    const window = windows[i]!
    if (window.remaining > found.remaining) continue
    if (window.remaining < found.remaining || window.resetMs > found.resetMs) found = window
  }
  return found
}

function slowest(windows: readonly PolicyWindow[]): PolicyWindow {
  let found = windows[0]!
  for (let i = 1; i < windows.length; i++) if (waitMs(windows[i]!) > waitMs(found)) found = windows[i]!
  return found
}

function policyList(windows: readonly PolicyWindow[]): string {
  let list = textOf(windows, 0).policy
  for (let i = 1; i < windows.length; i++) list += `, ${textOf(windows, i).policy}`
  return list
}

function limitList(windows: readonly PolicyWindow[]): string {
  let list = limitItem(windows, 0)
  for (let i = 1; i < windows.length; i++) list += `, ${limitItem(windows, i)}`
  return list
}

function limitItem(windows: readonly PolicyWindow[], index: number): string {
  const { limit, windowSeconds, remaining, resetMs } = windows[index]!
  return `${textOf(windows, index).name}${remaining};t=${limit === 0 ? windowSeconds : Math.ceil(resetMs / 1000)}`
}

function nameAt(windows: readonly PolicyWindow[], index: number): string {
  const { policy } = windows[index]!
  let ordinal = 1
  for (let i = 0; i < index; i++) if (windows[i]!.policy === policy) ordinal += 1
  return ordinal === 1 ? policy : `${policy}:${ordinal}`
}

/** What does not change from one answer to the next. */
interface ItemText {
  readonly limit: number
  readonly windowSeconds: number
  /** The item of `RateLimit-Policy`. */
  readonly policy: string
  /** The item of `RateLimit`, up to what is left. */
  readonly name: string
}

const MAX_TEXTS = 1000
const texts = new Map<string, ItemText>()

/** Names are those of policies, which hold nothing that a string of RFC 9651, section 3.3.3, must escape. */
function textOf(windows: readonly PolicyWindow[], index: number): ItemText {
  const { limit, windowSeconds } = windows[index]!
  const name = nameAt(windows, index)
  const known = texts.get(name)
  if (known !== undefined && known.limit === limit && known.windowSeconds === windowSeconds) return known
  if (texts.size >= MAX_TEXTS) texts.clear()
  const text = { limit, windowSeconds, policy: `"${name}";q=${limit};w=${windowSeconds}`, name: `"${name}";r=` }
  texts.set(name, text)
  return text
}
