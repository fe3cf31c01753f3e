import { type AlertStore, createKeyward, type Keyward, memory, StoreUnavailableError } from 'keyward'
import type { createTestClock } from 'keyward/testing'
import { describe, expect, it } from 'vitest'
import { storeKinds } from '../store-kinds.ts'
import { outcomeOf } from '../visit.ts'
import { DAY_MS, NOW, openKit, toldOf } from './alert-kit.ts'

const inMemory = (clock: ReturnType<typeof createTestClock>) => memory({ losesDataOnExit: true, clock })

/** Uses a key from addresses, one after the other. */
async function use(keyward: Keyward, apiKey: string, ...peers: readonly string[]): Promise<void> {
  for (const peer of peers) expect(await outcomeOf(keyward, apiKey, { peer })).toBe('admitted')
}

describe.each(storeKinds)('networks that a key is used from, in %s', (_, create) => {
  it('are noticed from the second one on, though the key is used from there only once', async () => {
    const { keyward, events, only } = openKit(create)
    const { id, apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a' })
    await use(keyward, apiKey, '203.0.113.7', '203.0.113.8', '203.0.113.7')
    await keyward.alerts.check()
    expect((await keyward.alerts.list()).items).toEqual([])
    await use(keyward, apiKey, '198.51.100.9', '203.0.113.7')
    await keyward.alerts.check()
    expect(await only()).toMatchObject({
      ...{ keyId: id, kind: 'new_network', state: 'open', details: { network: '198.51.100.0/24' } },
      reason: 'The key was used for the first time from the network 198.51.100.0/24.',
    })
    expect(JSON.stringify(await only())).not.toContain('198.51.100.9')
    await use(keyward, apiKey, '198.51.100.77', '203.0.113.7', '198.51.100.9')
    await keyward.alerts.check()
    expect(toldOf(events)).toEqual(['alert_opened new_network'])
  })

  it('are remembered across restarts, and shared with what the key was rotated to', async () => {
    const { keyward, store, clock } = openKit(create)
    const { id, apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a' })
    await use(keyward, apiKey, '203.0.113.7')
    await keyward.alerts.check()
    const again = createKeyward({ store, clientAddress: 'peer' })
    const rotated = await again.keys.rotate(id)
    await use(again, rotated.apiKey, '203.0.113.99')
    await again.alerts.check()
    expect((await again.alerts.list()).items).toEqual([])
    await use(again, rotated.apiKey, '2001:db8:5::1')
    await again.alerts.check()
    expect((await again.alerts.list()).items).toMatchObject([
      { keyId: rotated.id, details: { network: '2001:db8:5::/48' } },
    ])
    expect(clock.now()).toBe(NOW)
  })

  it('resolve after 7 days, and when the key is revoked', async () => {
    const { keyward, clock, pass, states } = openKit(create)
    const first = await keyward.keys.create({ owner: 'acme', name: 'a' })
    const second = await keyward.keys.create({ owner: 'acme', name: 'b' })
    await use(keyward, first.apiKey, '203.0.113.7', '198.51.100.9')
    await use(keyward, second.apiKey, '203.0.113.7', '198.51.100.9')
    await keyward.keys.revoke(second.id)
    await pass(2)
    expect((await states()).toSorted()).toEqual(['new_network open', 'new_network resolved'])
    clock.advance(7 * DAY_MS)
    await pass(1)
    expect(await states()).toEqual(['new_network resolved', 'new_network resolved'])
  })

  it('are told apart up to 256 for a key, and once it is said that there are more', async () => {
    const { keyward, events } = openKit(create)
    const { apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a' })
    for (let network = 0; network < 300; network++) {
      await use(keyward, apiKey, `10.${network >> 8}.${network & 255}.1`)
      if (network % 50 === 0) await keyward.alerts.check()
    }
    await keyward.alerts.check()
    for (let network = 0; network < 300; network++) await use(keyward, apiKey, `10.9.${network & 255}.1`)
    await keyward.alerts.check()
    const told = events.filter((event) => event.type === 'alert_opened')
    expect(told.filter(({ alert }) => 'network' in alert.details)).toHaveLength(255)
    expect(told.filter(({ alert }) => 'networks' in alert.details)).toHaveLength(1)
  })
})

describe('networks that a key is used from', () => {
  it('are those that trusted proxies name, and what a client writes in front changes nothing', async () => {
    const { keyward, only } = openKit(inMemory, { clientAddress: { trustedProxies: ['10.0.0.0/8'] } })
    const { apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a' })
    const from = (forwarded: string) =>
      outcomeOf(keyward, apiKey, { peer: '10.0.0.1', headers: { 'X-Forwarded-For': forwarded } })
    for (const forged of ['192.0.2.1, 203.0.113.7', '198.51.100.1, 203.0.113.8', 'junk, 203.0.113.9'])
      await from(forged)
    await keyward.alerts.check()
    expect((await keyward.alerts.list()).items).toEqual([])
    await from('203.0.113.7, 198.51.100.1')
    await keyward.alerts.check()
    expect(await only()).toMatchObject({ details: { network: '198.51.100.0/24' } })
  })

  it('are not looked at where clientAddress is not set, or of requests that were refused', async () => {
    const unset = openKit(inMemory, { clientAddress: undefined })
    const { apiKey } = await unset.keyward.keys.create({ owner: 'acme', name: 'a' })
    await use(unset.keyward, apiKey, '203.0.113.7', '198.51.100.9')
    await unset.keyward.alerts.check()
    expect((await unset.keyward.alerts.list()).items).toEqual([])
    const set = openKit(inMemory)
    const key = await set.keyward.keys.create({ owner: 'acme', name: 'a', addresses: ['203.0.113.0/24'] })
    await use(set.keyward, key.apiKey, '203.0.113.7')
    expect(await outcomeOf(set.keyward, key.apiKey, { peer: '198.51.100.9' })).not.toBe('admitted')
    await set.keyward.alerts.check()
    expect((await set.keyward.alerts.list()).items).toEqual([])
  })

  it('are not looked at where that is switched off', async () => {
    const { keyward } = openKit(inMemory, { alerts: { newNetworks: false } })
    const { apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a' })
    await use(keyward, apiKey, '203.0.113.7', '198.51.100.9')
    await keyward.alerts.check()
    expect((await keyward.alerts.list()).items).toEqual([])
  })

  it('are noticed behind a header of any length, of which no copy keeps a long one', async () => {
    const { keyward, only } = openKit(inMemory, { clientAddress: { trustedProxies: ['10.0.0.0/8'] } })
    const { apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a' })
    for (const client of ['203.0.113.7', '203.0.113.8', '198.51.100.9'])
      await outcomeOf(keyward, apiKey, {
        peer: '10.0.0.1',
        headers: { 'X-Forwarded-For': `${'x'.repeat(8_000)}, ${client}` },
      })
    await keyward.alerts.check()
    expect(await only()).toMatchObject({ details: { network: '198.51.100.0/24' } })
  })

  it('wait for a store that is away, while requests go on, and are then noticed', async () => {
    let isAway = false
    const { keyward, events } = openKit((clock) => {
      const store = inMemory(clock)
      const alerts = store.alerts as AlertStore
      const noteNetworks: AlertStore['noteNetworks'] = async (...note) => {
        if (isAway) throw new StoreUnavailableError('away')
        return alerts.noteNetworks(...note)
      }
      return { ...store, alerts: { ...methodsOf(alerts), noteNetworks } }
    })
    const { apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a' })
    await use(keyward, apiKey, '203.0.113.7')
    await keyward.alerts.check()
    isAway = true
    await use(keyward, apiKey, '198.51.100.9', '203.0.113.7')
    await keyward.alerts.check().catch(() => {})
    isAway = false
    await keyward.alerts.check()
    expect(toldOf(events)).toEqual(['alert_opened new_network'])
    expect(events).toContainEqual(expect.objectContaining({ type: 'degraded', part: 'alerts' }))
    expect(events).toContainEqual({ type: 'recovered', part: 'alerts' })
  })
})

function methodsOf(alerts: AlertStore): AlertStore {
  return {
    openAlerts: (openings) => alerts.openAlerts(openings),
    changeAlert: (change) => alerts.changeAlert(change),
    listAlerts: (query) => alerts.listAlerts(query),
    findAlert: (id) => alerts.findAlert(id),
    removeResolved: (before, limit) => alerts.removeResolved(before, limit),
    noteNetworks: (uses, most) => alerts.noteNetworks(uses, most),
    claimDeliveries: (...claim) => alerts.claimDeliveries(...claim),
    endDelivery: (...end) => alerts.endDelivery(...end),
    takeTurn: (turn) => alerts.takeTurn(turn),
    keepPlace: (name, place) => alerts.keepPlace(name, place),
    findPlace: (name) => alerts.findPlace(name),
  }
}
