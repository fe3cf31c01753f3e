import { describe, expect, it } from 'vitest'
import { AdmissionLog } from '../../src/limits/admission-log.ts'
import { TickPool } from '../../src/limits/tick-pool.ts'
import type { Window } from '../../src/model/policy.ts'
import { Dice, Oracle, SCALE, SEED } from './oracle.ts'

/** One pool for all, so that logs write where others wrote before. */
const pool = new TickPool(1024)

describe(`the log of admissions, seed ${SEED}`, { timeout: 300_000 }, () => {
  it('decides as the definition says, over 2,000,000 decisions with several windows, costs and changing limits', () => {
    const dice = new Dice(SEED)
    let decisions = 0
    let refusals = 0
    while (decisions < 2_000_000 * SCALE) {
      const lengths = someLengths(dice)
      const log = new AdmissionLog(pool)
      const oracle = new Oracle()
      let windows = limitsOn(dice, lengths, 1000)
      let now = dice.whole(0, 2 ** 31)
      const pace = paceFor(dice, windows)
      for (let i = 0; i < 4000; i++) {
        if (dice.chance(0.002)) windows = limitsOn(dice, lengths, 1000)
        now += stepOf(dice, pace)
        const cost = dice.chance(0.8) ? 1 : dice.whole(0, 12)
        const fits = log.fits(windows, cost, now)
        if (fits !== oracle.fits(windows, cost, now)) throw found('decision', i, now, windows, cost)
        if (fits && cost > 0) {
          log.add(windows, cost, now)
          oracle.add(now, cost)
        }
        if (!fits) refusals += 1
        if (i % 8 === 0) compareStates(log, oracle, windows, fits ? 0 : cost, now)
      }
      decisions += 4000
      log.release()
    }
    expect(refusals / decisions).toBeGreaterThan(0.1)
    expect(refusals / decisions).toBeLessThan(0.9)
  })

  it('serves callers that alternate between lists of windows, each as if it were alone with all admissions', () => {
    const dice = new Dice(SEED + 1)
    for (let round = 0; round < 40 * SCALE; round++) {
      const lists = Array.from({ length: 3 }, () => limitsOn(dice, someLengths(dice), 300))
      const log = new AdmissionLog(pool)
      const oracle = new Oracle()
      let now = dice.next() * 1e6
      for (const windows of lists) log.fits(windows, 1, now)
      now = Math.ceil(now)
      const pace = paceFor(dice, lists[0]!)
      for (let i = 0; i < 4000; i++) {
        now += stepOf(dice, pace)
        const windows = dice.pick(lists)
        const cost = dice.whole(1, 3)
        const fits = log.fits(windows, cost, now)
        if (fits !== oracle.fits(windows, cost, now)) throw found('decision', i, now, windows, cost)
        if (fits) {
          log.add(windows, cost, now)
          oracle.add(now, cost)
        }
        compareStates(log, oracle, windows, fits ? 0 : cost, now)
      }
      log.release()
    }
  })

  it('is never over on a clock with fractions, and less than two ticks late, for windows from a second to 24 days', () => {
    const dice = new Dice(SEED + 2)
    for (let round = 0; round < 100 * SCALE; round++) {
      const windowSeconds = dice.pick([1, 2, 59, 60, 2147, 2148, 3600, 86_400, 604_800, 2_073_600])
      const window = { limit: dice.whole(1, 60), windowSeconds }
      const lengthMs = windowSeconds * 1000
      const tickMs = 1 / Math.min(1000, Math.floor(2 ** 31 / lengthMs))
      // Powers of two, so that the oracle's sums and differences are exact.
      const share = windowSeconds <= 60 ? 1024 : 8
      const log = new AdmissionLog(pool)
      const oracle = new Oracle()
      let now = dice.whole(0, 2 ** 30) / share
      for (let i = 0; i < 3000; i++) {
        const pauseMs = ((lengthMs * dice.next()) / window.limit) * (dice.chance(0.01) ? 400 : 1.8)
        now += Math.ceil((dice.chance(0.1) ? log.stateOf(window, 0, now).resetMs : pauseMs) * share) / share
        const fits = log.fits([window], 1, now)
        if (fits && !oracle.fits([window], 1, now)) throw found('over', i, now, [window], 1)
        if (!fits && oracle.used(lengthMs + 2 * tickMs, now) < window.limit) throw found('late', i, now, [window], 1)
        if (fits) {
          log.add([window], 1, now)
          oracle.add(now, 1)
        }
      }
      log.release()
    }
  })

  it('is never over above 4,096, and at most a 64th of the longest window late, whatever the limits change to', () => {
    const dice = new Dice(SEED + 3)
    let refusals = 0
    for (let round = 0; round < 60 * SCALE; round++) {
      const lengths = someLengths(dice)
      const cellMs = Math.ceil((Math.max(...lengths) * 1000) / 64)
      const log = new AdmissionLog(pool)
      const oracle = new Oracle()
      let windows = limitsOn(dice, lengths, 20_000)
      let now = dice.whole(0, 2 ** 31)
      const pace = paceFor(dice, windows) * 200
      for (let i = 0; i < 4000; i++) {
        if (dice.chance(0.01)) windows = limitsOn(dice, lengths, dice.pick([50, 1000, 4096, 4097, 20_000]))
        now += stepOf(dice, pace)
        const cost = dice.whole(1, 400)
        const fits = log.fits(windows, cost, now)
        if (fits && !oracle.fits(windows, cost, now)) throw found('over', i, now, windows, cost)
        if (!fits) {
          refusals += 1
          const late = windows.some(
            (window) => oracle.used(window.windowSeconds * 1000 + cellMs, now) + cost > window.limit,
          )
          if (!late) throw found('more than a cell late', i, now, windows, cost)
        }
        const waitMs = Math.max(...windows.map((window) => log.stateOf(window, cost, now).retryMs))
        if (waitMs < Number.POSITIVE_INFINITY && !log.fits(windows, cost, now + waitMs)) {
          throw found('not enough to wait', i, now, windows, cost)
        }
        if (fits) {
          log.add(windows, cost, now)
          oracle.add(now, cost)
        }
      }
    }
    expect(refusals).toBeGreaterThan(10_000)
  })

  it('is never over in real time on a clock that steps back, and no more late than it stepped', () => {
    const dice = new Dice(SEED + 4)
    for (let round = 0; round < 150 * SCALE; round++) {
      const window = { limit: dice.whole(1, 40), windowSeconds: dice.whole(1, 60) }
      const lengthMs = window.windowSeconds * 1000
      const log = new AdmissionLog(pool)
      const oracle = new Oracle()
      let real = dice.whole(1, 1000) * 1e9
      let behind = 0
      for (let i = 0; i < 2000; i++) {
        real += dice.whole(0, (lengthMs * 2) / window.limit)
        if (dice.chance(0.01)) behind += dice.whole(1, 5 * lengthMs)
        const fits = log.fits([window], 1, real - behind)
        if (fits && !oracle.fits([window], 1, real)) throw found('over', i, real, [window], 1)
        if (!fits && oracle.used(lengthMs + behind, real) < window.limit) throw found('late', i, real, [window], 1)
        if (fits) {
          log.add([window], 1, real - behind)
          oracle.add(real, 1)
        }
      }
    }
  })

  it('locks nobody out who keeps asking: for a window, where a clock steps back by more, else for the step besides', () => {
    const window = { limit: 5, windowSeconds: 60 }
    for (const stepMs of [100, 20_000, 59_900, 60_000, 90_000, 3_600_000]) {
      const log = new AdmissionLog(pool)
      log.add([window], 5, 7_200_000)
      let waited = 0
      while (!log.fits([window], 1, 7_200_000 - stepMs + waited)) waited += 100
      expect(waited).toBe(stepMs > 60_000 ? 60_000 : 60_000 + stepMs)
    }
  })

  it('believes a clock that stepped back again once it has caught up', () => {
    const windows = [{ limit: 2, windowSeconds: 60 }]
    const log = new AdmissionLog(pool)
    const admitAt = (nowMs: number) => {
      const fits = log.fits(windows, 1, nowMs)
      if (fits) log.add(windows, 1, nowMs)
      return fits
    }
    const hour = 3_600_000
    expect([admitAt(2 * hour), admitAt(2 * hour + 1000), admitAt(2 * hour + 2000)]).toEqual([true, true, false])
    expect([admitAt(hour), admitAt(hour + 58_000)]).toEqual([false, false])
    expect([admitAt(2 * hour + 59_999), admitAt(2 * hour + 60_000), admitAt(2 * hour + 60_000)]).toEqual([
      false,
      true,
      false,
    ])
  })

  it('never refuses a client that stays under its rate, nor one exactly at it', () => {
    const dice = new Dice(SEED + 5)
    for (let round = 0; round < 50 * SCALE; round++) {
      const windows = [{ limit: dice.whole(1, 200), windowSeconds: dice.whole(1, 30) }]
      const [{ limit, windowSeconds }] = windows as [Window]
      const log = new AdmissionLog(pool)
      const times: number[] = []
      let now = dice.whole(0, 1e9)
      for (let i = 0; i < 4000; i++) {
        const earliest = i < limit ? now : times[i - limit]! + windowSeconds * 1000
        now = Math.max(now + (dice.chance(0.5) ? 0 : dice.whole(0, 40)), earliest)
        if (!log.fits(windows, 1, now)) throw found('refused', i, now, windows, 1)
        log.add(windows, 1, now)
        times.push(now)
      }
    }
  })

  it('takes nothing into a short exact window that only a long coarse one still holds', () => {
    const long = [{ limit: 10_000, windowSeconds: 2_073_600 }]
    const short = [{ limit: 100, windowSeconds: 1 }]
    const cellMs = 32_400_000
    for (const laps of [1, 2, 16, 100]) {
      const log = new AdmissionLog(pool)
      const now = cellMs + Math.ceil((laps * 2 ** 32) / 1000)
      log.add(long, 5000, 0)
      log.add(long, 1, Math.max(now, 2 * cellMs))
      expect(log.fits(short, 99, Math.max(now, 2 * cellMs))).toBe(true)
    }
  })
})

