import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Activity, judgeErrors, judgeRate } from '../../src/alerts/spike-rules.ts'

const HOURS = 168
const FLOORS = { requests: 300, errors: 20 }
/** Named in what fails, so that a run can be had again. */
const SEED = 20_261_127

const requests = (count: number, errors = 0): Activity => ({ requests: count, errors })
const hoursOf = (at: (hour: number) => number) => Array.from({ length: HOURS }, (_, hour) => requests(at(hour)))
const rate = (now: number, at: (hour: number) => number, peak = 0) =>
  judgeRate(requests(now), hoursOf(at), peak, FLOORS)

/** mulberry32: the same numbers for the same seed. */
function createDice(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A count of random events, by its mean: a normal distribution is near enough above 30, and wider than Poisson's below. */
function draw(mean: number, dice: () => number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - dice())) * Math.cos(2 * Math.PI * dice())
  return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal))
}

describe('the rule about rates', () => {
  it('opens above four times the busy hours of a steady key, and is calm at half of that', () => {
    const steady = () => 1_200
    expect(rate(401, steady)).toMatchObject({ expected: 100, opensAbove: 400, clearsBelow: 200, isSpike: true })
    expect(rate(400, steady)).toMatchObject({ isSpike: false, isCalm: false })
    expect(rate(201, steady)).toMatchObject({ isSpike: false, isCalm: false })
    expect(rate(200, steady)).toMatchObject({ isSpike: false, isCalm: true })
  })

  it('takes no rate up to the floor for a spike, of a key that hardly ever did anything', () => {
    const nearlyNothing = (hour: number) => (hour % 50 === 0 ? 1 : 0)
    expect(rate(300, nearlyNothing)).toMatchObject({ expected: 0, isSpike: false })
    expect(rate(301, nearlyNothing)).toMatchObject({ isSpike: true })
  })

  it('says nothing of a key whose first request is less than 24 hours old', () => {
    expect(rate(1e6, () => 0)).toBeUndefined()
    expect(rate(1e6, (hour) => (hour >= HOURS - 23 ? 5 : 0))).toBeUndefined()
    expect(rate(1e6, (hour) => (hour >= HOURS - 24 ? 5 : 0))).toMatchObject({ isSpike: true })
    expect(judgeRate(requests(1e6), [], 0, FLOORS)).toBeUndefined()
  })

  it('measures a key with a rhythm by its busy hours, at night too', () => {
    const daily = (hour: number) => (hour % 24 >= 9 && hour % 24 < 17 ? 12_000 : 60)
    const weekly = (hour: number) => (hour < 120 ? daily(hour) : 0)
    for (const rhythm of [daily, weekly]) {
      expect(rate(1_100, rhythm)).toMatchObject({ expected: 1_000, isSpike: false })
      expect(rate(4_001, rhythm)).toMatchObject({ isSpike: true })
    }
  })

  it('takes growth for a new level within half a day', () => {
    const doubled = (since: number) => (hour: number) => (hour >= HOURS - since ? 12_000 : 1_200)
    expect(rate(1_000, doubled(3))).toMatchObject({ isSpike: true })
    expect(rate(1_000, doubled(12))).toMatchObject({ isSpike: false, isCalm: true })
  })

  it('measures a key that works in bursts by its bursts', () => {
    const everyHour = () => 1_200
    expect(rate(1_200, everyHour)).toMatchObject({ isSpike: true })
    expect(rate(1_200, everyHour, 1_200)).toMatchObject({ isSpike: false, opensAbove: 2_400 })
    expect(rate(2_401, everyHour, 1_200)).toMatchObject({ isSpike: true })
  })

  it.each<[string, (hour: number) => number]>([
    ['steady', () => 1_000],
    ['daily', (hour) => 1_000 + 900 * Math.sin((hour / 24) * 2 * Math.PI)],
    ['weekly', (hour) => (hour % 168 < 120 ? 2_000 : 100)],
    ['growing by a tenth a day', (hour) => 500 * 1.1 ** (hour / 24)],
    ['nearly nothing', () => 2],
  ])('raises no false alarm in 200 weeks of chance: %s', (_, mean) => {
    const dice = createDice(SEED)
    let alarms = 0
    for (let week = 0; week < 200; week++) {
      const past = hoursOf((hour) => draw(mean(hour), dice))
      for (let stretch = 0; stretch < 60; stretch++) {
        const now = requests(draw(mean(HOURS + stretch / 12) / 12, dice))
        if (judgeRate(now, past, 0, FLOORS)?.isSpike) alarms += 1
      }
    }
    expect(alarms, `seed ${SEED}`).toBe(0)
  })

  it('raises at most one false alarm in 10,000 looks at a random walk of 30 % an hour', () => {
    const dice = createDice(SEED)
    let [alarms, looks] = [0, 0]
    for (let key = 0; key < 100; key++) {
      let level = 3_000
      const walk = Array.from({ length: 2 * HOURS }, () => {
        level = Math.min(1e6, Math.max(100, level * Math.exp(0.6 * (dice() - 0.5))))
        return requests(Math.round(level))
      })
      for (let hour = HOURS; hour < walk.length; hour++) {
        const now = requests(draw((walk[hour]?.requests ?? 0) / 12, dice))
        looks += 1
        if (judgeRate(now, walk.slice(hour - HOURS, hour), 0, FLOORS)?.isSpike) alarms += 1
      }
    }
    expect(alarms / looks, `seed ${SEED}, ${alarms} of ${looks}`).toBeLessThan(1e-4)
  })

  it('sees every rise to ten times the busiest hour, and is never a spike and calm at once', () => {
    const past = fc.array(fc.nat(100_000), { minLength: 24, maxLength: HOURS })
    fc.assert(
      fc.property(past, fc.nat(2_000_000), fc.nat(10_000), (counts, now, peak) => {
        const hours = [requests(1), ...counts.map((count) => requests(count))]
        const found = judgeRate(requests(now), hours, peak, FLOORS)
        expect(found?.isSpike && found.isCalm).toBe(false)
        const busiest = Math.max(...counts, 400) / 12
        if (now > Math.max(10 * busiest, 2 * peak)) expect(found?.isSpike).toBe(true)
      }),
      { seed: SEED },
    )
  })
})

