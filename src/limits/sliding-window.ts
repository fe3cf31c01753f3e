import { ConfigError, InvalidInputError } from '../model/errors.ts'
import type { WindowState } from '../model/gate.ts'
import type { Window } from '../model/policy.ts'
import { AdmissionLog } from './admission-log.ts'
import { TickPool } from './tick-pool.ts'

const MAX_UNITS = 1_000_000_000
const MAX_WINDOW_SECONDS = 2_073_600

/**
 * Limits one caller by any number of sliding windows over one log of admissions. Synchronous, and without a clock of
 * its own: every call says what time it is.
 */
export interface SlidingWindow {
  /**
   * Admits and counts, when in every window the units admitted during `(nowMs - window, nowMs]` and these stay within
   * the limit; else counts nothing anywhere, so a refused caller is not held up by refused attempts.
   *
   * @param nowMs - Milliseconds on a clock that does not step, with fractions. Should it step back, time goes on from
   * the latest admission: nothing more is admitted for it, and a client that keeps asking is refused for at most
   * two windows. A step forward is taken for time that passed.
   * @param cost - Units: a whole number from 0 to 1,000,000,000; 1 by default. 0 is always admitted and counts nothing.
   * @throws {InvalidInputError} When the cost is not such a number. Nothing was counted.
   */
  admit(nowMs: number, cost?: number): SlidingWindowAnswer

  /** Answers as {@link SlidingWindow.admit} would, without counting. */
  peek(nowMs: number, cost?: number): SlidingWindowAnswer

  /**
   * Changes limits and lengths; what was counted stays counted. A window longer than all before it begins with what
   * those kept.
   *
   * @throws {ConfigError} When a window breaks a rule. The old ones stay.
   */
  setWindows(windows: readonly Window[]): void
}

/** An answer and every window after it, in the order in which they were given. Fresh values each time. */
export interface SlidingWindowAnswer {
  readonly admitted: boolean
  readonly windows: readonly WindowState[]
}

/**
 * Creates a log of admissions with windows on it.
 *
 * Limits to 4,096 are exact: no window, wherever it begins, admits more, and a request that fits is admitted. Above,
 * 64 cells a window are counted whole: never more than the limit, and a unit may count for up to a 64th of the window
 * too long.
 *
 * @param windows - At least one; all must have room. Limits from 0 to 1,000,000,000 units, lengths from 1 to 2,073,600
 * seconds (24 days).
 * @throws {ConfigError} When a window breaks a rule.
 */
export function createSlidingWindow(windows: readonly Window[]): SlidingWindow {
  let current = checkedWindows(windows)
  const log = new AdmissionLog(new TickPool(0))

  function decide(nowMs: number, cost: number, count: boolean): SlidingWindowAnswer {
    if (!isWhole(cost, 0)) {
      throw new InvalidInputError([{ path: ['cost'], message: `must be a whole number from 0 to ${MAX_UNITS}` }])
    }
    const admitted = log.fits(current, cost, nowMs)
    if (admitted && count && cost > 0) log.add(current, cost, nowMs)
    return { admitted, windows: current.map((window) => log.stateOf(window, admitted ? 0 : cost, nowMs)) }
  }

  return {
    admit: (nowMs, cost = 1) => decide(nowMs, cost, true),
    peek: (nowMs, cost = 1) => decide(nowMs, cost, false),
    setWindows(changed) {
      current = checkedWindows(changed)
    },
  }
}

/** A copy, so that a caller who changes a list that was checked changes nothing here. */
function checkedWindows(windows: readonly Window[]): readonly Window[] {
  if (windows.length === 0) throw new ConfigError('windows must hold at least one window')
  return windows.map(({ limit, windowSeconds }, i) => {
    if (!isWhole(limit, 0)) {
      throw new ConfigError(`windows[${i}].limit must be a whole number from 0 to ${MAX_UNITS}; it is ${limit}`)
    }
    if (!isWhole(windowSeconds, 1) || windowSeconds > MAX_WINDOW_SECONDS) {
      throw new ConfigError(
        `windows[${i}].windowSeconds must be a whole number from 1 to ${MAX_WINDOW_SECONDS} (24 days); it is ${windowSeconds}`,
      )
    }
    return { limit, windowSeconds }
  })
}

function isWhole(value: number, least: number): boolean {
  return Number.isInteger(value) && value >= least && value <= MAX_UNITS
}
