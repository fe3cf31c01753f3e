import type { Clock } from '../index.ts'

/** A clock that stands still until it is told otherwise. */
export interface TestClock extends Clock {
  /**
   * Lets time pass on both clocks.
   *
   * @param ms - Milliseconds, 0 or more.
   */
  advance(ms: number): void
  /**
   * Steps the wall clock, in either direction, as an administrator would; the monotonic one goes on.
   *
   * @param instant - The new wall time; a number is in milliseconds since the Unix epoch.
   */
  set(instant: Date | number): void
}

/**
 * Creates a clock for tests.
 *
 * @param start - Wall time that it begins with, in milliseconds since the Unix epoch. Default: 2026-01-01T00:00:00Z.
 */
export function createTestClock(start: number = Date.UTC(2026, 0, 1)): TestClock {
  let wall = start
  let monotonic = 0
  return {
    now: () => wall,
    monotonic: () => monotonic,
    advance(ms) {
      wall += ms
      monotonic += ms
    },
    set(instant) {
      wall = Number(instant)
    },
  }
}
