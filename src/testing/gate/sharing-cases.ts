import { expectEqual, expectThat } from '../expectations.ts'
import { type GateCase, gateCase } from './gate-case.ts'
import { bucket } from './gate-probe.ts'

const HUNDRED = [{ limit: 100, windowSeconds: 10 }]
const FIVE = [{ limit: 5, windowSeconds: 10 }]
const ONE = [{ limit: 1, windowSeconds: 1 }]

/** How a gate keeps buckets, callers and lineages together and apart. */
export const sharingCases: readonly GateCase[] = [
  gateCase('counts in every bucket or in none', async (probe) => {
    expectEqual(await probe.admitTimes(8, bucket('key', HUNDRED), bucket('owner', FIVE)), 5, 'admitted by both')
    const { admitted, windows } = await probe.peek(bucket('key', HUNDRED), bucket('owner', FIVE, 0))
    expectEqual([admitted, windows.map(({ remaining }) => remaining)], [true, [95, 0]], 'left of each, in order')
  }),
  gateCase('charges each bucket its own cost', async (probe) => {
    const { windows } = await probe.admit(bucket('a', HUNDRED, 7), bucket('b', FIVE, 0), bucket('c', FIVE, 2))
    expectEqual(
      windows.map(({ limit, remaining }) => [limit, remaining]),
      [
        [100, 93],
        [5, 5],
        [5, 3],
      ],
      'left of each',
    )
  }),
  gateCase('admits a request that faces no window', async (probe) => {
    expectEqual(await probe.admit(), { admitted: true, windows: [] }, 'no bucket')
    expectEqual(await probe.admit(bucket('a', [])), { admitted: true, windows: [] }, 'a bucket without windows')
  }),
  gateCase('admits exactly the limit of calls at once', async (probe) => {
    const calls = Array.from({ length: 101 }, () => probe.admit(bucket('a', HUNDRED)))
    const answers = await Promise.all(calls)
    expectEqual(answers.filter(({ admitted }) => admitted).length, 100, 'admitted of 101 at once')
    const left = answers.filter(({ admitted }) => admitted).map(({ windows }) => windows[0]?.remaining)
    expectEqual(new Set(left).size, 100, 'different answers to 100 calls')
  }),
  gateCase('is one step over all buckets, in whichever order callers name them', async (probe) => {
    const calls = Array.from({ length: 40 }, (_, i) =>
      i % 2 === 0
        ? probe.admit(bucket('a', FIVE), bucket('b', HUNDRED))
        : probe.admit(bucket('b', HUNDRED), bucket('a', FIVE)),
    )
    const answers = await Promise.all(calls)
    expectEqual(answers.filter(({ admitted }) => admitted).length, 5, 'admitted of 40 at once')
    expectEqual((await probe.peek(bucket('b', HUNDRED))).windows[0]?.remaining, 95, 'left of the wider bucket')
  }),
  gateCase('keeps buckets apart, whatever they are called', async (probe) => {
    for (const id of AWKWARD_IDS) expectEqual((await probe.admit(bucket(id, ONE))).admitted, true, `first of ${id}`)
    for (const id of AWKWARD_IDS) expectEqual((await probe.admit(bucket(id, ONE))).admitted, false, `second of ${id}`)
  }),
  gateCase('answers with values that later calls do not change', async (probe) => {
    const first = await probe.admit(bucket('a', FIVE))
    const before = JSON.stringify(first)
    const second = await probe.admit(bucket('a', FIVE))
    expectEqual(JSON.stringify(first), before, 'the first answer after the second call')
    expectThat(first.windows !== second.windows && first.windows[0] !== second.windows[0], 'a fresh answer each time')
  }),
  gateCase('answers stale to a copy older than a fence, and counts nothing', async (probe) => {
    const buckets = [bucket('a', FIVE)]
    await probe.ask('admit', { version: 1, buckets })
    await probe.fence('org', 'key', 2)
    expectEqual((await probe.ask('admit', { version: 1, buckets })).outcome, 'stale', 'version 1 behind fence 2')
    expectEqual(
      (await probe.ask('peek', { version: 1, buckets })).outcome,
      'stale',
      'a peek of version 1 behind fence 2',
    )
    const current = await probe.ask('admit', { version: 2, buckets })
    expectEqual(current.outcome, 'admitted', 'version 2 at fence 2')
    expectEqual('windows' in current && current.windows[0]?.remaining, 3, 'left')
  }),
  gateCase('never lowers a fence', async (probe) => {
    await probe.ask('admit', { version: 1 })
    await probe.fence('org', 'key', 3)
    await probe.fence('org', 'key', 2)
    expectEqual((await probe.ask('admit', { version: 2 })).outcome, 'stale', 'version 2 behind fences 3 and 2')
    expectEqual((await probe.ask('admit', { version: 3 })).outcome, 'admitted', 'version 3 at fence 3')
  }),
  gateCase('keeps a fence for as long as a copy may live', async (probe) => {
    await probe.ask('admit', { version: 1 })
    await probe.fence('org', 'key', 2)
    await probe.subject.advance(1500)
    await probe.fence('org', 'other', 5)
    await probe.subject.advance(1500)
    expectEqual(
      (await probe.ask('admit', { version: 1 })).outcome,
      'stale',
      'version 1 behind fence 2, 3 seconds later',
    )
  }),
  gateCase('fences one lineage and no other', async (probe) => {
    await probe.fence('org', 'key', 2)
    expectEqual((await probe.ask('admit', { lineage: 'other' })).outcome, 'admitted', 'version 1 of another lineage')
    expectEqual(
      (await probe.ask('admit', { lineage: '__proto__' })).outcome,
      'admitted',
      'version 1 of a third lineage',
    )
  }),
  gateCase('holds nothing two windows after the last admission', async (probe) => {
    for (let i = 0; i < 50; i++) await probe.admit(bucket(`flood-${i}`, ONE))
    await probe.admit(bucket('refused', ONE, 2))
    await probe.peek(bucket('asked', ONE))
    expectEqual(await probe.subject.entries(), 50, 'logs after a flood')
    await probe.subject.advance(2000)
    expectEqual(await probe.subject.entries(), 0, 'logs two windows later')
  }),
]

const AWKWARD_IDS = [
  '__proto__',
  'constructor',
  'hasOwnProperty',
  'toString',
  '1',
  '01',
  '1.0',
  '-1',
  '4294967295',
  '',
  ' ',
  'a',
  'A',
  'a:b',
  'a\u0000b',
  'a{b}',
  'ä',
  'a\u0308',
  '\u{1f511}',
]
