import { addressBudgetKey } from '../credential/client-address.ts'
import type { Clock } from '../model/clock.ts'
import { createSlidingWindow, type SlidingWindow } from './sliding-window.ts'

/** How many failed attempts a client address has. Only well-formed keys that the store does not know are counted. */
export interface FailedAttemptsOptions {
  /** Misses in any minute before look-ups are rationed: a whole number from 1 to 1,000,000; default 100. */
  readonly perMinute?: number | undefined
  /** Look-ups a second that an address above its budget still has: a whole number from 1 to 1,000,000; default 10. */
  readonly lookUpsPerSecond?: number | undefined
  /** Addresses (IPv6 by /64) with a budget of their own: a whole number from 1 to 10,000,000; default 10,000. More share one. */
  readonly maxAddresses?: number | undefined
}

/** The budget of failed attempts. Keys with a copy never get here. */
export interface FailedAttempts {
  /**
   * Begins a look-up for an address.
   *
   * @returns `waitMs`: 0 where it may go on, else the milliseconds after which one may be tried. `end` must be called
   * after one that went on, with whether the key was unknown.
   */
  begin(address: string | undefined): Attempt
}

/** A look-up of a key without a copy. */
export interface Attempt {
  readonly waitMs: number
  end(missed: boolean): void
}

interface Budget {
  readonly misses: SlidingWindow
  readonly lookUps: SlidingWindow
  /** Look-ups whose outcome is open: counted as misses until it is known, so that many at once are no way round. */
  open: number
  lastAt: number
}

const UNLIMITED: Attempt = { waitMs: 0, end: () => {} }
/** A budget that was not touched for this long holds nothing any more. */
const EMPTY_AFTER_MS = 60_000

/**
 * Creates the budget.
 *
 * @param options - `undefined` where nobody has said whose word counts for an address: then nothing is counted.
 */
export function createFailedAttempts(clock: Clock, options: FailedAttemptsOptions | undefined): FailedAttempts {
  if (options === undefined) return { begin: () => UNLIMITED }
  const { perMinute = 100, lookUpsPerSecond = 10, maxAddresses = 10_000 } = options
  const budgets = new Map<string, Budget>()
  const overflow = newBudget()
  let sweptAt = Number.NEGATIVE_INFINITY

  function newBudget(): Budget {
    return {
      misses: createSlidingWindow([{ limit: perMinute, windowSeconds: 60 }]),
      lookUps: createSlidingWindow([{ limit: lookUpsPerSecond, windowSeconds: 1 }]),
      open: 0,
      lastAt: 0,
    }
  }

  function budgetOf(key: string, now: number): Budget {
    const known = budgets.get(key)
    if (known !== undefined) return known
    if (budgets.size >= maxAddresses) sweep(now)
    if (budgets.size >= maxAddresses) return overflow
    const budget = newBudget()
    budgets.set(key, budget)
    return budget
  }

  /** At most once a second: a flood of new addresses must not pay for a walk over all of them each time. */
  function sweep(now: number): void {
    if (now - sweptAt < 1_000) return
    sweptAt = now
    for (const [key, budget] of budgets)
      if (budget.open === 0 && now - budget.lastAt > EMPTY_AFTER_MS) budgets.delete(key)
  }

  return {
    begin(address) {
      if (address === undefined) return UNLIMITED
      const now = clock.monotonic()
      const budget = budgetOf(addressBudgetKey(address), now)
      budget.lastAt = now
      if (!budget.misses.peek(now, budget.open + 1).admitted) {
        const answer = budget.lookUps.admit(now)
        if (!answer.admitted) return { waitMs: Math.max(1, answer.windows[0]?.retryMs ?? 1_000), end: () => {} }
      }
      budget.open += 1
      return {
        waitMs: 0,
        end(missed) {
          budget.open -= 1
          budget.lastAt = clock.monotonic()
          if (missed) budget.misses.admit(budget.lastAt)
        },
      }
    },
  }
}
