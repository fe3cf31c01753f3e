import { createKeyward, type KeyStore } from 'keyward'
import { postgres } from 'keyward/postgres'
import { sqlite } from 'keyward/sqlite'
import Libsql from 'libsql'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createDatabase, startPostgres } from '../servers/postgres.ts'
import type { Server } from '../servers/server.ts'
import { temporaryFile } from '../stores/sqlite/temporary-files.ts'
import { entryAt, writeDaysAgo } from './entries.ts'

/** A store, and SQL that is run beside it. */
interface Scene {
  readonly store: KeyStore
  run(sql: string): Promise<unknown>
}

let server: Server
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server?.stop())

const scenes: readonly (readonly [string, () => Promise<Scene>])[] = [
  [
    'SQLite',
    async () => {
      const file = temporaryFile()
      let database: Libsql.Database | undefined
      onTestFinished(() => void database?.close())
      return {
        store: sqlite(file),
        async run(sql) {
          database ??= new Libsql(file)
          database.exec(sql)
        },
      }
    },
  ],
  [
    'Postgres',
    async () => {
      const pool = new pg.Pool({ connectionString: await createDatabase(server), max: 3 })
      onTestFinished(() => pool.end())
      return { store: postgres(pool), run: (sql) => pool.query(sql) }
    },
  ],
]

const A = "owner = 'acme' AND sequence"
const OTHER = '1'.padStart(64, '0')

/** What somebody does to the tables, and what a verification of 1,200 entries, the first 100 of them purged, then says. */
const TAMPERINGS: readonly (readonly [string, string, number, string])[] = [
  ['an edited actor', `UPDATE keyward_audit SET actor = 'eve' WHERE ${A} = 700`, 700, 'edited'],
  ['edited details', `UPDATE keyward_audit SET details = '{"n": 700}' WHERE ${A} = 700`, 700, 'edited'],
  ['details that are no JSON', `UPDATE keyward_audit SET details = '{' WHERE ${A} = 700`, 700, 'edited'],
  ['an edited instant', `UPDATE keyward_audit SET at = at - 1 WHERE ${A} = 700`, 700, 'edited'],
  ['an edited place in time', `UPDATE keyward_audit SET reached_at = 0 WHERE ${A} = 700`, 700, 'edited'],
  ['an emptied address', `UPDATE keyward_audit SET address = NULL WHERE ${A} = 700`, 700, 'edited'],
  ['an edited hash', `UPDATE keyward_audit SET hash = '${OTHER}' WHERE ${A} = 700`, 700, 'edited'],
  ['a missing entry', `DELETE FROM keyward_audit WHERE ${A} = 700`, 700, 'missing'],
  ['the first entry missing', `DELETE FROM keyward_audit WHERE ${A} = 101`, 101, 'missing'],
  ['the newest entries missing', `DELETE FROM keyward_audit WHERE ${A} > 1198`, 1_199, 'missing'],
  ['an entry moved to another owner', `UPDATE keyward_audit SET owner = 'x' WHERE ${A} = 700`, 700, 'missing'],
  [
    'two entries that changed places',
    `UPDATE keyward_audit SET sequence = 9999 WHERE ${A} = 700;
     UPDATE keyward_audit SET sequence = 700 WHERE ${A} = 701;
     UPDATE keyward_audit SET sequence = 701 WHERE ${A} = 9999`,
    700,
    'out_of_place',
  ],
  ['another head', `UPDATE keyward_audit_heads SET hash = '${OTHER}' WHERE owner = 'acme'`, 1_200, 'wrong_head'],
  ['no head', `DELETE FROM keyward_audit_heads WHERE owner = 'acme'`, 0, 'wrong_head'],
  ['a head set back', `UPDATE keyward_audit_heads SET sequence = 1199 WHERE owner = 'acme'`, 1_199, 'wrong_head'],
  ['no anchor', `DELETE FROM keyward_audit_anchors WHERE owner = 'acme'`, 1, 'missing'],
  ['another anchor', `UPDATE keyward_audit_anchors SET hash = '${OTHER}' WHERE owner = 'acme'`, 101, 'out_of_place'],
  [
    'an entry before the anchor',
    `INSERT INTO keyward_audit (owner, sequence, action, at, details, previous_hash, hash)
     VALUES ('acme', 50, 'key.updated', 1, '{}', '${OTHER}', '${OTHER}')`,
    50,
    'surplus',
  ],
  [
    'an entry after the head',
    `INSERT INTO keyward_audit (owner, sequence, action, at, details, previous_hash, hash)
     VALUES ('acme', 1201, 'key.updated', 1, '{}', '${OTHER}', '${OTHER}')`,
    1_201,
    'surplus',
  ],
]

