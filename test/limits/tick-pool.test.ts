import { describe, expect, it } from 'vitest'
import { TickPool, type TickSlab } from '../../src/limits/tick-pool.ts'
import { Dice, SEED } from './oracle.ts'

describe(`the pool of ticks, seed ${SEED}`, () => {
  it('never lends an entry twice, and lets go of an array when nobody uses it', () => {
    const dice = new Dice(SEED)
    const pool = new TickPool(256)
    const lent: { slab: TickSlab; base: number; mark: number }[] = []
    for (let i = 0; i < 20_000; i++) {
      if (lent.length < 300 && dice.chance(0.5)) {
        const slab = pool.slabFor(dice.pick([4, 8, 64, 100, 300]))
        const base = pool.lend(slab)
        slab.ticks.fill(i, base, base + slab.blockEntries)
        lent.push({ slab, base, mark: i })
      } else if (lent.length > 0) {
        const [{ slab, base, mark }] = lent.splice(dice.whole(0, lent.length - 1), 1) as [(typeof lent)[number]]
        expect(new Set(slab.ticks.subarray(base, base + slab.blockEntries))).toEqual(new Set([mark]))
        pool.giveBack(slab, base)
      }
    }
    const slabs = new Set(lent.map(({ slab }) => slab))
    for (const { slab, base } of lent) pool.giveBack(slab, base)
    for (const entries of [4, 8, 64, 100, 300]) {
      const slab = pool.slabFor(entries)
      expect(slabs.has(slab)).toBe(false)
      expect(slab.lent).toBe(0)
    }
  })

  it('cuts an array into as many blocks as fit, at least one', () => {
    expect([4, 100, 4096].map((entries) => new TickPool(1024).slabFor(entries).ticks.length)).toEqual([
      1024, 1000, 4096,
    ])
  })
})
