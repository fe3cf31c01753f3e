import {
  type KeywardEvent,
  memory,
  StoreUnavailableError,
  type UsageBatch,
  type UsageRow,
  type UsageStore,
} from 'keyward'
import { createTestClock } from 'keyward/testing'
import { describe, expect, it } from 'vitest'
import { type CountedRequest, createUsageCounter } from '../../src/usage/usage-counter.ts'

/** A counter over a store in memory whose `addUsage` a test may break. */
function countWith(breakIt: (usage: UsageStore) => Partial<UsageStore> = () => ({})) {
  const clock = createTestClock()
  const usage = memory({ losesDataOnExit: true, clock }).usage as UsageStore
  const events: KeywardEvent[] = []
  const batches: UsageBatch[] = []
  const broken = breakIt(usage)
  const addUsage: UsageStore['addUsage'] = (batch) => {
    batches.push(batch)
    return broken.addUsage?.(batch) ?? usage.addUsage(batch)
  }
  const counter = createUsageCounter({
    store: { addUsage },
    clock,
    observer: (event) => events.push(event),
    maxKeys: 1_000,
  })
  const count = (app: string | undefined, request: Partial<CountedRequest> = {}) =>
    counter.count({
      key: { id: 'key_1', owner: 'acme', name: 'one' },
      ...{ route: 'GET /', status: 200, isRefused: false, credits: 0 },
      app: app === undefined ? undefined : { name: app, label: null },
      ...request,
    })
  const day = { from: new Date(clock.now() - 86_400_000), to: new Date(clock.now() + 86_400_000) }
  const rows = (by: UsageRow['by'], interval: UsageRow['interval'] = 'day') =>
    usage.readUsage({ ...day, interval, by, scopes: [{ kind: 'all' }], limit: 100_000 })
  const total = async () => (await rows('none')).reduce((sum, { requests }) => sum + requests, 0)
  return { clock, counter, count, rows, total, events, batches }
}

describe('counting requests', () => {
  it('162: gives a busy app a row of its own in a flood of 100,000 invented names a minute, and bounds the rows', async () => {
    const { clock, counter, count, rows, total } = countWith()
    let invented = 0
    for (let flush = 0; flush < 24; flush += 1) {
      for (let request = 0; request < 8_334; request += 1) count(`https://junk.example/${invented++}`)
      if (flush >= 3) for (let request = 0; request < 200; request += 1) count('https://busy.example/')
      await counter.flush()
      clock.advance(5_000)
    }
    const apps = await rows('app')
    const requests = (name: string) => apps.find((row) => row.name === name)?.requests ?? 0
    expect(requests('https://busy.example/')).toBe(21 * 200)
    expect(requests('other')).toBeGreaterThan(24 * 8_334 - 100)
    expect(apps.length).toBeLessThanOrEqual(20 * 2 + 2)
    expect(await total()).toBe(24 * 8_334 + 21 * 200)
    expect(apps.reduce((sum, row) => sum + row.requests, 0)).toBe(await total())
  }, 60_000)

  it('162: bounds a day of invented names too, however many requests each has', async () => {
    const { clock, counter, count, rows } = countWith()
    for (let minute = 0; minute < 60; minute += 1) {
      for (let name = 0; name < 50; name += 1)
        for (let request = 0; request < 10; request += 1) count(`https://junk.example/${minute}/${name}`)
      await counter.flush()
      clock.advance(60_000)
    }
    expect((await rows('app')).length).toBeLessThanOrEqual(601)
  })

  it('counts keys together beyond a number between two flushes, and loses none of their requests', async () => {
    const { counter, count, rows, total, events } = countWith()
    for (let key = 0; key < 1_200; key += 1)
      count(undefined, { key: { id: `key_${key}`, owner: `owner ${key % 3}`, name: 'one' }, route: '' })
    await counter.flush()
    expect(await total()).toBe(1_200)
    const keys = await rows('key')
    expect(keys.find(({ name }) => name === 'other')?.requests).toBe(200 + 1_000 - 20)
    expect(events).toEqual([])
  })

  it('230: sends a batch whose answer was lost again, and it counts once', async () => {
    let calls = 0
    const { counter, count, total, events, batches } = countWith((usage) => ({
      async addUsage(batch) {
        await usage.addUsage(batch)
        calls += 1
        if (calls <= 2) throw new StoreUnavailableError('lost')
      },
    }))
    count('app')
    await counter.flush()
    count('app')
    await counter.flush()
    await counter.flush()
    expect(await total()).toBe(2)
    expect(batches[1]).toBe(batches[0])
    expect(events.map((event) => event.type)).toEqual(['degraded', 'recovered'])
    expect(events[0]).toMatchObject({ part: 'usage' })
  })

  it('239: keeps half an hour for a store that is away, and says how many older requests it has dropped', async () => {
    let isAway = true
    const { clock, counter, count, total, events } = countWith((usage) => ({
      async addUsage(batch) {
        if (isAway) throw new StoreUnavailableError('away')
        await usage.addUsage(batch)
      },
    }))
    count('app')
    await counter.flush()
    for (let minute = 0; minute < 45; minute += 1) {
      clock.advance(60_000)
      count('app')
    }
    isAway = false
    await counter.flush()
    await counter.flush()
    const dropped = events.reduce((sum, event) => sum + (event.type === 'usage_dropped' ? event.requests : 0), 0)
    expect(dropped).toBe(15)
    expect((await total()) + dropped).toBe(46)
  })

  it('239: counts while the store hangs, and waits for nobody', async () => {
    let release = () => {}
    const { counter, count, total } = countWith((usage) => ({
      async addUsage(batch) {
        await new Promise<void>((resolve) => {
          release = resolve
        })
        await usage.addUsage(batch)
      },
    }))
    count('app')
    const flushed = counter.flush()
    await new Promise((resolve) => setImmediate(resolve))
    for (let request = 0; request < 1_000; request += 1) count('app')
    expect(await total()).toBe(0)
    release()
    const rest = setInterval(() => release(), 1)
    await flushed
    await counter.flush()
    clearInterval(rest)
    expect(await total()).toBe(1_001)
  })

  it('writes each request into its minute, hour and day', async () => {
    const { clock, counter, count, rows } = countWith()
    count('app')
    clock.advance(61_000)
    count('app')
    clock.advance(3_600_000)
    count('app')
    await counter.flush()
    const found = async (interval: UsageRow['interval']) => (await rows('none', interval)).map((row) => row.requests)
    expect(await found('minute')).toEqual([1, 1, 1])
    expect(await found('hour')).toEqual([2, 1])
    expect(await found('day')).toEqual([3])
  })

  it('tells what it could not write when it is closed', async () => {
    const { counter, count, events } = countWith(() => ({
      addUsage: async () => {
        throw new StoreUnavailableError('away')
      },
    }))
    count('app')
    await counter.close()
    expect(events.at(-1)).toEqual({ type: 'usage_dropped', requests: 1 })
  })
})