describe.each(scenes)('the verification of a chain in %s', (_, setTheScene) => {
  async function open() {
    const scene = await setTheScene()
    const keyward = createKeyward({ store: scene.store })
    onTestFinished(() => keyward.close())
    await keyward.audit.list()
    const now = scene.store.clock.now()
    await writeDaysAgo(scene.store, 'acme', now, Array(100).fill(91))
    for (let start = 100; start < 1_200; start += 275)
      await scene.store.appendAudit(
        Array.from({ length: 275 }, (_, index) => entryAt(now, { details: { n: start + index + 1 } })),
      )
    await scene.store.appendAudit([entryAt(now, { owner: 'other' })])
    expect(await keyward.audit.purge()).toEqual({ entries: 100, owners: 1 })
    return { ...scene, keyward }
  }

  it('goes from its anchor to its head, and names the newest hash', async () => {
    const { keyward, store } = await open()
    expect(await keyward.audit.verify({ owner: 'acme' })).toEqual({
      ...{ owner: 'acme', isIntact: true, broken: null },
      ...{ anchorSequence: 100, goodThroughSequence: 1_200, headSequence: 1_200 },
      headHash: (await store.listAudit('acme', 1_199, 1))[0]?.hash,
    })
    expect(await keyward.audit.verify({ owner: 'nobody' })).toMatchObject({ isIntact: true, headSequence: 0 })
  })

  it('finds whatever was edited, missing, reordered or added, and leaves other chains alone (row 251)', async () => {
    const { keyward, run } = await open()
    for (const table of ['audit', 'audit_heads', 'audit_anchors'])
      await run(`CREATE TABLE kept_${table} AS SELECT * FROM keyward_${table}`)
    for (const [what, sql, sequence, fault] of TAMPERINGS) {
      await run(sql)
      const found = await keyward.audit.verify({ owner: 'acme' })
      expect(found, what).toMatchObject({ isIntact: false, broken: { sequence, fault } })
      if (fault === 'edited' || fault === 'missing') expect(found.goodThroughSequence, what).toBe(sequence - 1)
      expect(await keyward.audit.verify({ owner: 'other' }), what).toMatchObject({ isIntact: true })
      for (const table of ['audit', 'audit_heads', 'audit_anchors'])
        await run(`DELETE FROM keyward_${table}; INSERT INTO keyward_${table} SELECT * FROM kept_${table}`)
      expect(await keyward.audit.verify({ owner: 'acme' }), `${what}, undone`).toMatchObject({ isIntact: true })
    }
  })

  it('is not misled by entries that are added, and a chain that is purged, meanwhile', async () => {
    const { keyward, store } = await open()
    const now = store.clock.now()
    const verified = Array.from({ length: 6 }, () => keyward.audit.verify({ owner: 'acme' }))
    const before = new Date(now + 1)
    const [first] = await Promise.all([
      store.purgeAudit({ owner: 'acme', before, expectedAnchorSequence: 100, limit: 900 }),
      ...Array.from({ length: 10 }, () => store.appendAudit([entryAt(now)])),
    ])
    expect(first?.outcome).toBe('purged')
    for (const found of await Promise.all(verified)) expect(found).toMatchObject({ isIntact: true, broken: null })
    expect(await keyward.audit.verify({ owner: 'acme' })).toMatchObject({
      ...{ isIntact: true, anchorSequence: 1_000, headSequence: 1_210 },
    })
  })
})
