import { expectEqual, expectThat } from '../expectations.ts'
import { type GateCase, gateCase } from './gate-case.ts'
import { bucket } from './gate-probe.ts'

const TEN = { limit: 10, windowSeconds: 2 }

/** How a gate treats the windows of one bucket. */
export const windowCases: readonly GateCase[] = [
  gateCase('admits exactly the limit and says what is left', async (probe) => {
    for (let left = 9; left >= 0; left--) {
      const { admitted, windows } = await probe.admit(bucket('a', TEN))
      expectEqual([admitted, windows[0]?.remaining], [true, left], 'admitted, and left')
    }
    const { admitted, windows } = await probe.admit(bucket('a', TEN))
    expectEqual([admitted, windows[0]?.remaining], [false, 0], 'admitted above the limit, and left')
  }),
  gateCase('slides: each unit is free again a window after it was used', async (probe) => {
    // Few calls: a gate on a busy server keeps its own time.
    const admits = async (cost: number) => (await probe.admit(bucket('a', TEN, cost))).admitted
    expectEqual(await admits(5), true, 'five are admitted at the start')
    await probe.subject.advance(1000)
    expectEqual([await admits(5), await admits(1)], [true, false], 'five more half a window later, and no sixth')
    await probe.subject.advance(1000)
    expectEqual([await admits(5), await admits(1)], [true, false], 'the first five when they are free, and no sixth')
  }),
  gateCase('keeps a unit for the whole of the window', async (probe) => {
    await probe.admit(bucket('a', TEN, 10))
    await probe.subject.advance(1999 - probe.subject.toleranceMs)
    expectEqual(await probe.admitTimes(1, bucket('a', TEN)), 0, 'admitted shortly before the window is over')
  }),
  gateCase('says how long to wait: not longer and not shorter', async (probe) => {
    const { subject } = probe
    await probe.admit(bucket('a', TEN, 8))
    await subject.advance(500)
    await probe.admit(bucket('a', TEN, 2))
    const refused = await probe.admit(bucket('a', TEN, 3))
    const retryMs = refused.windows[0]?.retryMs ?? 0
    expectThat(
      !refused.admitted && retryMs <= 1500 && retryMs >= 1500 - subject.toleranceMs,
      `about 1500 to wait: ${retryMs}`,
    )
    await subject.advance(retryMs - 1 - subject.toleranceMs)
    expectEqual((await probe.peek(bucket('a', TEN, 3))).admitted, false, 'admitted too early')
    await subject.advance(1 + subject.toleranceMs)
    expectEqual((await probe.admit(bucket('a', TEN, 3))).admitted, true, 'admitted after the wait')
  }),
  gateCase('says when the next unit is free, and 0 when none is used', async (probe) => {
    expectEqual((await probe.peek(bucket('a', TEN))).windows[0]?.resetMs, 0, 'until reset, unused')
    await probe.admit(bucket('a', TEN))
    await probe.subject.advance(700)
    const { windows } = await probe.admit(bucket('a', TEN))
    const resetMs = windows[0]?.resetMs ?? 0
    expectThat(resetMs <= 1300 && resetMs >= 1300 - probe.subject.toleranceMs, `about 1300 until reset: ${resetMs}`)
  }),
  gateCase('does not count what it refuses', async (probe) => {
    await probe.admit(bucket('a', TEN, 10))
    for (let i = 0; i < 3; i++) {
      await probe.subject.advance(300)
      expectEqual(await probe.admitTimes(2, bucket('a', TEN)), 0, 'admitted while hammering')
    }
    await probe.subject.advance(1100)
    expectEqual((await probe.admit(bucket('a', TEN, 10))).admitted, true, 'ten are admitted when the window is over')
    expectEqual((await probe.admit(bucket('a', TEN))).admitted, false, 'and no eleventh')
  }),
  gateCase('takes a cost whole or not at all', async (probe) => {
    expectEqual((await probe.admit(bucket('a', TEN, 7))).windows[0]?.remaining, 3, 'left after a cost of 7')
    const refused = await probe.admit(bucket('a', TEN, 5))
    expectEqual([refused.admitted, refused.windows[0]?.remaining], [false, 3], 'a cost of 5 with 3 left')
    expectEqual((await probe.admit(bucket('a', TEN, 3))).admitted, true, 'a cost of 3 with 3 left')
  }),
  gateCase('never fits a cost above the limit, nor anything into a limit of 0', async (probe) => {
    const above = await probe.admit(bucket('a', TEN, 11))
    expectEqual([above.admitted, above.windows[0]?.retryMs], [false, Number.POSITIVE_INFINITY], 'cost 11 of 10')
    const none = await probe.admit(bucket('b', { limit: 0, windowSeconds: 1 }))
    expectEqual([none.admitted, none.windows[0]?.retryMs], [false, Number.POSITIVE_INFINITY], 'cost 1 of 0')
    expectEqual((await probe.peek(bucket('a', TEN))).windows[0]?.remaining, 10, 'left of 10')
  }),
  gateCase('admits a cost of 0 always, and describes the windows', async (probe) => {
    await probe.admit(bucket('a', TEN, 10))
    const { admitted, windows } = await probe.admit(bucket('a', [TEN, { limit: 4, windowSeconds: 2 }], 0))
    expectEqual([admitted, windows.map(({ remaining }) => remaining)], [true, [0, 0]], 'a cost of 0, full or over')
  }),
  gateCase('counts in every window of a bucket or in none', async (probe) => {
    const windows = [
      { limit: 3, windowSeconds: 2 },
      { limit: 5, windowSeconds: 20 },
    ]
    expectEqual(await probe.admitTimes(4, bucket('a', windows)), 3, 'admitted by the short window')
    const refused = await probe.admit(bucket('a', windows))
    expectEqual(
      refused.windows.map(({ remaining }) => remaining),
      [0, 2],
      'left of each',
    )
    expectEqual(
      refused.windows.map(({ retryMs }) => retryMs > 0),
      [true, false],
      'which window refused',
    )
    await probe.subject.advance(2000)
    expectEqual(await probe.admitTimes(4, bucket('a', windows)), 2, 'admitted by the long window')
  }),
  gateCase('keeps the count when a limit changes', async (probe) => {
    await probe.admit(bucket('a', { limit: 100, windowSeconds: 10 }, 50))
    const lowered = await probe.admit(bucket('a', { limit: 10, windowSeconds: 10 }))
    expectEqual([lowered.admitted, lowered.windows[0]?.remaining], [false, 0], 'lowered to 10 with 50 used')
    const raised = await probe.admit(bucket('a', { limit: 100, windowSeconds: 10 }))
    expectEqual([raised.admitted, raised.windows[0]?.remaining], [true, 49], 'raised again')
  }),
  gateCase('keeps the count when a limit passes what is logged exactly, in both directions', async (probe) => {
    const wide = { limit: 10_000, windowSeconds: 10 }
    await probe.admit(bucket('a', { limit: 100, windowSeconds: 10 }, 60))
    expectEqual((await probe.admit(bucket('a', wide, 7_940))).windows[0]?.remaining, 2_000, 'left when raised')
    expectEqual(
      (await probe.admit(bucket('a', { limit: 100, windowSeconds: 10 }))).admitted,
      false,
      'lowered with 8000 used',
    )
    expectEqual((await probe.peek(bucket('a', wide))).windows[0]?.remaining, 2_000, 'left when raised again')
    expectEqual((await probe.admit(bucket('a', wide, 2_001))).admitted, false, 'cost 2001 with 2000 left')
  }),
  gateCase('lets callers with different windows share a log', async (probe) => {
    const small = [{ limit: 4, windowSeconds: 5 }]
    const large = [{ limit: 20, windowSeconds: 10 }]
    await probe.admit(bucket('a', large, 3))
    expectEqual((await probe.admit(bucket('a', small))).windows[0]?.remaining, 0, 'left of the small one')
    expectEqual((await probe.admit(bucket('a', large, 2))).windows[0]?.remaining, 14, 'left of the large one')
    expectEqual((await probe.admit(bucket('a', small))).admitted, false, 'admitted by the small one')
  }),
  gateCase('uses nothing when only asked', async (probe) => {
    await probe.admit(bucket('a', TEN, 9))
    for (let i = 0; i < 3; i++) {
      const { admitted, windows } = await probe.peek(bucket('a', TEN))
      expectEqual([admitted, windows[0]?.remaining], [true, 1], 'answer to a peek')
    }
    expectEqual((await probe.peek(bucket('a', TEN, 2))).admitted, false, 'answer to a peek for 2')
    expectEqual(await probe.admitTimes(2, bucket('a', TEN)), 1, 'admitted afterwards')
  }),
]
