import { describe, expect, it } from 'vitest'
import { CheckTimes } from '../../src/usage/check-times.ts'

describe('CheckTimes', () => {
  it('measures one check in sixteen', () => {
    const times = new CheckTimes()
    expect(Array.from({ length: 160 }, () => times.isNext()).filter(Boolean)).toHaveLength(10)
  })

  it('counts a duration under the smallest bound that it does not exceed, in microseconds', () => {
    const times = new CheckTimes()
    for (const durationMs of [0, 0.001, 0.0011, 0.0013, 0.0014, 12, 600_000]) times.note(durationMs)
    expect(Object.fromEntries(times.take())).toEqual({ 0.1: 1, 1: 1, 1.3: 2, 1.8: 1, 13000: 1, 7500000: 1 })
    expect(times.take().size).toBe(0)
  })

  it('overstates a duration by no more than two fifths, from 0.1 microseconds to 7.5 seconds', () => {
    for (let microseconds = 0.1; microseconds < 7_500_000; microseconds *= 1.07) {
      const times = new CheckTimes()
      times.note(microseconds / 1_000)
      const [bound = 0] = times.take().keys()
      expect(bound).toBeGreaterThanOrEqual(microseconds - 1e-9)
      expect(bound).toBeLessThanOrEqual(microseconds * 1.4)
    }
  })
})
