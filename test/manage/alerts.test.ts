import { memory } from 'keyward'
import { createTestClock } from 'keyward/testing'
import { describe, expect, it } from 'vitest'
import { openDesk } from './desk.ts'
import { mountNames, mounts } from './mounts.ts'

const NOW = Date.UTC(2026, 0, 1)
const HOUR_MS = 3_600_000

describe.each(mountNames)('the alert routes on %s', (name) => {
  async function open() {
    const clock = createTestClock(NOW)
    const desk = await openDesk({ mount: mounts[name], store: memory({ losesDataOnExit: true, clock }) })
    const expiresAt = new Date(NOW + HOUR_MS)
    const keys = []
    for (const owner of ['acme', 'acme', 'other'])
      keys.push(await desk.keyward.keys.create({ owner, name: 'a', expiresAt }))
    await desk.keyward.alerts.check()
    return { ...desk, clock, keys }
  }

  it('list alerts by filters, page by page, and show one', async () => {
    const { send, keys } = await open()
    const first = await send('acme', 'GET', '/alerts?limit=1')
    expect(first.status).toBe(200)
    expect(first.headers.get('cache-control')).toBe('no-store')
    const [alert] = first.body.items
    expect(alert).toEqual({
      ...{ id: expect.stringMatching(/^alert_/), owner: 'acme', keyId: expect.stringMatching(/^key_/) },
      ...{ kind: 'expiry_near', state: 'open', reason: expect.stringMatching(/^The key expires at 2026-01-01T01:00/) },
      details: { expiresAt: '2026-01-01T01:00:00.000Z', daysLeft: 0 },
      ...{ openedAt: '2026-01-01T00:00:00.000Z', acknowledgedAt: null, acknowledgedBy: null, snoozedUntil: null },
      resolvedAt: null,
    })
    const next = await send('acme', 'GET', `/alerts?limit=1&cursor=${encodeURIComponent(first.body.nextCursor)}`)
    expect(next.body).toMatchObject({ items: [{ owner: 'acme' }], nextCursor: null })
    expect((await send('acme', 'GET', `/alerts/${alert.id}`)).body).toEqual(alert)
    expect((await send('admin', 'GET', '/alerts')).body.items).toHaveLength(3)
    expect((await send('admin', 'GET', `/alerts?keyId=${keys[2]?.id}`)).body.items).toHaveLength(1)
    expect((await send('acme', 'GET', `/alerts?keyId=${keys[2]?.id}`)).body.items).toEqual([])
    expect((await send('admin', 'GET', '/alerts?state=resolved')).body.items).toEqual([])
    for (const query of ['state=closed', 'limit=101', 'limit=x', 'cursor=x', 'kind=new_network'])
      expect((await send('admin', 'GET', `/alerts?${query}`)).status, query).toBe(422)
    for (const id of ['alert_1', 'x', `${alert.id}x`, keys[0]?.id])
      expect((await send('admin', 'GET', `/alerts/${id}`)).status, id).toBe(404)
  })

  it('acknowledge and snooze, by the actor, until it is resolved', async () => {
    const { send, keyward } = await open()
    const [{ id, keyId }] = (await send('acme', 'GET', '/alerts')).body.items
    const acknowledged = await send('acme', 'POST', `/alerts/${id}/acknowledge`)
    expect(acknowledged.status).toBe(200)
    expect(acknowledged.body).toMatchObject({ state: 'acknowledged', acknowledgedBy: 'acme-admin' })
    const until = '2026-01-01T02:00:00+01:00'
    const snoozed = await send('acme', 'POST', `/alerts/${id}/snooze`, { until })
    expect(snoozed.body).toMatchObject({ state: 'snoozed', snoozedUntil: '2026-01-01T01:00:00.000Z' })
    for (const body of [{}, { until: 'tomorrow' }, { until: '2025-01-01T00:00:00Z' }, { until, state: 'open' }])
      expect((await send('acme', 'POST', `/alerts/${id}/snooze`, body)).status, JSON.stringify(body)).toBe(422)
    await keyward.keys.revoke(keyId)
    await keyward.alerts.check()
    expect((await send('acme', 'POST', `/alerts/${id}/acknowledge`)).status).toBe(409)
    expect((await send('acme', 'POST', `/alerts/${id}/snooze`, { until })).status).toBe(409)
    const { items } = await keyward.audit.list({ owner: 'acme', action: 'alert.snoozed' })
    expect(items).toMatchObject([{ actor: 'acme-admin', keyId, requestId: snoozed.headers.get('x-request-id') }])
  })
})