function someLengths(dice: Dice): readonly number[] {
  const count = dice.whole(1, 3)
  return Array.from({ length: count }, () => dice.pick([1, 2, 3, 5, 10, 20, 60, 600]))
}

function limitsOn(dice: Dice, lengths: readonly number[], greatest: number): readonly Window[] {
  const small = dice.chance(0.5) ? Math.min(20, greatest) : greatest
  return lengths.map((windowSeconds) => ({ limit: dice.whole(dice.chance(0.02) ? 0 : 1, small), windowSeconds }))
}

/** Mean milliseconds between requests at which about half of them fit. */
function paceFor(dice: Dice, windows: readonly Window[]): number {
  const rates = windows.map(({ limit, windowSeconds }) => (windowSeconds * 1000) / Math.max(1, limit))
  return Math.max(...rates) * (0.2 + dice.next())
}

/** Often nothing, sometimes a burst's end, now and then a long pause. */
function stepOf(dice: Dice, pace: number): number {
  if (dice.chance(0.3)) return 0
  if (dice.chance(0.001)) return dice.whole(0, 4_000_000_000)
  return dice.whole(0, Math.ceil(pace * 2))
}

function compareStates(log: AdmissionLog, oracle: Oracle, windows: readonly Window[], cost: number, now: number): void {
  for (const window of windows) {
    const { limit, windowSeconds } = window
    const lengthMs = windowSeconds * 1000
    const used = oracle.used(lengthMs, now)
    const expected = {
      limit,
      windowSeconds,
      remaining: Math.max(0, limit - used),
      resetMs: limit === 0 ? 0 : oracle.waitUntil(Math.min(used, limit) - 1, lengthMs, now),
      retryMs: cost > limit ? Number.POSITIVE_INFINITY : cost === 0 ? 0 : oracle.waitUntil(limit - cost, lengthMs, now),
    }
    if (used === 0) expected.resetMs = 0
    const state = log.stateOf(window, cost, now)
    if (JSON.stringify(state) !== JSON.stringify(expected)) {
      throw new Error(`seed ${SEED}: ${JSON.stringify({ window, cost, now, state, expected })}`)
    }
  }
}

function found(what: string, step: number, now: number, windows: readonly Window[], cost: number): Error {
  return new Error(`${what}, seed ${SEED}: ${JSON.stringify({ step, now, windows, cost })}`)
}
