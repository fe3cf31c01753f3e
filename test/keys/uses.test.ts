import { type KeyStore, type KeyUse, memory } from 'keyward'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createTestClock } from '../../src/testing/test-clock.ts'
import { createTestKeyward } from '../../src/testing/test-keyward.ts'
import { outcomeOf } from '../visit.ts'

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] }))
afterEach(() => void vi.useRealTimers())

/** A keyward over a store whose writes of uses a test can watch and bend. */
function kit(bend: (write: () => Promise<void>, uses: readonly KeyUse[]) => Promise<void> = (write) => write()) {
  const clock = createTestClock()
  const kept = memory({ losesDataOnExit: true, clock })
  const writes: (readonly KeyUse[])[] = []
  const store: KeyStore = {
    ...kept,
    recordUses(uses) {
      writes.push(uses)
      return bend(() => kept.recordUses(uses), uses)
    },
  }
  const made = createTestKeyward({ store }, clock)
  async function pass(ms: number): Promise<void> {
    clock.advance(ms)
    await vi.advanceTimersByTimeAsync(ms)
  }
  return { ...made, kept, writes, pass, ask: (apiKey: string) => outcomeOf(made.keyward, apiKey) }
}

describe('when a key was last used', () => {
  it('is in the store within 5 s of its first use', async () => {
    const { createKey, ask, pass, clock, keyward } = kit()
    const { id, apiKey } = await createKey()
    expect((await keyward.keys.get(id)).lastUsedAt).toBeNull()
    const usedAt = new Date(clock.now())
    await ask(apiKey)
    await pass(5_000)
    expect((await keyward.keys.get(id)).lastUsedAt).toEqual(usedAt)
  })

  it('is written at most once a minute a key, however often it is used and its copy read again', async () => {
    const { createKey, ask, pass, clock, keyward, writes } = kit()
    const { id, apiKey } = await createKey()
    for (let second = 0; second < 300; second++) {
      await ask(apiKey)
      if (second % 7 === 0) await keyward.keys.update(id, { metadata: { second } })
      await pass(1_000)
    }
    const instants = writes.flat().map(({ usedAt }) => usedAt.getTime())
    expect(instants.length).toBeGreaterThanOrEqual(4)
    expect(instants.length).toBeLessThanOrEqual(6)
    for (const [index, instant] of instants.entries())
      if (index > 0) expect(instant - (instants[index - 1] ?? 0)).toBeGreaterThanOrEqual(59_000)
    const { lastUsedAt } = await keyward.keys.get(id)
    expect(clock.now() - (lastUsedAt?.getTime() ?? 0)).toBeLessThanOrEqual(65_000)
  })

  it('goes only forwards when the clock steps back', async () => {
    const { createKey, ask, pass, clock, keyward } = kit()
    const { id, apiKey } = await createKey()
    const usedAt = new Date(clock.now())
    await ask(apiKey)
    await pass(5_000)
    clock.set(clock.now() - 3_600_000)
    await pass(61_000)
    await ask(apiKey)
    await pass(5_000)
    expect((await keyward.keys.get(id)).lastUsedAt).toEqual(usedAt)
  })

  it('is written in one batch for many keys, and never to the keys’ records', async () => {
    const { createKey, ask, pass, keyward, writes } = kit()
    const keys = await Promise.all(Array.from({ length: 100 }, () => createKey()))
    for (const { apiKey } of keys) await ask(apiKey)
    await pass(5_000)
    expect(writes.map((uses) => uses.length)).toEqual([100])
    expect((await keyward.keys.get(keys[0]?.id ?? '')).version).toBe(1)
  })

  it('says nothing of refused requests', async () => {
    const { createKey, ask, pass, keyward, writes } = kit()
    const { id, apiKey } = await createKey()
    await keyward.keys.disable(id)
    await ask(apiKey)
    await pass(5_000)
    expect(writes).toEqual([])
  })

  it('waits while the store is away, and is told of once each way', async () => {
    let isAway = true
    const { createKey, ask, pass, clock, keyward, events } = kit(async (write) => {
      if (isAway) throw new Error('away')
      await write()
    })
    const { id, apiKey } = await createKey()
    const usedAt = new Date(clock.now())
    expect(await ask(apiKey)).toBe('admitted')
    await pass(20_000)
    isAway = false
    await pass(5_000)
    expect((await keyward.keys.get(id)).lastUsedAt).toEqual(usedAt)
    const told = events.flatMap((event) => ('part' in event ? [[event.type, event.part]] : []))
    expect(told).toEqual([
      ['degraded', 'uses'],
      ['recovered', 'uses'],
    ])
  })

  it('is written when the keyward closes, also what was being written already', async () => {
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    let number = 0
    const { createKey, ask, pass, keyward, kept } = kit(async (write) => {
      number += 1
      if (number === 1) await held
      await write()
    })
    const [first, second] = [await createKey(), await createKey()]
    await ask(first.apiKey)
    await pass(5_000)
    await ask(second.apiKey)
    let isClosed = false
    const closing = keyward.close().then(() => {
      isClosed = true
    })
    await pass(0)
    expect(isClosed).toBe(false)
    release()
    await closing
    for (const { id } of [first, second]) expect((await kept.findById(id))?.lastUsedAt).not.toBeNull()
  })
})
