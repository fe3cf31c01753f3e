import { createKeyward, type KeyStore, type Keyward, type KeywardEvent, memory } from 'keyward'
import { postgres } from 'keyward/postgres'
import { sqlite } from 'keyward/sqlite'
import { createTestClock } from 'keyward/testing'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { createDatabase, startPostgres } from '../servers/postgres.ts'
import type { Server } from '../servers/server.ts'
import { temporaryFile } from '../stores/sqlite/temporary-files.ts'
import { entryAt, writeDaysAgo } from './entries.ts'

const DAY_MS = 86_400_000
const NOW = Date.UTC(2026, 0, 1)
const clock = createTestClock(NOW)

let server: Server
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server?.stop())

/** Makes a store for one more instance on the same data. */
type AddInstance = () => KeyStore

const fleets: readonly (readonly [string, () => Promise<AddInstance>])[] = [
  [
    'memory',
    async () => {
      const store = memory({ losesDataOnExit: true, clock })
      return () => store
    },
  ],
  [
    'SQLite',
    async () => {
      const file = temporaryFile()
      return () => sqlite(file, { clock })
    },
  ],
  [
    'Postgres',
    async () => {
      const connectionString = await createDatabase(server)
      return () => {
        const pool = new pg.Pool({ connectionString, max: 2 })
        onTestFinished(() => pool.end())
        return postgres(pool, { clock })
      }
    },
  ],
]

describe.each(fleets)('the retention of audit entries in %s', (_, createFleet) => {
  async function openInstances(count: number, retentionDays?: number) {
    const addInstance = await createFleet()
    const events: KeywardEvent[] = []
    const stores = Array.from({ length: count }, addInstance)
    const instances = stores.map((store) => {
      const audit = retentionDays === undefined ? undefined : { retentionDays }
      return createKeyward({ store, audit, onEvent: (event) => void events.push(event) })
    })
    onTestFinished(async () => {
      for (const instance of instances) await instance.close()
    })
    for (const instance of instances) await instance.audit.list()
    return { instances, events, store: stores[0] as KeyStore, keyward: instances[0] as Keyward }
  }

  it('keeps 89 days and purges 91, once, when four instances purge at once; the chain still verifies (row 252)', async () => {
    const { instances, store, keyward, events } = await openInstances(4)
    const [old, young] = [Array(1_210).fill(91) as number[], Array(40).fill(89) as number[]]
    await writeDaysAgo(store, 'acme', NOW, [...old, ...young])
    await writeDaysAgo(store, 'other', NOW, [91, 90.5, 89])
    await writeDaysAgo(store, '', NOW, [89])
    const reports = await Promise.all(instances.map((instance) => instance.audit.purge()))
    expect(reports.reduce((sum, { entries }) => sum + entries, 0)).toBe(1_212)
    const told = events.filter((event) => event.type === 'audit_purged')
    expect(told.reduce((sum, { entries }) => sum + entries, 0)).toBe(1_212)
    for (const [owner, anchorSequence, headSequence] of [
      ['acme', 1_210, 1_250],
      ['other', 2, 3],
      ['', 0, 1],
    ] as const) {
      const left = await store.listAudit(owner, 0, 1_000)
      expect(left.map(({ sequence }) => sequence)[0]).toBe(anchorSequence + 1)
      expect(left.every(({ details }) => details['days'] === 89)).toBe(true)
      for (const instance of instances)
        expect(await instance.audit.verify({ owner })).toMatchObject({ isIntact: true, anchorSequence, headSequence })
    }
    expect(await keyward.audit.purge()).toEqual({ entries: 0, owners: 0 })
    await store.appendAudit([entryAt(NOW)])
    expect(await keyward.audit.verify({ owner: 'acme' })).toMatchObject({ isIntact: true, headSequence: 1_251 })
  })

  it('keeps entries for exactly as long as it is told to, to the millisecond', async () => {
    const { store, keyward } = await openInstances(1, 2)
    await store.appendAudit([entryAt(NOW - 2 * DAY_MS - 1), entryAt(NOW - 2 * DAY_MS)])
    expect(await keyward.audit.purge()).toEqual({ entries: 1, owners: 1 })
  })

  it('purges no entry behind one that a clock dated too late', async () => {
    const { store, keyward } = await openInstances(1)
    await writeDaysAgo(store, 'acme', NOW, [100, 1, 95, 1])
    expect(await keyward.audit.purge()).toEqual({ entries: 1, owners: 1 })
    expect(await keyward.audit.verify({ owner: 'acme' })).toMatchObject({ isIntact: true, anchorSequence: 1 })
  })

  it('purges a whole chain, which goes on afterwards', async () => {
    const { store, keyward } = await openInstances(1)
    await writeDaysAgo(store, 'acme', NOW, Array(500).fill(91))
    expect(await keyward.audit.purge()).toEqual({ entries: 500, owners: 1 })
    expect((await keyward.audit.list()).items).toEqual([])
    expect(await keyward.audit.verify({ owner: 'acme' })).toMatchObject({ isIntact: true, anchorSequence: 500 })
    const { id } = await keyward.keys.create({ owner: 'acme', name: 'a' })
    expect((await keyward.audit.list()).items).toMatchObject([{ keyId: id, sequence: 501 }])
    expect(await keyward.audit.verify({ owner: 'acme' })).toMatchObject({ isIntact: true, headSequence: 501 })
  })
})

describe('a serving process', () => {
  it('purges by itself a minute after its start and then every hour, until it is closed', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const store = memory({ losesDataOnExit: true, clock })
    const looked = vi.spyOn(store, 'listAuditOwners')
    const keyward = createKeyward({ store })
    await writeDaysAgo(store, 'acme', NOW, [91, 89])
    await keyward.ready()
    await vi.advanceTimersByTimeAsync(59_000)
    expect(looked).not.toHaveBeenCalled()
    await vi.advanceTimersByTimeAsync(2_000)
    expect(await store.listAudit('acme', 0, 10)).toMatchObject([{ details: { days: 89 } }])
    const first = looked.mock.calls.length
    await vi.advanceTimersByTimeAsync(3_590_000)
    expect(looked.mock.calls.length).toBe(first)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(looked.mock.calls.length).toBe(first + 1)
    await keyward.close()
    await vi.advanceTimersByTimeAsync(7_200_000)
    expect(looked.mock.calls.length).toBe(first + 1)
  })

  it('that only manages keys purges nothing by itself', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    onTestFinished(() => void vi.useRealTimers())
    const store = memory({ losesDataOnExit: true, clock })
    const looked = vi.spyOn(store, 'listAuditOwners')
    const keyward = createKeyward({ store })
    await keyward.keys.list()
    await vi.advanceTimersByTimeAsync(7_200_000)
    expect(looked).not.toHaveBeenCalled()
    await keyward.close()
  })
})
