import type { WindowState } from '../model/gate.ts'
import type { Plan } from './plan.ts'

/** How long a refusal of a gate on a server may be remembered, at most: nothing is asked meanwhile. */
const REFUSAL_MS = 1_000

/**
 * A refusal of a gate on a server that spares the next requests a trip. Nothing that was counted leaves a window earlier
 * than the gate said, so asking again before is no use. It hangs on a copy, and goes with it (`docs/fence.md`, rule 16).
 */
export interface Refusal {
  readonly plan: Plan
  readonly windows: readonly WindowState[]
  /** Monotonic instant of the answer, in milliseconds. */
  readonly at: number
  /** Monotonic instant from which the gate is asked again, in milliseconds. */
  readonly until: number
}

/** Remembers a refusal until the request would fit, for a second at most. */
export function rememberRefusal(plan: Plan, windows: readonly WindowState[], at: number): Refusal {
  const waitMs = windows.reduce((longest, { retryMs }) => Math.max(longest, retryMs), 0)
  return { plan, windows, at, until: at + Math.min(REFUSAL_MS, waitMs) }
}

/**
 * The windows of a refusal as they are now, for a request that asks for the same units of the same windows: an edited
 * policy has other windows. `undefined` where the gate is to be asked.
 */
export function stillRefused(
  refusal: Refusal | undefined,
  plan: Plan,
  monotonic: number,
): readonly WindowState[] | undefined {
  if (refusal === undefined || monotonic >= refusal.until || !asksTheSame(refusal.plan, plan)) return undefined
  const less = (ms: number) => Math.max(0, ms - (monotonic - refusal.at))
  return refusal.windows.map((window) => ({
    ...window,
    resetMs: less(window.resetMs),
    retryMs: less(window.retryMs),
  }))
}

function asksTheSame(one: Plan, other: Plan): boolean {
  return (
    one.buckets.length === other.buckets.length &&
    one.buckets.every((bucket, index) => {
      const { id, windows, cost } = other.buckets[index]!
      return bucket.id === id && bucket.windows === windows && bucket.cost === cost
    })
  )
}
