import type { KeyStore, UsageRow, UsageStore } from 'keyward'
import { requireKey } from 'keyward/fetch'
import { describe, expect, it } from 'vitest'
import { createBusyKeys } from '../../src/alerts/busy-keys.ts'
import { createSpikeCheck } from '../../src/alerts/spike-check.ts'
import { storeKinds } from '../store-kinds.ts'
import { type AlertKit, HOUR_MS, MINUTE_MS, NOW, openKit, toldOf } from './alert-kit.ts'

/** What a key did in a minute or an hour. */
interface Done {
  readonly at: number
  readonly requests: number
  readonly errors?: number
}

/** Writes usage of a key as the usage room does. */
async function write(
  store: KeyStore,
  keyId: string,
  interval: 'minute' | 'hour',
  done: readonly Done[],
): Promise<void> {
  const usage = store.usage as UsageStore
  const rows = done.flatMap(({ at, requests, errors = 0 }): UsageRow[] => {
    const counts = { requests, refused: 0, succeeded: requests - errors, redirected: 0, clientErrors: errors }
    const row = { ...counts, serverErrors: 0, credits: 0, interval, at: new Date(at), label: null }
    const ofKey = { ...row, scope: { kind: 'key', keyId }, by: 'none', name: '', owner: 'acme' } as const
    return [ofKey, { ...row, scope: { kind: 'all' }, by: 'key', name: keyId, owner: null }]
  })
  for (let start = 0; start < rows.length; start += 1_000)
    await usage.addUsage({
      writer: crypto.randomUUID(),
      sequence: 1,
      at: new Date(NOW),
      rows: rows.slice(start, start + 1_000),
    })
}

/** A key that did so much in each hour of the last week. */
async function keyWithPast({ keyward, store }: AlertKit, perHour: number, errors = 0, hours = 167): Promise<string> {
  const { id } = await keyward.keys.create({ owner: 'acme', name: 'a' })
  const past = Array.from({ length: hours }, (_, index) => ({
    at: NOW - (index + 1) * HOUR_MS,
    requests: perHour,
    errors,
  }))
  await write(store, id, 'hour', past)
  return id
}

/** Lets a key do so much in each of some minutes, and evaluates after each. */
async function work({ store, clock, keyward }: AlertKit, keyId: string, minutes: number, requests: number, errors = 0) {
  for (let each = 0; each < minutes; each++) {
    const at = Math.floor(clock.now() / MINUTE_MS) * MINUTE_MS
    await write(store, keyId, 'minute', [{ at, requests, errors }])
    clock.set(at + MINUTE_MS + 15_000)
    await keyward.alerts.check()
  }
}