describe('the rule about errors', () => {
  const usual = (share: number, count = 1_000) => Array.from({ length: HOURS }, () => requests(count, count * share))

  it('opens when a quarter of the requests fail that never did, and is calm below an eighth', () => {
    const hours = usual(0)
    expect(judgeErrors(requests(100, 26), hours, FLOORS)).toMatchObject({
      expected: 0,
      opensAbove: 0.25,
      isSpike: true,
    })
    expect(judgeErrors(requests(100, 25), hours, FLOORS)).toMatchObject({ isSpike: false, isCalm: false })
    expect(judgeErrors(requests(200, 25), hours, FLOORS)).toMatchObject({ isSpike: false, isCalm: true })
  })

  it('needs more errors than the floor, whatever their share', () => {
    expect(judgeErrors(requests(20, 20), usual(0), FLOORS)).toMatchObject({ observed: 1, isSpike: false })
    expect(judgeErrors(requests(21, 21), usual(0), FLOORS)).toMatchObject({ isSpike: true })
    expect(judgeErrors(requests(10, 10), usual(0), FLOORS)).toMatchObject({ isCalm: true })
  })

  it('lets a key fail as it always does, and sees when even that becomes worse', () => {
    expect(judgeErrors(requests(1_000, 620), usual(0.6), FLOORS)).toMatchObject({ isSpike: false, isCalm: true })
    expect(judgeErrors(requests(1_000, 810), usual(0.6), FLOORS)).toMatchObject({ isSpike: true })
  })

  it('says nothing of a key without a past, or with fewer than 100 requests in it', () => {
    expect(judgeErrors(requests(500, 500), usual(0).slice(0, 23), FLOORS)).toBeUndefined()
    const quiet = [requests(99), ...Array.from({ length: 30 }, () => requests(0))]
    expect(judgeErrors(requests(500, 500), quiet, FLOORS)).toBeUndefined()
  })

  it.each([0, 0.02, 0.3, 0.5])('raises no false alarm in 20,000 looks at chance, with a usual share of %d', (share) => {
    const dice = createDice(SEED)
    const count = (many: number) => Array.from({ length: many }, () => dice()).filter((each) => each < share).length
    const hours = Array.from({ length: HOURS }, () => requests(200, count(200)))
    let alarms = 0
    for (let look = 0; look < 20_000; look++) {
      const many = 25 + Math.floor(dice() * 100)
      if (judgeErrors(requests(many, count(many)), hours, FLOORS)?.isSpike) alarms += 1
    }
    expect(alarms, `seed ${SEED}`).toBe(0)
  })
})
