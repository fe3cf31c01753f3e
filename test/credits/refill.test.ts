import { describe, expect, it } from 'vitest'
import { dueRefill, firstRefillAt, refillChange } from '../../src/credits/refill.ts'

const MAX = Number.MAX_SAFE_INTEGER
const at = (iso: string) => new Date(iso)
const due = (every: 'day' | 'month' | number, refillAt: string, now: string) => {
  const found = dueRefill(every, at(refillAt), at(now))
  return found && [found.periods, found.nextAt.toISOString()]
}

describe('the instants of a refill', () => {
  it.each([
    ['day', '2026-03-28T23:59:59.999Z', '2026-03-29T00:00:00.000Z'],
    ['day', '2026-03-29T00:00:00.000Z', '2026-03-30T00:00:00.000Z'],
    ['day', '2028-02-28T12:00:00.000Z', '2028-02-29T00:00:00.000Z'],
    ['day', '2026-02-28T12:00:00.000Z', '2026-03-01T00:00:00.000Z'],
    ['day', '2026-12-31T23:59:59.999Z', '2027-01-01T00:00:00.000Z'],
    ['month', '2026-01-31T23:59:59.999Z', '2026-02-01T00:00:00.000Z'],
    ['month', '2026-02-01T00:00:00.000Z', '2026-03-01T00:00:00.000Z'],
    ['month', '2028-02-29T12:00:00.000Z', '2028-03-01T00:00:00.000Z'],
    ['month', '2026-12-15T00:00:00.000Z', '2027-01-01T00:00:00.000Z'],
    ['month', '2026-11-30T23:00:00.000-05:00', '2027-01-01T00:00:00.000Z'],
    [60, '2026-01-01T00:00:00.001Z', '2026-01-01T00:01:00.001Z'],
    [31_536_000, '2028-01-01T00:00:00.000Z', '2028-12-31T00:00:00.000Z'],
  ] as const)('begin with the next one: every %s, after %s', (every, from, first) => {
    expect(firstRefillAt(every, at(from)).toISOString()).toBe(first)
  })

  it('are not reached a millisecond before', () => {
    expect(due('day', '2026-01-02T00:00:00Z', '2026-01-01T23:59:59.999Z')).toBeUndefined()
    expect(due('day', '2026-01-02T00:00:00Z', '2026-01-02T00:00:00Z')).toEqual([1, '2026-01-03T00:00:00.000Z'])
  })

  it.each([
    ['day', '2026-01-02T00:00:00Z', '2026-01-02T23:59:59.999Z', 1, '2026-01-03T00:00:00.000Z'],
    ['day', '2026-01-02T00:00:00Z', '2026-01-05T00:00:00Z', 4, '2026-01-06T00:00:00.000Z'],
    ['day', '2028-02-28T00:00:00Z', '2028-03-01T00:00:00Z', 3, '2028-03-02T00:00:00.000Z'],
    ['day', '2026-02-28T00:00:00Z', '2026-03-01T00:00:00Z', 2, '2026-03-02T00:00:00.000Z'],
    ['month', '2026-02-01T00:00:00Z', '2026-02-28T23:59:59.999Z', 1, '2026-03-01T00:00:00.000Z'],
    ['month', '2026-02-01T00:00:00Z', '2026-05-31T12:00:00Z', 4, '2026-06-01T00:00:00.000Z'],
    ['month', '2026-12-01T00:00:00Z', '2028-02-29T12:00:00Z', 15, '2028-03-01T00:00:00.000Z'],
    [60, '2026-01-01T00:01:00.001Z', '2026-01-01T00:02:00.000Z', 1, '2026-01-01T00:02:00.001Z'],
    [60, '2026-01-01T00:01:00.001Z', '2026-01-01T01:00:59.999Z', 60, '2026-01-01T01:01:00.001Z'],
  ] as const)('count every period that passed: every %s, due at %s, found at %s', (every, refillAt, now, ...found) => {
    expect(due(every, refillAt, now)).toEqual(found)
  })

  it('do not drift, however late each refill is made', () => {
    let refillAt = at('2026-01-01T00:00:00.123Z')
    let periods = 0
    for (let late = 1; late <= 200; late++) {
      const found = dueRefill(90, refillAt, new Date(refillAt.getTime() + late * 7_919))
      periods += found?.periods ?? 0
      refillAt = found?.nextAt ?? refillAt
      expect(refillAt.getTime()).toBe(Date.UTC(2026, 0, 1, 0, 0, 0, 123) + periods * 90_000)
    }
    expect(periods).toBeGreaterThan(200)
  })
})

describe('what a refill comes to', () => {
  it('is the amount for each period that passed, or once what a balance is raised to', () => {
    const rule = { amount: 10, every: 'day' } as const
    expect(refillChange({ ...rule, mode: 'add' }, 1, 5)).toEqual({ add: 10 })
    expect(refillChange({ ...rule, mode: 'add' }, 7, 5)).toEqual({ add: 70 })
    expect(refillChange({ ...rule, mode: 'to' }, 7, 5)).toEqual({ atLeast: 10 })
  })

  it('is never more than a balance holds', () => {
    const rule = { mode: 'add', every: 60 } as const
    expect(refillChange({ ...rule, amount: MAX }, 1, 0)).toEqual({ add: MAX })
    expect(refillChange({ ...rule, amount: MAX }, 1, 1)).toEqual({ atLeast: MAX })
    expect(refillChange({ ...rule, amount: MAX }, 2, 0)).toEqual({ atLeast: MAX })
    expect(refillChange({ ...rule, amount: 1 }, 1, MAX)).toEqual({ atLeast: MAX })
    expect(refillChange({ ...rule, amount: 3 }, 2 ** 40, MAX - 2 ** 41)).toEqual({ atLeast: MAX })
    expect(refillChange({ ...rule, amount: 2 }, 2 ** 40, MAX - 2 ** 41)).toEqual({ add: 2 ** 41 })
  })
})