describe.each(storeKinds)('spikes in %s', (_, create) => {
  it('open when a key leaves its own past, say by how much, and resolve after 15 quiet minutes', async () => {
    const kit = openKit(create, { alerts: { rotationAgeDays: false } })
    const id = await keyWithPast(kit, 1_200)
    await work(kit, id, 10, 20)
    expect(await kit.states()).toEqual([])
    await work(kit, id, 5, 200)
    const alert = await kit.only()
    expect(alert).toMatchObject({
      ...{ kind: 'rate_spike', state: 'open', keyId: id, owner: 'acme' },
      details: { expected: 100, opensAbove: 400, clearsBelow: 200, unit: 'requests per 5 minutes' },
    })
    expect(alert.details['observed']).toBeGreaterThan(400)
    const series = alert.details['series'] as readonly { at: string; value: number }[]
    expect(series).toHaveLength(12)
    expect(series.at(-1)?.value).toBe(alert.details['observed'])
    expect(new Date(series[0]?.at ?? '').getTime()).toBe(new Date(series[1]?.at ?? '').getTime() - 5 * MINUTE_MS)
    // Between the two thresholds it is neither a spike nor over.
    await work(kit, id, 30, 50)
    expect(await kit.states()).toEqual(['rate_spike open'])
    await work(kit, id, 15, 20)
    expect(await kit.states()).toEqual(['rate_spike open'])
    await work(kit, id, 4, 20)
    expect(await kit.states()).toEqual(['rate_spike resolved'])
    expect(toldOf(kit.events)).toEqual(['alert_opened rate_spike', 'alert_resolved rate_spike'])
  })

  it('do not flap where the rate goes up and down around the threshold', async () => {
    const kit = openKit(create, { alerts: { rotationAgeDays: false } })
    const id = await keyWithPast(kit, 1_200)
    for (let each = 0; each < 8; each++) await work(kit, id, 5, each % 2 === 0 ? 100 : 10)
    expect(toldOf(kit.events)).toEqual(['alert_opened rate_spike'])
  })

  it('open by errors, and not by the rate, where requests begin to fail', async () => {
    const kit = openKit(create, { alerts: { rotationAgeDays: false } })
    const id = await keyWithPast(kit, 1_200, 12)
    await work(kit, id, 5, 20, 1)
    expect(await kit.states()).toEqual([])
    await work(kit, id, 5, 20, 10)
    expect(await kit.only()).toMatchObject({
      ...{ kind: 'error_spike', keyId: id, details: { expected: 0.01, opensAbove: 0.26, unit: 'share of errors' } },
      reason: expect.stringMatching(
        /^\d+ % of the requests of 5 minutes failed, where its last 7 days let expect 1 %\.$/,
      ),
    })
    await work(kit, id, 25, 20, 0)
    expect(await kit.states()).toEqual(['error_spike resolved'])
  })

  it('are no business of a key without a past of 24 hours', async () => {
    const kit = openKit(create, { alerts: { rotationAgeDays: false } })
    const id = await keyWithPast(kit, 1_200, 0, 20)
    await work(kit, id, 6, 5_000, 2_500)
    expect(await kit.states()).toEqual([])
  })

  it('are no business of a key that works in bursts, as it always has', async () => {
    const kit = openKit(create, { alerts: { rotationAgeDays: false } })
    const id = await keyWithPast(kit, 1_200)
    const bursts = Array.from({ length: 46 }, (_each, index) => ({ at: NOW - (index + 1) * HOUR_MS, requests: 1_200 }))
    await write(kit.store, id, 'minute', bursts)
    await work(kit, id, 1, 1_200)
    await work(kit, id, 6, 0)
    expect(await kit.states()).toEqual([])
    await work(kit, id, 1, 2_500)
    expect(await kit.states()).toEqual(['rate_spike open'])
  })

  it('are seen in real requests, as usage counts them, though their share of all is small', async () => {
    const kit = openKit(create, { alerts: { rotationAgeDays: false, minimumRequests: 30, minimumErrors: 5 } })
    const { keyward, clock, store } = kit
    const { id, apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a' })
    const hours = Array.from({ length: 100 }, (_, index) => ({ at: NOW - (index + 1) * HOUR_MS, requests: 10 }))
    await write(store, id, 'hour', hours)
    const handle = requireKey(keyward)(() => new Response('no', { status: 500 }))
    const headers = { authorization: `Bearer ${apiKey}` }
    for (let each = 0; each < 31; each++) await (await handle(new Request('http://api.test/', { headers }))).text()
    await keyward.usage.flush()
    expect(await kit.states()).toEqual([])
    await kit.pass(2)
    expect((await kit.states()).toSorted()).toEqual(['error_spike open', 'rate_spike open'])
    const { items } = await keyward.alerts.list()
    expect(items.map(({ details }) => details['observed'])).toEqual(expect.arrayContaining([31, 1]))
    expect(clock.now()).toBe(NOW + 2 * MINUTE_MS)
  })

  it('are found for keys that only this process knows to be busy, whatever else there is', async () => {
    const kit = openKit(create, { alerts: { rotationAgeDays: false } })
    const { store, clock } = kit
    const id = await keyWithPast(kit, 1_200)
    const floors = { requests: 300, errors: 20 }
    const busy = createBusyKeys(floors)
    const usage = store.usage as UsageStore
    const check = createSpikeCheck(store, usage, floors, busy)
    const watched = busy.watch(usage)
    for (let minute = 0; minute < 5; minute++) {
      const at = Math.floor(clock.now() / MINUTE_MS) * MINUTE_MS
      await write({ ...store, usage: watched }, id, 'minute', [{ at, requests: 200 }])
      clock.set(at + MINUTE_MS + 15_000)
    }
    expect(await check.findSpikes(clock.now(), false)).toMatchObject([{ kind: 'rate_spike', keyId: id }])
    const elsewhere = createSpikeCheck(store, usage, floors, createBusyKeys(floors))
    expect(await elsewhere.findSpikes(clock.now(), false)).toEqual([])
    expect(await elsewhere.findSpikes(clock.now(), true)).toHaveLength(1)
    expect(busy.list(clock.now() + 10 * MINUTE_MS, 100)).toEqual([])
  })

  it('are not looked for where usage is not counted', async () => {
    const kit = openKit(create, { alerts: { rotationAgeDays: false }, usage: false })
    const id = await keyWithPast(kit, 1_200)
    await work(kit, id, 6, 5_000)
    expect(await kit.states()).toEqual([])
  })
})
