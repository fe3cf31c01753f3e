import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { retryAfterSeconds } from '../../src/limits/response-headers.ts'
import { createSlidingWindow, type SlidingWindow } from '../../src/limits/sliding-window.ts'
import { ConfigError, InvalidInputError } from '../../src/model/errors.ts'

const TEN = [{ limit: 10, windowSeconds: 60 }]

describe('a sliding window', () => {
  it('80: admits 10 of 12 requests', () => {
    const log = createSlidingWindow(TEN)
    const left = Array.from({ length: 12 }, (_, i) => log.admit(i)).map(({ admitted, windows }) => [
      admitted,
      windows[0]?.remaining,
    ])
    expect(left).toEqual([...Array.from({ length: 10 }, (_, i) => [true, 9 - i]), [false, 0], [false, 0]])
  })

  it('84: admits a retry after exactly Retry-After, and none a second earlier', () => {
    const log = createSlidingWindow(TEN)
    admitTimes(log, 10, 5000)
    const seconds = retryAfterSeconds(log.admit(5250).windows)
    expect(seconds).toBe(60)
    expect(log.peek(5250 + (seconds - 1) * 1000).admitted).toBe(false)
    expect(log.admit(5250 + seconds * 1000).admitted).toBe(true)
  })

  it('84: names a wait that is exact to the millisecond, for any history', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ pauseMs: fc.nat(3000), cost: fc.integer({ min: 1, max: 9 }) }), {
          minLength: 5,
          maxLength: 60,
        }),
        fc.integer({ min: 1, max: 30 }),
        (requests, limit) => {
          const log = createSlidingWindow([
            { limit, windowSeconds: 10 },
            { limit: limit * 3, windowSeconds: 60 },
          ])
          let now = 0
          for (const { pauseMs, cost } of requests) {
            now += pauseMs
            const { admitted, windows } = log.admit(now, cost)
            const waitMs = Math.max(...windows.map(({ retryMs }) => retryMs))
            expect(waitMs > 0).toBe(!admitted)
            if (admitted || waitMs === Number.POSITIVE_INFINITY) continue
            expect(log.peek(now + waitMs - 1, cost).admitted).toBe(false)
            expect(log.peek(now + waitMs, cost).admitted).toBe(true)
          }
        },
      ),
      { numRuns: process.env['KEYWARD_LONG'] === undefined ? 300 : 10_000 },
    )
  })

  it('84: never says 61 for a window of 60 seconds, on a clock with fractions', () => {
    for (const startMs of [0.0004, 123_456.789_123, 98_765_432.100_01]) {
      const log = createSlidingWindow([{ limit: 1, windowSeconds: 60 }])
      log.admit(startMs)
      const { windows } = log.admit(startMs)
      expect(retryAfterSeconds(windows)).toBe(60)
      expect(log.admit(startMs + 60_000).admitted).toBe(true)
    }
  })

  it('85: a client that hammers while limited recovers as soon as one that waits', () => {
    const log = createSlidingWindow(TEN)
    admitTimes(log, 10, 0)
    for (let now = 0; now < 60_000; now += 10) expect(log.admit(now).admitted).toBe(false)
    expect(admitTimes(log, 20, 60_000)).toBe(10)
  })

  it('86: one request each 10 seconds for 10 minutes is never refused', () => {
    const log = createSlidingWindow(TEN)
    for (let now = 0; now <= 600_000; now += 10_000) expect(log.admit(now).admitted).toBe(true)
  })

  it('86: exactly the limit in each window is never refused', () => {
    const log = createSlidingWindow(TEN)
    for (let now = 0; now <= 600_000; now += 6_000) expect(log.admit(now).admitted).toBe(true)
  })

  it('88: a clock that jumps back an hour opens no window, and locks nobody out beyond one', () => {
    const log = createSlidingWindow(TEN)
    admitTimes(log, 10, 7_200_000)
    expect(admitTimes(log, 10, 3_600_000)).toBe(0)
    expect(admitTimes(log, 10, 3_659_999)).toBe(0)
    expect(admitTimes(log, 20, 3_660_000)).toBe(10)
  })

  it('90: a clock that steps back 10 seconds opens no window, and locks nobody out for more than those and a window', () => {
    const log = createSlidingWindow(TEN)
    admitTimes(log, 10, 100_000)
    expect(admitTimes(log, 10, 90_000)).toBe(0)
    expect(admitTimes(log, 10, 149_999)).toBe(0)
    expect(admitTimes(log, 20, 160_000)).toBe(10)
  })

  it('96: a cost of 5 with 3 left is refused, and 3 are left still', () => {
    const log = createSlidingWindow(TEN)
    log.admit(0, 7)
    const { admitted, windows } = log.admit(0, 5)
    expect([admitted, windows[0]?.remaining]).toEqual([false, 3])
    expect(log.admit(0, 3).admitted).toBe(true)
  })

  it('97: when the burst refuses, the day is not charged', () => {
    const log = createSlidingWindow([
      { limit: 2, windowSeconds: 1 },
      { limit: 10, windowSeconds: 86_400 },
    ])
    expect(admitTimes(log, 50, 0)).toBe(2)
    expect(log.admit(0).windows.map(({ remaining, retryMs }) => [remaining, retryMs])).toEqual([
      [0, 1000],
      [8, 0],
    ])
  })

  it('98: a limit lowered from 100 to 10 with 50 used refuses at once, raised again it admits at once', () => {
    const log = createSlidingWindow([{ limit: 100, windowSeconds: 60 }])
    admitTimes(log, 50, 0)
    log.setWindows(TEN)
    expect(log.admit(1).admitted).toBe(false)
    log.setWindows([{ limit: 100, windowSeconds: 60 }])
    expect(log.admit(2).windows[0]?.remaining).toBe(49)
  })

  it('98: 8,000 of 10,000 used stay used through a limit of 100 and back, and are free a window later', () => {
    const log = createSlidingWindow([{ limit: 10_000, windowSeconds: 60 }])
    for (let now = 0; now < 8000; now++) log.admit(now)
    log.setWindows([{ limit: 100, windowSeconds: 60 }])
    expect(log.admit(10_000).admitted).toBe(false)
    log.setWindows([{ limit: 10_000, windowSeconds: 60 }])
    expect(log.peek(20_000).windows[0]?.remaining).toBe(2000)
    expect(admitTimes(log, 5000, 20_000)).toBe(2000)
    expect(log.peek(69_000).windows[0]?.remaining).toBe(8000)
  })

  it('98: a limit lowered from 10,000 to 0 refuses, and raised again it admits what was left', () => {
    const window = createSlidingWindow([{ limit: 10_000, windowSeconds: 60 }])
    expect(window.admit(1_000, 6_000).admitted).toBe(true)
    window.setWindows([{ limit: 0, windowSeconds: 60 }])
    expect(window.admit(2_000).admitted).toBe(false)
    window.setWindows([{ limit: 10_000, windowSeconds: 60 }])
    expect([window.admit(3_000, 4_001).admitted, window.admit(3_000, 4_000).admitted]).toEqual([false, true])
  })

  it('98: a longer window begins with what the shorter one kept', () => {
    const log = createSlidingWindow([{ limit: 10, windowSeconds: 10 }])
    admitTimes(log, 10, 0)
    admitTimes(log, 10, 10_000)
    log.setWindows([{ limit: 30, windowSeconds: 60 }])
    expect(log.peek(11_000).windows[0]?.remaining).toBe(20)
  })

  it('99: a limit of 0 refuses always, with no wait that would help', () => {
    const log = createSlidingWindow([{ limit: 0, windowSeconds: 30 }])
    const { admitted, windows } = log.admit(0)
    expect(admitted).toBe(false)
    expect(windows).toEqual([
      { limit: 0, windowSeconds: 30, remaining: 0, resetMs: 0, retryMs: Number.POSITIVE_INFINITY },
    ])
    expect(log.admit(1e9).admitted).toBe(false)
  })

  it.each([
    [[], 'windows must'],
    [[{ limit: 2 ** 53, windowSeconds: 1 }], 'windows[0].limit'],
    [[{ limit: 1_000_000_001, windowSeconds: 1 }], 'windows[0].limit'],
    [[{ limit: -1, windowSeconds: 1 }], 'windows[0].limit'],
    [[{ limit: 1.5, windowSeconds: 1 }], 'windows[0].limit'],
    [[{ limit: Number.NaN, windowSeconds: 1 }], 'windows[0].limit'],
    [[...TEN, { limit: 1, windowSeconds: 0 }], 'windows[1].windowSeconds'],
    [[{ limit: 1, windowSeconds: 0.001 }], 'windows[0].windowSeconds'],
    [[{ limit: 1, windowSeconds: 365 * 86_400 }], 'windows[0].windowSeconds'],
    [[{ limit: 1, windowSeconds: 2_073_601 }], 'windows[0].windowSeconds'],
  ])('99: %j is a ConfigError that names the option', (windows, option) => {
    expect(() => createSlidingWindow(windows)).toThrow(ConfigError)
    expect(() => createSlidingWindow(windows)).toThrow(option)
    const log = createSlidingWindow(TEN)
    expect(() => log.setWindows(windows)).toThrow(ConfigError)
    expect(log.admit(0).windows[0]?.limit).toBe(10)
  })

  it('99: the greatest limit and the longest window do not overflow', () => {
    const log = createSlidingWindow([{ limit: 1_000_000_000, windowSeconds: 2_073_600 }])
    expect(log.admit(0, 999_999_999).admitted).toBe(true)
    expect(log.admit(2_073_599_999, 2).admitted).toBe(false)
    expect(log.admit(2_073_600_000, 2).windows[0]?.remaining).toBe(999_999_998)
    const exact = createSlidingWindow([{ limit: 2, windowSeconds: 2_073_600 }])
    expect([0, 1, 2_073_599_999, 2_073_600_000, 2_073_600_000].map((now) => exact.admit(now).admitted)).toEqual([
      true,
      true,
      false,
      true,
      false,
    ])
  })

  it('is empty again after any pause, also after one at which 32-bit ticks come round', () => {
    for (const pauseMs of [60_000, 4_294_967, 4_294_968, 4_294_967_296, 1e12]) {
      const log = createSlidingWindow(TEN)
      admitTimes(log, 10, 5)
      expect(log.peek(5 + pauseMs).windows[0]?.remaining).toBe(10)
      expect(admitTimes(log, 20, 5 + pauseMs)).toBe(10)
    }
  })

  it('takes no cost but a whole number that it can count', () => {
    const log = createSlidingWindow(TEN)
    for (const cost of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 1_000_000_001]) {
      expect(() => log.admit(0, cost)).toThrow(InvalidInputError)
    }
    expect(log.peek(0).windows[0]?.remaining).toBe(10)
  })

  it('admits a cost of 0 always, and never fits one above the limit', () => {
    const log = createSlidingWindow(TEN)
    admitTimes(log, 10, 0)
    expect(log.admit(0, 0).admitted).toBe(true)
    expect(log.admit(60_000, 11).windows[0]?.retryMs).toBe(Number.POSITIVE_INFINITY)
  })

  it('does not see a list of windows change that was given to it', () => {
    const windows = [{ limit: 10, windowSeconds: 60 }]
    const log = createSlidingWindow(windows)
    windows[0]!.limit = 1000
    expect(admitTimes(log, 20, 0)).toBe(10)
  })
})

function admitTimes(log: SlidingWindow, times: number, nowMs: number): number {
  let admitted = 0
  for (let i = 0; i < times; i++) if (log.admit(nowMs).admitted) admitted += 1
  return admitted
}
