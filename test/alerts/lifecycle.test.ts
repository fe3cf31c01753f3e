import { ConfigError, InvalidInputError, type Keyward, memory, NotFoundError, StoreConflictError } from 'keyward'
import { describe, expect, it } from 'vitest'
import { putting, sampleKey } from '../../src/testing/key-store/samples.ts'
import { storeKinds } from '../store-kinds.ts'
import { headWith } from '../visit.ts'
import { DAY_MS, NOW, openKit, toldOf } from './alert-kit.ts'

const at = (ms: number) => new Date(NOW + ms)
const ada = { actor: { id: 'ada', owner: 'acme', scopes: ['*'] }, address: '192.0.2.1', requestId: 'req_1' }

describe.each(storeKinds)('alerts in %s', (_, create) => {
  it('open for a key that ends within 7 days, once, and resolve when it is prolonged', async () => {
    const { keyward, clock, events, pass, only, states } = openKit(create)
    const { id, apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a', expiresAt: at(8 * DAY_MS) })
    await pass(1)
    expect(await states()).toEqual([])
    clock.advance(DAY_MS)
    await pass(5)
    expect(await only()).toMatchObject({
      ...{ owner: 'acme', keyId: id, kind: 'expiry_near', state: 'open', acknowledgedAt: null, resolvedAt: null },
      details: { expiresAt: at(8 * DAY_MS).toISOString() },
    })
    expect(JSON.stringify(await only())).not.toContain(apiKey)
    await keyward.keys.update(id, { expiresAt: at(30 * DAY_MS) })
    await pass(1)
    expect(await only()).toMatchObject({ state: 'resolved', resolvedAt: new Date(clock.now()) })
    expect(toldOf(events)).toEqual(['alert_opened expiry_near', 'alert_resolved expiry_near'])
  })

  it('open for a key of more than 90 days, and resolve when it is rotated: the new key has an age of its own', async () => {
    const { keyward, clock, pass, states } = openKit(create)
    const { id } = await keyward.keys.create({ owner: 'acme', name: 'a' })
    clock.advance(90 * DAY_MS)
    await pass(2)
    expect(await states()).toEqual(['rotation_due open'])
    await keyward.keys.rotate(id, { graceSeconds: 86_400 })
    await pass(2)
    expect(await states()).toEqual(['rotation_due resolved'])
    clock.advance(89 * DAY_MS)
    await pass(1)
    expect(await states()).toEqual(['rotation_due resolved'])
  })

  it('resolve when the key is revoked, or purged', async () => {
    const { keyward, pass, states } = openKit(create)
    const keys = await Promise.all(
      ['a', 'b'].map((name) => keyward.keys.create({ owner: 'acme', name, expiresAt: at(DAY_MS) })),
    )
    await pass(1)
    expect(await states()).toEqual(['expiry_near open', 'expiry_near open'])
    await keyward.keys.revoke(keys[0]?.id ?? '')
    await keyward.keys.purge(keys[1]?.id ?? '')
    await pass(1)
    expect(await states()).toEqual(['expiry_near resolved', 'expiry_near resolved'])
  })

  it('open when a request leaves fewer credits than were set, or finds too few, once', async () => {
    const { keyward, events, pass, only } = openKit(create, { alerts: { creditsBelow: 100 } })
    const { id, apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a' })
    await keyward.credits.set({ owner: 'acme' }, { balance: 105 })
    await spend(keyward, apiKey, 5)
    await pass(1)
    expect(toldOf(events)).toEqual([])
    for (let each = 0; each < 3; each++) {
      await spend(keyward, apiKey, 40)
      await pass(1)
    }
    expect(await only()).toMatchObject({
      ...{ kind: 'credits_low', state: 'open', keyId: null, owner: 'acme' },
      details: { balance: 60, below: 100, account: 'owner' },
    })
    expect(await only()).not.toMatchObject({ keyId: id })
    expect(toldOf(events)).toEqual(['alert_opened credits_low'])
  })

  it('are about the key where each has credits of its own', async () => {
    const { keyward, pass, only } = openKit(create, { alerts: { creditsBelow: 100 }, credits: { account: 'key' } })
    const { id, apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a', credits: 3 })
    await spend(keyward, apiKey, 5)
    await pass(1)
    expect(await only()).toMatchObject({ kind: 'credits_low', keyId: id, details: { balance: 3, account: 'key' } })
    await keyward.credits.topUp({ keyId: id }, { amount: 1_000 })
    await pass(1)
    expect(await only()).toMatchObject({ state: 'resolved' })
  })

  it('about credits resolve at once a tenth above what was set, and below that after 15 minutes above it', async () => {
    const { keyward, pass, states } = openKit(create, { alerts: { creditsBelow: 100 } })
    const pool = { owner: 'acme' }
    const { apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a' })
    await keyward.credits.set(pool, { balance: 100 })
    await spend(keyward, apiKey, 1)
    await pass(1)
    await keyward.credits.set(pool, { balance: 105 })
    await pass(15)
    await keyward.credits.set(pool, { balance: 99 })
    await pass(1)
    await keyward.credits.set(pool, { balance: 105 })
    await pass(15)
    expect(await states()).toEqual(['credits_low open'])
    await pass(1)
    expect(await states()).toEqual(['credits_low resolved'])
  })

  it('are acknowledged and snoozed, with an audit entry each, and open again when the time is over', async () => {
    const { keyward, clock, events, pass, only } = openKit(create)
    const { id: keyId } = await keyward.keys.create({ owner: 'acme', name: 'a', expiresAt: at(6 * DAY_MS) })
    await pass(1)
    const { id } = await only()
    const acknowledged = await keyward.alerts.acknowledge(id, ada)
    expect(acknowledged).toMatchObject({
      state: 'acknowledged',
      acknowledgedBy: 'ada',
      acknowledgedAt: new Date(clock.now()),
    })
    expect(await keyward.alerts.acknowledge(id)).toEqual(acknowledged)
    await pass(5)
    expect(await keyward.alerts.get(id)).toEqual(acknowledged)
    const until = new Date(clock.now() + 10 * 60_000)
    expect(await keyward.alerts.snooze(id, { until }, ada)).toMatchObject({ state: 'snoozed', snoozedUntil: until })
    await pass(9)
    expect(await only()).toMatchObject({ state: 'snoozed' })
    await pass(1)
    expect(await only()).toMatchObject({ state: 'open', snoozedUntil: null, acknowledgedBy: 'ada' })
    expect(toldOf(events)).toEqual(['alert_opened expiry_near', 'alert_opened expiry_near'])
    const { items } = await keyward.audit.list({ owner: 'acme', keyId })
    expect(items.slice(0, 2)).toMatchObject([
      {
        action: 'alert.snoozed',
        actor: 'ada',
        details: { alertId: id, before: 'acknowledged', until: until.toISOString() },
      },
      {
        action: 'alert.acknowledged',
        actor: 'ada',
        address: '192.0.2.1',
        requestId: 'req_1',
        details: { before: 'open' },
      },
    ])
    expect(await keyward.audit.verify({ owner: 'acme' })).toMatchObject({ isIntact: true })
  })

  it('resolve while they are snoozed, and are then changed no more', async () => {
    const { keyward, clock, pass, only } = openKit(create)
    const key = await keyward.keys.create({ owner: 'acme', name: 'a', expiresAt: at(DAY_MS) })
    await pass(1)
    const { id } = await only()
    await keyward.alerts.snooze(id, { until: new Date(clock.now() + 60_000) })
    await keyward.keys.revoke(key.id)
    await pass(2)
    expect(await only()).toMatchObject({ state: 'resolved', snoozedUntil: null })
    await expect(keyward.alerts.acknowledge(id)).rejects.toThrow(StoreConflictError)
    await expect(keyward.alerts.snooze(id, { until: at(DAY_MS) })).rejects.toThrow(StoreConflictError)
  })

  it('belong to their owner: for actors of others they are not there', async () => {
    const { keyward, pass, only } = openKit(create)
    await keyward.keys.create({ owner: 'other', name: 'a', expiresAt: at(DAY_MS) })
    await pass(1)
    const { id } = await only()
    const until = at(DAY_MS)
    expect((await keyward.alerts.list({}, ada)).items).toEqual([])
    await expect(keyward.alerts.list({ owner: 'other' }, ada)).rejects.toThrow(NotFoundError)
    await expect(keyward.alerts.get(id, ada)).rejects.toThrow(NotFoundError)
    await expect(keyward.alerts.acknowledge(id, ada)).rejects.toThrow(NotFoundError)
    await expect(keyward.alerts.snooze(id, { until }, ada)).rejects.toThrow(NotFoundError)
    const admin = { actor: { id: 'root', owner: null, scopes: ['*'] } }
    expect((await keyward.alerts.list({ owner: 'other' }, admin)).items).toHaveLength(1)
    expect(await only()).toMatchObject({ state: 'open' })
  })

  it('are listed page by page', async () => {
    const { keyward, pass } = openKit(create)
    const names = ['a', 'b', 'c', 'd', 'e']
    for (const name of names) await keyward.keys.create({ owner: 'acme', name, expiresAt: at(DAY_MS) })
    await pass(1)
    const first = await keyward.alerts.list({ limit: 3, state: 'open' })
    const rest = await keyward.alerts.list({
      limit: 3,
      state: 'open',
      ...(first.nextCursor && { cursor: first.nextCursor }),
    })
    expect([first.items.length, rest.items.length, rest.nextCursor]).toEqual([3, 2, null])
    expect(new Set([...first.items, ...rest.items].map(({ keyId }) => keyId)).size).toBe(5)
  })

  it('are found in more keys than one check looks at, each once', async () => {
    const { keyward, store, states } = openKit(create)
    await keyward.keys.list()
    const old = new Date(NOW - 91 * DAY_MS)
    for (let page = 0; page < 27; page++)
      await store.commit(
        Array.from({ length: 200 }, (_each, index) => {
          const isOld = page % 9 === 0 && index === 0
          return putting(sampleKey({ createdAt: isOld ? old : at(0) }), 0)
        }),
      )
    await keyward.alerts.check()
    const early = (await states()).length
    await keyward.alerts.check()
    await keyward.alerts.check()
    expect(await states()).toEqual(Array(3).fill('rotation_due open'))
    expect(early).toBeLessThanOrEqual(3)
  })

  it('that are resolved are kept for 90 days', async () => {
    const { keyward, clock, pass, states } = openKit(create)
    const { id } = await keyward.keys.create({ owner: 'acme', name: 'a', expiresAt: at(DAY_MS) })
    await pass(1)
    await keyward.keys.revoke(id)
    await pass(1)
    clock.advance(90 * DAY_MS)
    await keyward.alerts.check()
    expect(await states()).toEqual(['expiry_near resolved'])
    await pass(1)
    expect(await states()).toEqual([])
  })
})

describe('input about alerts', () => {
  it('is checked', async () => {
    const { keyward, pass, only } = openKit((clock) => memory({ losesDataOnExit: true, clock }))
    await keyward.keys.create({ owner: 'acme', name: 'a', expiresAt: at(DAY_MS) })
    await pass(1)
    const { id } = await only()
    for (const until of [at(0), at(-1), at(100 * DAY_MS), new Date('x'), 'tomorrow' as never])
      await expect(keyward.alerts.snooze(id, { until }), String(until)).rejects.toThrow(InvalidInputError)
    for (const input of [{ limit: 0 }, { limit: 101 }, { cursor: 'x' }, { state: 'closed' }, { kind: 'x' }])
      await expect(keyward.alerts.list(input as never), JSON.stringify(input)).rejects.toThrow(InvalidInputError)
    for (const unknown of ['', 'alert_', `${id}x`, '../alerts', undefined as never])
      await expect(keyward.alerts.get(unknown)).rejects.toThrow(NotFoundError)
  })

  it.each([
    [{ rotationAgeDays: 0 }, 'alerts'],
    [{ expiryWithinDays: 1.5 }, 'alerts'],
    [{ creditsBelow: 0 }, 'alerts'],
    [{ webhook: { url: 'http://example.com/', secret: `whsec_${btoa('x'.repeat(24))}` } }, 'alerts'],
    [{ webhook: { url: 'https://a:b@example.com/', secret: `whsec_${btoa('x'.repeat(24))}` } }, 'alerts'],
    [{ webhook: { url: 'https://example.com/', secret: `whsec_${btoa('x'.repeat(23))}` } }, 'alerts'],
    [{ webhook: { url: 'https://example.com/', secret: 'secret' } }, 'alerts'],
  ])('of createKeyward is checked, and no secret is in the message: %j', (alerts, option) => {
    const open = () => openKit((clock) => memory({ losesDataOnExit: true, clock }), { alerts: alerts as never })
    expect(open).toThrow(ConfigError)
    expect(open).toThrow(option)
    expect(open).not.toThrow(/whsec_[A-Za-z0-9]|b@/)
  })
})

describe('a keyward without alerts', () => {
  it('has those that are there, and watches nothing, where they are switched off', async () => {
    const { keyward } = openKit((clock) => memory({ losesDataOnExit: true, clock }), { alerts: false })
    await keyward.keys.create({ owner: 'acme', name: 'a', expiresAt: at(DAY_MS) })
    await expect(keyward.alerts.check()).rejects.toThrow(ConfigError)
    expect((await keyward.alerts.list()).items).toEqual([])
  })

  it('says so where its store keeps none', async () => {
    const { keyward } = openKit((clock) => {
      const { alerts: _, ...store } = memory({ losesDataOnExit: true, clock })
      return store
    })
    await expect(keyward.alerts.list()).rejects.toThrow(ConfigError)
    await expect(keyward.alerts.check()).rejects.toThrow(ConfigError)
  })
})

/** Lets a request take credits, as far as there are any. */
async function spend(keyward: Keyward, apiKey: string, credits: number): Promise<void> {
  const context = keyward.receive(headWith(apiKey))
  const route = keyward.route({ credits })
  await keyward.admit(context, route)
  await keyward.begin(context, route)
}
