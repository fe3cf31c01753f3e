/** How often a message is sent before it is given up. */
export const MOST_TRIES = 8

const FIRST_MS = 60_000
const FACTOR = 4
const MOST_MS = 61_440_000
/** A receiver that wants to be left alone for longer is asked after a day all the same. */
const MOST_ASKED_MS = 86_400_000

/**
 * How long to wait after a try that failed: up to a minute after the first, and up to four times as long after each
 * further one, at most 17 hours; full jitter, so that receivers which were away are not asked by everybody at once. Eight
 * tries take about 20 hours, and at most 40. Never shorter than the receiver asks for, up to a day.
 *
 * @param attempt - Which try it was: a whole number from 1.
 * @param askedMs - Milliseconds that the receiver asked to wait; 0 where it did not.
 * @param random - From 0 to 1.
 * @returns Milliseconds.
 */
export function retryDelay(attempt: number, askedMs: number, random: number): number {
  const most = Math.min(FIRST_MS * FACTOR ** (attempt - 1), MOST_MS)
  return Math.floor(Math.max(most * random, Math.min(askedMs, MOST_ASKED_MS)))
}

/**
 * Reads a Retry-After (RFC 9110 section 10.2.3): seconds, or a date.
 *
 * @param now - Milliseconds since the Unix epoch.
 * @returns Milliseconds from now; 0 for none, and for what is none.
 */
export function readRetryAfter(value: string | null, now: number): number {
  if (value === null) return 0
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1_000
  const at = /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/.test(value) ? Date.parse(value) : Number.NaN
  return Number.isNaN(at) ? 0 : Math.max(0, at - now)
}
