import { MAX_CREDITS, type Refill } from '../model/ledger.ts'

const DAY_MS = 86_400_000
const MONTHS_A_YEAR = 12

/** What a refill comes to when it is made. */
export interface DueRefill {
  /** How many refills have come due since the last one that was made: 1 or more. */
  readonly periods: number
  /** Instant of the one after them, later than now. */
  readonly nextAt: Date
}

/**
 * Works out which refills have come due. Those of a number of seconds are counted from the instant of the one before,
 * not from when it was made: nothing drifts.
 *
 * @param refillAt - Instant of the first that was not made.
 * @returns `undefined` while it lies ahead: also on a clock that was set back, so that none comes twice.
 */
export function dueRefill(every: Refill['every'], refillAt: Date, now: Date): DueRefill | undefined {
  if (now.getTime() < refillAt.getTime()) return undefined
  const periods = periodOf(every, now, refillAt) - periodOf(every, refillAt, refillAt) + 1
  return { periods, nextAt: startOf(every, periodOf(every, now, refillAt) + 1, refillAt) }
}

/** The first instant after `from` at which credits come: so many seconds later, or when the next UTC day or month begins. */
export function firstRefillAt(every: Refill['every'], from: Date): Date {
  return startOf(every, periodOf(every, from, from) + 1, from)
}

/** What refills add to a balance, or what they raise it to: never above the most that a balance holds. */
export function refillChange(
  { mode, amount }: Refill,
  periods: number,
  balance: number,
): { readonly add: number } | { readonly atLeast: number } {
  if (mode === 'to') return { atLeast: amount }
  // Compared by division: the product may not be exact.
  const room = MAX_CREDITS - balance
  return periods > room / amount ? { atLeast: MAX_CREDITS } : { add: amount * periods }
}

/** Number of the period that an instant lies in; periods of a number of seconds begin at `origin`. */
function periodOf(every: Refill['every'], at: Date, origin: Date): number {
  if (every === 'day') return Math.floor(at.getTime() / DAY_MS)
  if (every === 'month') return at.getUTCFullYear() * MONTHS_A_YEAR + at.getUTCMonth()
  return Math.floor((at.getTime() - origin.getTime()) / (every * 1_000))
}

/** The first instant of a period. */
function startOf(every: Refill['every'], period: number, origin: Date): Date {
  if (every === 'day') return new Date(period * DAY_MS)
  if (every === 'month') return new Date(Date.UTC(Math.floor(period / MONTHS_A_YEAR), period % MONTHS_A_YEAR, 1))
  return new Date(origin.getTime() + period * every * 1_000)
}
