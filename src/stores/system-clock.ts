import type { Clock } from '../model/clock.ts'

/** The machine's clocks: wall time from `Date.now()`, a monotonic one from `performance.now()`. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
}
