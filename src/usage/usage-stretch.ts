import { InvalidInputError } from '../model/errors.ts'
import { beginOf, INTERVAL_MS } from '../model/usage-counts.ts'
import type { UsageInterval } from '../model/usage-store.ts'

/** Points that a series has at most. */
const MAX_POINTS = 1_500
/** Lengths up to which minutes and hours are told apart where the input does not say. */
const MAX_BY_MINUTE_MS = 2 * INTERVAL_MS.hour
const MAX_BY_HOUR_MS = 4 * INTERVAL_MS.day

/** A stretch of time in whole intervals. */
export interface Stretch {
  readonly interval: UsageInterval
  /** When its first interval begins. */
  readonly from: Date
  /** When its last interval ends. */
  readonly to: Date
  /** When each interval begins, oldest first. */
  readonly instants: readonly number[]
}

/**
 * Makes whole intervals of what was asked for: those that it touches.
 *
 * @throws {InvalidInputError} When it is empty, or has more than 1,500 of them.
 */
export function stretchOf(
  { from, to, interval }: { from?: Date | undefined; to?: Date | undefined; interval?: UsageInterval | undefined },
  now: number,
): Stretch {
  const toMs = to?.getTime() ?? now + 1
  const fromMs = from?.getTime() ?? toMs - INTERVAL_MS.day
  if (fromMs >= toMs) throw new InvalidInputError([{ path: ['from'], message: 'must be before to' }])
  const chosen = interval ?? intervalFor(toMs - fromMs)
  const first = beginOf(chosen, fromMs)
  const end = beginOf(chosen, toMs - 1) + INTERVAL_MS[chosen]
  const points = (end - first) / INTERVAL_MS[chosen]
  if (points > MAX_POINTS)
    throw new InvalidInputError([{ path: ['interval'], message: `must make at most ${MAX_POINTS} points` }])
  const instants = Array.from({ length: points }, (_, index) => first + index * INTERVAL_MS[chosen])
  return { interval: chosen, from: new Date(first), to: new Date(end), instants }
}

function intervalFor(lengthMs: number): UsageInterval {
  if (lengthMs <= MAX_BY_MINUTE_MS) return 'minute'
  return lengthMs <= MAX_BY_HOUR_MS ? 'hour' : 'day'
}
