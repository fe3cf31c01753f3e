import { type AlertStore, type KeywardEvent, memory, showAlert, verifyWebhook } from 'keyward'
import { createTestClock } from 'keyward/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { type AlertDraft, createAlertBook } from '../../src/alerts/alert-book.ts'
import { createDeliveries } from '../../src/alerts/deliveries.ts'
import { createSender } from '../../src/alerts/webhook.ts'
import { storeKinds } from '../store-kinds.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS, NOW, openKit } from './alert-kit.ts'
import { type Receiver, SECRET, startReceiver } from './receiver.ts'

describe.each(storeKinds)('the webhook of alerts in %s', (_, create) => {
  it('tells what was opened and resolved, signed, as the management API shows it', async () => {
    const receiver = await startReceiver()
    const clock = createTestClock(NOW)
    const { keyward, pass, only } = openKit(
      create,
      { alerts: { webhook: { url: receiver.url, secret: SECRET } } },
      clock,
    )
    await keyward.ready()
    const { id, apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a', expiresAt: new Date(NOW + DAY_MS) })
    await pass(1)
    await receiver.until(1)
    const opened = showAlert(await only())
    await keyward.keys.revoke(id)
    await pass(1)
    await receiver.until(2)
    const [first, second] = receiver.received
    expect(first).toMatchObject({ method: 'POST', url: '/hooks', headers: { 'content-type': 'application/json' } })
    expect(JSON.parse(first?.body ?? '')).toEqual({ type: 'alert.opened', timestamp: opened.openedAt, data: opened })
    const resolved = showAlert(await only())
    const body = { type: 'alert.resolved', timestamp: resolved.resolvedAt, data: resolved }
    expect(JSON.parse(second?.body ?? '')).toEqual(body)
    for (const each of receiver.received) {
      const { headers, body } = each
      expect(await verifyWebhook({ headers, body, secret: SECRET }, clock.now())).toBe(true)
      expect(headers['webhook-id']).toMatch(/^msg_[0-9A-HJKMNP-TV-Z]{26}$/)
      expect(JSON.stringify(each)).not.toContain(apiKey)
    }
    expect(first?.headers['webhook-id']).not.toBe(second?.headers['webhook-id'])
  })
})

describe('a message', () => {
  it('that fails is sent again, with the same id and a signature of its own, until it is taken', async () => {
    const { run, clock, receiver } = await openPost((response, _, count) => {
      response.writeHead(count < 3 ? 500 : 200).end('no')
    })
    await run()
    await run()
    expect(receiver.received).toHaveLength(1)
    for (let hour = 0; hour < 3; hour++) {
      clock.advance(HOUR_MS)
      await run()
    }
    expect(receiver.received).toHaveLength(3)
    const headers = receiver.received.map((each) => each.headers)
    expect(new Set(headers.map((each) => each['webhook-id'])).size).toBe(1)
    expect(new Set(headers.map((each) => each['webhook-timestamp'])).size).toBe(3)
    expect(new Set(headers.map((each) => each['webhook-signature'])).size).toBe(3)
  })

  it('is given up after 8 tries, which is told', async () => {
    const { run, clock, receiver, events } = await openPost((response) => response.writeHead(503).end())
    for (let day = 0; day < 10; day++) {
      await run()
      clock.advance(DAY_MS)
    }
    expect(receiver.received).toHaveLength(8)
    expect(events.filter(({ type }) => type === 'alert_undelivered')).toEqual([
      {
        type: 'alert_undelivered',
        messageId: receiver.received[0]?.headers['webhook-id'],
        attempts: 8,
        reason: 'It was answered 503.',
      },
    ])
  })

  it('is given up at once where the receiver is gone for good: 410', async () => {
    const { run, clock, receiver, events } = await openPost((response) => response.writeHead(410).end())
    for (let day = 0; day < 3; day++) {
      await run()
      clock.advance(DAY_MS)
    }
    expect(receiver.received).toHaveLength(1)
    expect(events).toMatchObject([{ type: 'alert_undelivered', attempts: 1, reason: 'It was answered 410.' }])
  })

  it('waits for as long as Retry-After says', async () => {
    const { run, clock, receiver } = await openPost((response, _, count) => {
      response.writeHead(count === 1 ? 429 : 200, { 'retry-after': '7200' }).end()
    })
    await run()
    clock.advance(2 * HOUR_MS - 1)
    await run()
    expect(receiver.received).toHaveLength(1)
    clock.advance(1)
    await run()
    expect(receiver.received).toHaveLength(2)
  })

  it('follows no redirect', async () => {
    const elsewhere = await startReceiver()
    const { run, receiver, events, clock } = await openPost((response) => {
      response.writeHead(307, { location: elsewhere.url }).end()
    })
    await run()
    clock.advance(HOUR_MS)
    await run()
    expect(receiver.received).toHaveLength(2)
    expect(elsewhere.received).toEqual([])
    expect(events).toEqual([])
  })

  it('is sent again to a receiver that hangs, or goes away, or answers nonsense', async () => {
    const { run, clock, receiver } = await openPost((response, _, count) => {
      if (count === 2) response.destroy()
      else if (count === 3) response.socket?.end('nonsense\r\n\r\n')
      else if (count === 4) response.writeHead(200).end()
    })
    for (let hour = 0; hour < 8; hour++) {
      await run()
      clock.advance(2 * HOUR_MS)
    }
    expect(receiver.received).toHaveLength(4)
  })

  it('is sent again by whoever comes next, where a process ends while it sends', async () => {
    const { run, close, clock, receiver, store } = await openPost((response, _, count) => {
      if (count > 1) response.writeHead(200).end()
    }, 60_000)
    const running = run()
    await receiver.until(1)
    await close()
    await running
    expect(await store.claimDeliveries(new Date(clock.now()), new Date(NOW + MINUTE_MS), 'next', 10)).toMatchObject([
      { id: receiver.received[0]?.headers['webhook-id'], attempt: 2 },
    ])
  })

  it('is sent by one of four processes, however slow the receiver is', async () => {
    const clock = createTestClock(NOW)
    const store = memory({ losesDataOnExit: true, clock }).alerts as AlertStore
    const receiver = await startReceiver((response) => setTimeout(() => response.writeHead(200).end(), 50))
    const send = createSender({ url: receiver.url, secret: SECRET }, 5_000)
    const rooms = { store, clock, send, observer: undefined, failed: throwOn }
    const four = Array.from({ length: 4 }, () => createDeliveries(rooms))
    const book = createAlertBook(store, true, undefined, () => {})
    await book.open(
      Array.from({ length: 30 }, (_each, index) => ({ ...ABOUT, subject: `key_${index}` })),
      new Date(NOW),
    )
    await Promise.all(four.map((each) => each.run()))
    expect(receiver.received).toHaveLength(30)
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(30)
  })
})

const ABOUT: AlertDraft = {
  owner: 'acme',
  keyId: 'key_1',
  kind: 'expiry_near',
  subject: 'key_1',
  reason: 'The key expires.',
  details: {},
}

/** A message that waits, and what sends it to a receiver that is given little time. */
async function openPost(answer: Parameters<typeof startReceiver>[0], timeoutMs = 300) {
  const clock = createTestClock(NOW)
  const store = memory({ losesDataOnExit: true, clock }).alerts as AlertStore
  const receiver: Receiver = await startReceiver(answer)
  const events: KeywardEvent[] = []
  const observer = (event: KeywardEvent) => void events.push(event)
  const send = createSender({ url: receiver.url, secret: SECRET }, timeoutMs)
  const deliveries = createDeliveries({ store, clock, send, observer, failed: throwOn })
  onTestFinished(() => deliveries.close())
  await createAlertBook(store, true, undefined, () => {}).open([ABOUT], new Date(NOW))
  return { clock, store, receiver, events, run: () => deliveries.run(), close: () => deliveries.close() }
}

function throwOn(cause: unknown): void {
  if (cause !== undefined) throw cause
}
