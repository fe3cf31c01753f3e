import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createKeyward, type KeywardEvent, memory } from 'keyward'
import { postgres } from 'keyward/postgres'
import { sqlite } from 'keyward/sqlite'
import { createTestClock } from 'keyward/testing'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createDatabase, startPostgres } from '../servers/postgres.ts'
import type { Server } from '../servers/server.ts'
import { temporaryFile } from '../stores/sqlite/temporary-files.ts'
import { outcomeOf } from '../visit.ts'
import { DAY_MS, MINUTE_MS, NOW, toldOf } from './alert-kit.ts'
import type { OpenedAlert } from './alert-process.ts'
import { SECRET, startReceiver } from './receiver.ts'

describe('four instances on Postgres', () => {
  let server: Server
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server?.stop())

  it('open each alert once, tell of it once, and send it once', async () => {
    const receiver = await startReceiver()
    const connectionString = await createDatabase(server)
    const clock = createTestClock(NOW)
    const events: KeywardEvent[] = []
    const instances = Array.from({ length: 4 }, () => {
      const pool = new pg.Pool({ connectionString, max: 3 })
      const keyward = createKeyward({
        store: postgres(pool, { clock, deadlineMs: 10_000 }),
        clientAddress: 'peer',
        alerts: { webhook: { url: receiver.url, secret: SECRET } },
        onEvent: (event) => void events.push(event),
      })
      onTestFinished(async () => {
        await keyward.close()
        await pool.end()
      })
      return keyward
    })
    const [first] = instances
    await Promise.all(instances.map((each) => each.ready()))
    const keys = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        first?.keys.create({ owner: 'acme', name: `${index}`, expiresAt: new Date(NOW + DAY_MS) }),
      ),
    )
    for (const peer of ['203.0.113.7', '198.51.100.9'])
      await Promise.all(
        instances.flatMap((each) =>
          keys.slice(0, 3).map(async (key) => {
            expect(await outcomeOf(each, key?.apiKey ?? '', { peer })).toBe('admitted')
            await each.alerts.check()
          }),
        ),
      )
    clock.advance(MINUTE_MS)
    await Promise.all(instances.map((each) => each.alerts.check()))
    const { items } = (await first?.alerts.list({ limit: 100 })) ?? { items: [] }
    const counts = { expiry_near: 10, new_network: 3 }
    for (const [kind, count] of Object.entries(counts))
      expect(items.filter((each) => each.kind === kind)).toHaveLength(count)
    expect(toldOf(events).toSorted()).toEqual(items.map(({ kind }) => `alert_opened ${kind}`).toSorted())
    await receiver.until(items.length)
    await Promise.all(instances.map((each) => each.close()))
    expect(receiver.received).toHaveLength(items.length)
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(items.length)
  })
})

describe('a process that is killed between opening an alert and sending it', () => {
  it('loses neither: the next one sends it', async () => {
    const file = temporaryFile()
    const hanging = await startReceiver(() => {})
    const script = fileURLToPath(new URL('./alert-process.ts', import.meta.url))
    const child = fork(script, [file, hanging.url, SECRET, String(NOW)], { execArgv: ['--import', 'tsx'] })
    onTestFinished(() => void child.kill('SIGKILL'))
    const [{ alertId }] = (await once(child, 'message')) as [OpenedAlert]
    await hanging.until(1)
    child.kill('SIGKILL')
    await once(child, 'exit')
    const receiver = await startReceiver()
    const clock = createTestClock(NOW + 2 * MINUTE_MS)
    const store = sqlite(file, { clock })
    const keyward = createKeyward({ store, alerts: { webhook: { url: receiver.url, secret: SECRET } } })
    onTestFinished(() => keyward.close())
    await keyward.ready()
    await receiver.until(1)
    const [sent] = receiver.received
    expect(JSON.parse(sent?.body ?? '')).toMatchObject({ type: 'alert.opened', data: { id: alertId } })
    expect(sent?.headers['webhook-id']).toBe(hanging.received[0]?.headers['webhook-id'])
  })
})

describe('a serving process', () => {
  it('evaluates by itself every minute, in turn with others, until it is closed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const clock = createTestClock(NOW)
    const store = memory({ losesDataOnExit: true, clock })
    const looked = vi.spyOn(store, 'list')
    const two = [createKeyward({ store }), createKeyward({ store })]
    const pass = async () => {
      clock.advance(MINUTE_MS)
      await vi.advanceTimersByTimeAsync(MINUTE_MS)
    }
    for (const each of two) await each.ready()
    for (let minute = 1; minute <= 5; minute++) {
      await pass()
      expect(looked).toHaveBeenCalledTimes(minute)
    }
    for (const each of two) await each.close()
    await pass()
    await pass()
    expect(looked).toHaveBeenCalledTimes(5)
  })

  it('that only manages keys evaluates nothing by itself', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const store = memory({ losesDataOnExit: true })
    const taken = vi.spyOn(store.alerts as object as { takeTurn(): unknown }, 'takeTurn')
    const keyward = createKeyward({ store })
    await keyward.keys.create({ owner: 'acme', name: 'a' })
    await vi.advanceTimersByTimeAsync(DAY_MS)
    expect(taken).not.toHaveBeenCalled()
    await keyward.close()
  })
})
