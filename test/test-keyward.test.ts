import { type KeywardEvent, memory } from 'keyward'
import { createTestClock, createTestKeyward } from 'keyward/testing'
import { describe, expect, it } from 'vitest'

describe('createTestKeyward', () => {
  it('needs one line for a key that is admitted, and another for one that is not any more', async () => {
    const { keyward, clock, createKey, events } = createTestKeyward()
    const { apiKey, owner } = await createKey({ expiresAt: new Date(Date.UTC(2026, 0, 2)) })
    const ask = async () => (await keyward.authenticate({ authorization: `Bearer ${apiKey}` })).denied
    expect([owner, await ask()]).toEqual(['test', false])
    clock.set(new Date('2026-01-02T00:00:00Z'))
    expect(await ask()).toBe(true)
    expect(events.map(({ type }) => type)).toEqual(['warning', 'changed', 'admitted', 'denied'])
  })

  it('slides windows as its clock advances, and not as it is set', async () => {
    const { keyward, clock, createKey } = createTestKeyward({
      limits: { policies: { default: [{ limit: 1, windowSeconds: 60 }] } },
    })
    const { apiKey } = await createKey()
    const ask = async () => (await keyward.authenticate({ authorization: `Bearer ${apiKey}` })).denied
    expect([await ask(), await ask()]).toEqual([false, true])
    clock.set(clock.now() + 60_000)
    expect(await ask()).toBe(true)
    clock.advance(60_000)
    expect(await ask()).toBe(false)
  })

  it('takes the options of createKeyward, an observer and a store among them', async () => {
    const seen: KeywardEvent[] = []
    const clock = createTestClock(0)
    const store = memory({ losesDataOnExit: true, clock })
    const { createKey, events } = createTestKeyward({ store, onEvent: (event) => void seen.push(event) }, clock)
    const { id, createdAt } = await createKey()
    expect(createdAt).toEqual(new Date(0))
    expect((await store.findById(id))?.name).toBe('test')
    expect(seen).toEqual(events)
  })
})
