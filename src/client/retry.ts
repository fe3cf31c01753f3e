import type { ApiError } from './api-error.ts'

const FIRST_STEP_MS = 500
const LONGEST_STEP_MS = 20_000

/** Statuses that may be another one later: RFC 9110 section 15, RFC 6585 section 4, RFC 8470 section 5.2. */
const PASSING = [408, 425, 429, 500, 502, 503, 504]

/** Says whether a refused request may go better later, just as it is. */
export function mayPassLater({ status, code, retryAfterSeconds }: ApiError): boolean {
  if (status === null) return true
  // An API whose answers have no codes tells a request that still runs by `Retry-After`.
  if (status === 409)
    return code === null ? retryAfterSeconds !== null : code.toLowerCase() === 'idempotency_in_progress'
  return PASSING.includes(status)
}

/**
 * Plans the wait before a retry: what the server asks for, and a random part of a step that doubles each time ("full
 * jitter"), so that clients that failed together do not come back together.
 *
 * @param leftMs - Milliseconds that the call may still wait.
 * @returns `undefined` when what the server asks for does not fit.
 */
export function planWaitMs(
  { retryAfterSeconds }: ApiError,
  retries: number,
  leftMs: number,
  random: () => number,
): number | undefined {
  const askedMs = (retryAfterSeconds ?? 0) * 1_000
  if (leftMs <= 0 || askedMs > leftMs) return undefined
  const step = Math.min(LONGEST_STEP_MS, FIRST_STEP_MS * 2 ** retries)
  return Math.min(leftMs, askedMs + Math.floor(random() * step))
}
