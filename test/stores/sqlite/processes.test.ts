import { execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import Libsql from 'libsql'
import { describe, expect, it, onTestFinished } from 'vitest'
import { sqlite } from '../../../src/stores/sqlite/sqlite.ts'
import type { SqliteKeyStore } from '../../../src/stores/sqlite/sqlite-key-store.ts'
import { expectChain } from '../../../src/testing/key-store/audit-cases.ts'
import { commitOne, instant, listIds, putting, sampleKey } from '../../../src/testing/key-store/samples.ts'
import { startRemoteStore } from './remote-store.ts'
import { temporaryFile } from './temporary-files.ts'

const isLong = process.env['KEYWARD_LONG'] !== undefined

async function openHere(file: string): Promise<SqliteKeyStore> {
  const store = sqlite(file)
  await store.open()
  onTestFinished(() => store.close())
  return store
}

function query(file: string, sql: string): unknown[] {
  const database = new Libsql(file)
  try {
    return database.prepare(sql).all()
  } finally {
    database.close()
  }
}

function expectSound(file: string): void {
  expect(query(file, 'PRAGMA integrity_check')).toMatchObject([{ integrity_check: 'ok' }])
  expect(query(file, 'PRAGMA foreign_key_check')).toEqual([])
}

describe('several processes on one SQLite file', () => {
  it('start together on an empty file: each migration is applied once, and all of them serve (219)', async () => {
    const file = temporaryFile()
    const stores = await Promise.all(Array.from({ length: 8 }, () => startRemoteStore(file)))
    await Promise.all(stores.map((store) => store.call('open')))
    const outcomes = await Promise.all(stores.map((store) => store.call('commit', [putting(sampleKey(), 0)])))
    expect(outcomes).toEqual(Array(8).fill(['committed']))
    const names = query(file, 'SELECT name FROM keyward_migrations ORDER BY name') as { name: string }[]
    expect(names.map(({ name }) => name)).toEqual([
      'alerts-001',
      'audit-001',
      'audit-002',
      'claims-001',
      'credits-001',
      'keys-001',
      'keys-002',
      'notes-001',
      'outbox-001',
      'policies-001',
      'servers-001',
      'usage-001',
    ])
    expect(await listIds(await openHere(file), {})).toHaveLength(8)
    expectSound(file)
  })

  it('may be killed while they migrate: the next start finishes the schema (220)', async () => {
    for (let round = 0; round < (isLong ? 40 : 3); round += 1) {
      const file = temporaryFile()
      const store = await startRemoteStore(file)
      void store.call('open')
      await sleep(randomInt(12))
      await store.kill()
      const survivor = await openHere(file)
      expect(await commitOne(survivor, putting(sampleKey(), 0))).toBe('committed')
      expectSound(file)
    }
  })

  it('write at once: no SQLITE_BUSY surfaces, nothing is lost, the chain has no gap (223)', async () => {
    const file = temporaryFile()
    const stores = await Promise.all(Array.from({ length: 4 }, () => startRemoteStore(file)))
    await Promise.all(stores.map((store) => store.call('open')))
    const each = isLong ? 1_000 : 60
    const outcomes = await Promise.all(
      stores.flatMap((store) => Array.from({ length: each }, () => store.call('commit', [putting(sampleKey(), 0)]))),
    )
    expect(outcomes.flat().filter((outcome) => outcome === 'committed')).toHaveLength(4 * each)
    await expectChain(await openHere(file), 'acme', 4 * each)
    expectSound(file)
  })

  it('are killed while they commit: what was acknowledged is there, and nothing is there by half (226, 250)', async () => {
    const file = temporaryFile()
    const acknowledged: string[] = []
    for (let round = 1; round <= (isLong ? 40 : 4); round += 1) {
      const store = await startRemoteStore(file)
      await store.call('open')
      const enough = acknowledged.length + randomInt(1, 40)
      await new Promise<void>((resolve) => {
        const write = async (): Promise<void> => {
          const key = sampleKey()
          await store.call('commit', [putting(key, 0)])
          acknowledged.push(key.id)
          if (acknowledged.length < enough) await write()
          else resolve()
        }
        for (let writer = 0; writer < 5; writer += 1) void write()
      })
      await store.kill()
    }
    const survivor = await openHere(file)
    for (const id of acknowledged) expect(await survivor.findById(id), id).toBeDefined()
    const [counts] = query(
      file,
      `SELECT (SELECT count(*) FROM keyward_keys) keys, (SELECT count(*) FROM keyward_lineages) lineages,
              (SELECT count(*) FROM keyward_audit) entries`,
    ) as [{ keys: number; lineages: number; entries: number }]
    expect(counts.lineages).toBe(counts.keys)
    expect(counts.entries).toBe(counts.keys)
    await expectChain(survivor, 'acme', counts.entries)
    expectSound(file)
  })

  it('notice each other’s changes as soon as the commit has resolved, and none of their own', async () => {
    const file = temporaryFile()
    const [here, elsewhere] = [await openHere(file), await startRemoteStore(file)]
    await elsewhere.call('open')
    const record = sampleKey()
    await commitOne(here, putting(record, 0))
    expect(here.changedElsewhere()).toBe(false)
    for (let version = 1; version < 20; version += 1) {
      await elsewhere.call('commit', [putting({ ...record, revokedAt: instant(version) }, version)])
      expect(here.changedElsewhere()).toBe(true)
      expect(here.changedElsewhere()).toBe(false)
      expect((await here.findByDigest([record.digest]))?.revokedAt).toEqual(instant(version))
    }
  })

  it.runIf(process.platform === 'linux')(
    'go on reading when the disk is full, refuse writes whole, and recover by themselves (224)',
    async () => {
      const file = temporaryFile()
      const store = await startRemoteStore(file)
      await store.call('open')
      const limitFiles = (bytes: string) =>
        execFileSync('prlimit', ['--pid', String(store.process.pid), `--fsize=${bytes}:unlimited`])
      const large = () => putting(sampleKey({ metadata: { text: 'x'.repeat(16_000) } }), 0)
      const known = sampleKey()
      await store.call('commit', [putting(known, 0)])
      limitFiles('400000')
      let committed = 1
      const fill = async () => {
        for (; committed < 1_000; committed += 1) await store.call('commit', [large()])
      }
      await expect(fill()).rejects.toMatchObject({ name: 'StoreUnavailableError' })
      await expect(store.call('commit', [large(), large()])).rejects.toMatchObject({ name: 'StoreUnavailableError' })
      expect(await store.call('findByDigest', [known.digest])).toEqual(known)
      limitFiles('unlimited')
      expect(await store.call('commit', [large()])).toEqual(['committed'])
      await expectChain(await openHere(file), 'acme', committed + 1)
      expectSound(file)
    },
  )
})
