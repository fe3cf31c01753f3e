import { type Actor, InvalidInputError, NotFoundError } from 'keyward'
import { createTestClock, createTestKeyward } from 'keyward/testing'
import { describe, expect, it } from 'vitest'
import { storeKinds } from '../store-kinds.ts'

const acme: Actor = { id: 'acme-admin', owner: 'acme', scopes: ['*'] }

describe.each(storeKinds)('reading usage, over %s', (_, createStore) => {
  async function desk() {
    const clock = createTestClock()
    const { keyward, createKey, ...rest } = createTestKeyward({ store: createStore(clock) }, clock)
    await keyward.ready()
    const key = await createKey({ owner: 'acme', name: 'of acme' })
    const foreign = await createKey({ owner: 'other', name: 'of another' })
    const use = async ({ apiKey }: { apiKey: string }, times: number, headers: Record<string, string> = {}) => {
      for (let index = 0; index < times; index += 1)
        await keyward.authenticate({ ...headers, authorization: `Bearer ${apiKey}` })
      await keyward.usage.flush()
    }
    return { ...rest, clock, keyward, createKey, key, foreign, use }
  }

  it('shows an actor of one owner that owner’s, and nothing of another’s', async () => {
    const { keyward, key, foreign, use } = await desk()
    await use(key, 2)
    await use(foreign, 3)
    const context = { actor: acme }
    expect((await keyward.usage.read({}, context)).totals.requests).toBe(2)
    expect((await keyward.usage.read({})).totals.requests).toBe(5)
    const { groups, overhead } = await keyward.usage.read({ by: 'key' }, context)
    expect(groups.map(({ name, label, requests }) => [name, label, requests])).toEqual([[key.id, 'of acme', 2]])
    expect(overhead).toBeNull()
    const refused = [
      { owner: 'other' },
      { keyIds: [foreign.id] },
      { keyIds: [key.id, foreign.id] },
      { keyIds: ['key_none'] },
    ]
    for (const input of refused) await expect(keyward.usage.read(input, context)).rejects.toThrow(NotFoundError)
    await expect(keyward.usage.rankings({ owner: 'other' }, context)).rejects.toThrow(NotFoundError)
    await expect(keyward.usage.read({ keyIds: [key.id], owner: 'other' })).rejects.toThrow(NotFoundError)
  })

  it('says how long checks took, of one in sixteen, to whoever acts for every owner', async () => {
    const { keyward, key, use } = await desk()
    expect((await keyward.usage.read()).overhead).toBeNull()
    await use(key, 64)
    const { overhead } = await keyward.usage.read()
    // The clock of this test stands still: each took no time at all, which is at most the smallest bound.
    expect(overhead).toEqual({ p50Microseconds: 0.1, p95Microseconds: 0.1, requests: 4 })
    await keyward.authenticate({ authorization: 'Bearer sk_unknown' })
    await use(key, 64)
    expect((await keyward.usage.read()).overhead?.requests).toBe(8)
    expect((await keyward.usage.read({ owner: 'acme' })).overhead).toBeNull()
    expect((await keyward.usage.read({}, { actor: acme })).overhead).toBeNull()
  })

  it('reads keys one by one, with a group and a series for each', async () => {
    const { keyward, key, foreign, use, createKey } = await desk()
    const another = await createKey({ owner: 'acme', name: 'unused' })
    await use(key, 2)
    await use(foreign, 3)
    const input = { keyIds: [key.id, foreign.id, another.id], by: 'key' as const }
    const { totals, groups } = await keyward.usage.read(input)
    expect(totals.requests).toBe(5)
    expect(groups.map(({ name, requests }) => [name, requests])).toEqual([
      [foreign.id, 3],
      [key.id, 2],
      [another.id, 0],
    ])
    expect(groups[0]?.series.map(({ requests }) => requests).filter(Boolean)).toEqual([3])
  })

  it('chooses minutes, hours or days by the length, and fills gaps with zeros', async () => {
    const { keyward, key, clock, use } = await desk()
    const start = clock.now()
    await use(key, 1)
    clock.advance(3_600_000)
    await use(key, 2)
    const read = async (hours: number) => {
      const to = new Date(start + 2 * 3_600_000)
      return keyward.usage.read({ from: new Date(to.getTime() - hours * 3_600_000), to })
    }
    const minutes = await read(2)
    expect([minutes.interval, minutes.series.length]).toEqual(['minute', 120])
    expect(minutes.series.filter(({ requests }) => requests > 0).map(({ at }) => at.getTime() - start)).toEqual([
      0, 3_600_000,
    ])
    const hours = await read(96)
    expect([hours.interval, hours.series.length]).toEqual(['hour', 96])
    expect(hours.series.slice(-2).map(({ requests }) => requests)).toEqual([1, 2])
    expect((await read(97)).interval).toBe('day')
    expect((await keyward.usage.read()).totals.requests).toBe(3)
  })

  it('refuses more than 1,500 points, an empty stretch, and input that breaks a rule', async () => {
    const { keyward, clock } = await desk()
    const to = new Date(clock.now())
    const refused = [
      { interval: 'minute', from: new Date(clock.now() - 1_501 * 60_000), to },
      { from: to, to },
      { limit: 0 },
      { limit: 101 },
      { keyIds: [] },
      { keyIds: Array.from({ length: 101 }, (_, index) => `key_${index}`) },
      { from: new Date(Number.NaN) },
      { by: 'owner' },
      { nonsense: 1 },
    ]
    for (const input of refused)
      await expect(keyward.usage.read(input as object), JSON.stringify(input)).rejects.toThrow(InvalidInputError)
    const most = { interval: 'minute', from: new Date(clock.now() - 1_500 * 60_000), to } as const
    expect((await keyward.usage.read(most)).series).toHaveLength(1_500)
  })

  it('ranks apps by requests, with their keys and how much they have grown', async () => {
    const { keyward, key, foreign, clock, use } = await desk()
    const app = (referer: string, title?: string) => ({ referer, ...(title !== undefined && { 'x-title': title }) })
    await use(key, 2, app('https://grown.example/', 'Grown'))
    clock.advance(86_400_000)
    await use(key, 2, app('https://grown.example/?a', 'Grown up'))
    await use(foreign, 1, app('https://grown.example/'))
    await use(foreign, 1, app('https://new.example/'))
    await use(key, 9)
    const to = new Date(clock.now() + 3_600_000)
    const from = new Date(to.getTime() - 86_400_000)
    const { items } = await keyward.usage.rankings({ from, to })
    const none = { credits: 0, change: null, previousRequests: 0 }
    expect(items).toEqual([
      {
        ...{ rank: 1, app: 'https://grown.example/', referer: 'https://grown.example/', title: 'Grown up' },
        ...{ requests: 3, credits: 0, keys: 2, previousRequests: 2, change: 0.5 },
      },
      {
        ...{ rank: 2, app: 'https://new.example/', referer: 'https://new.example/', title: null },
        ...{ requests: 1, keys: 1, ...none },
      },
    ])
    const own = await keyward.usage.rankings({ from, to }, { actor: acme })
    expect(own.items.map(({ app, requests, keys }) => [app, requests, keys])).toEqual([
      ['https://grown.example/', 2, 1],
    ])
  })

  it('keeps no key and no token that a client puts into what names its app', async () => {
    const { keyward, key, clock, use, createKey } = await desk()
    const secret = (await createKey()).apiKey
    const token = `eyJ${'a'.repeat(20)}.${'b'.repeat(20)}.${'c'.repeat(20)}`
    await use(key, 1, { referer: `https://app.example/${secret}`, 'x-title': `my ${secret}` })
    await use(key, 1, { referer: `https://app.example/${token}`, 'x-title': token })
    await use(key, 1, { referer: `https://app.example/?key=${secret}`, 'x-title': 'clean' })
    const day = { from: new Date(clock.now() - 86_400_000), to: new Date(clock.now() + 86_400_000) }
    const groups = await Promise.all((['key', 'route', 'app'] as const).map((by) => keyward.usage.read({ ...day, by })))
    const shown = JSON.stringify([groups, await keyward.usage.rankings(day)])
    expect(shown).toContain('clean')
    for (const text of [secret, token, key.apiKey]) expect(shown).not.toContain(text)
  })

  it('lets no title pass for another app’s address, or for what is counted together', async () => {
    const { keyward, key, use } = await desk()
    await use(key, 1, { 'x-title': 'https://ppt.video/' })
    await use(key, 1, { 'x-title': 'other' })
    const { groups } = await keyward.usage.read({ by: 'app' })
    expect(groups.map(({ name }) => name)).toEqual(['"https://ppt.video/"', '"other"'])
    const { items } = await keyward.usage.rankings()
    expect(items.map(({ referer }) => referer)).toEqual([null, null])
  })

  it('writes what waits when it is closed', async () => {
    const clock = createTestClock()
    const store = createStore(clock)
    const { keyward, createKey } = createTestKeyward({ store }, clock)
    const { apiKey } = await createKey()
    await keyward.authenticate({ authorization: `Bearer ${apiKey}` })
    await keyward.close()
    await store.open()
    const rows = await store.usage?.readUsage({
      ...{ interval: 'day', by: 'none', scopes: [{ kind: 'all' }], limit: 10 },
      ...{ from: new Date(clock.now() - 86_400_000), to: new Date(clock.now() + 1) },
    })
    await store.close()
    expect(rows?.map(({ requests }) => requests)).toEqual([1])
  })
})
