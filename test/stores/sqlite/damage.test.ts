import Libsql from 'libsql'
import { describe, expect, it, onTestFinished } from 'vitest'
import { StoreUnavailableError } from '../../../src/model/errors.ts'
import type { KeyRecord } from '../../../src/model/key-record.ts'
import { sqlite } from '../../../src/stores/sqlite/sqlite.ts'
import type { SqliteKeyStore } from '../../../src/stores/sqlite/sqlite-key-store.ts'
import { listIds, sampleAudit, sampleKey, storeKeys } from '../../../src/testing/key-store/samples.ts'
import { temporaryFile } from './temporary-files.ts'

interface Scene {
  readonly file: string
  readonly store: SqliteKeyStore
  readonly database: Libsql.Database
  readonly damaged: KeyRecord
  readonly sound: KeyRecord
}

/** A store with two keys, and a second connection to damage one of them with. */
async function setTheScene(): Promise<Scene> {
  const file = temporaryFile()
  const store = sqlite(file, { noticeMs: 0 })
  await store.open()
  const database = new Libsql(file)
  onTestFinished(async () => {
    database.close()
    await store.close()
  })
  const damaged = await storeKeys(store, sampleKey({ name: 'secret name', metadata: { secret: 'secret' } }))
  const sound = await storeKeys(store, sampleKey({ owner: 'other' }))
  return { file, store, database, damaged, sound }
}

async function failureOf(call: Promise<unknown>): Promise<Error> {
  const failure = await call.catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(StoreUnavailableError)
  return failure as Error
}

describe('a damaged row of a SQLite store (50, 229)', () => {
  it.each([
    ['broken JSON', `metadata = '{"secret'`],
    ['metadata that is a list', `metadata = '["secret"]'`],
    ['metadata that is null', `metadata = 'null'`],
    ['scopes that are text', `scopes = '"secret"'`],
    ['scopes that are numbers', `scopes = '[1]'`],
    ['addresses that are missing', `addresses = ''`],
    ['a newer schema', 'schema = 2'],
    ['an instant that is none', 'expires_at = 9000000000000000'],
    ['ten megabytes', `name = replace(hex(zeroblob(5000000)), '00', 'secret')`],
  ])('with %s fails the calls that need it, by name, and no others', async (_, damage) => {
    const { store, database, damaged, sound } = await setTheScene()
    database.exec(`UPDATE keyward_keys SET ${damage} WHERE id = '${damaged.id}'`)
    const failures = await Promise.all([
      failureOf(store.findById(damaged.id)),
      failureOf(store.findByDigest([damaged.digest])),
      failureOf(listIds(store, { owner: damaged.owner })),
      failureOf(listIds(store, {})),
    ])
    for (const failure of failures) {
      expect(failure.message).toContain(damaged.id)
      expect(`${failure.message} ${failure.stack} ${failure.cause}`).not.toContain('secret')
    }
    expect(await store.findByDigest([sound.digest])).toEqual(sound)
    expect(await store.findById(sound.id)).toEqual(sound)
    expect(await listIds(store, { owner: 'other' })).toEqual([sound.id])
  })

  it('without its lineage is damaged, not unknown: a good key must not become a 401', async () => {
    const { store, database, damaged } = await setTheScene()
    database.exec('PRAGMA foreign_keys = OFF')
    database.exec(`DELETE FROM keyward_lineages WHERE id = '${damaged.id}'`)
    expect((await failureOf(store.findByDigest([damaged.digest]))).message).toContain(damaged.id)
  })

  it('of another table names what it is', async () => {
    const { store, database } = await setTheScene()
    const policy = { name: 'burst', windows: [{ limit: 1, windowSeconds: 1 }], version: 1, updatedAt: null }
    await store.setPolicy(policy, sampleAudit({ action: 'policy.set', owner: '' }))
    for (const windows of ['{', '{}', '[1]', '[{"limit":"1","windowSeconds":1}]', '[{"limit":1}]']) {
      database.prepare('UPDATE keyward_policies SET windows = ?').run(windows)
      expect((await failureOf(store.listPolicies())).message).toContain('policy burst')
    }
    database.exec("UPDATE keyward_audit SET details = '[' WHERE owner = 'other'")
    expect((await failureOf(store.listAudit('other', 0, 10))).message).toContain('audit entry 1 of other')
    expect(await store.listAudit('acme', 0, 10)).toHaveLength(1)
  })

  it('is never found under a digest that is only alike: by case or by length (51)', async () => {
    const { file, store, database, damaged } = await setTheScene()
    await store.close()
    database.exec(`
      PRAGMA writable_schema = ON;
      UPDATE sqlite_schema SET sql = replace(sql, 'digest TEXT NOT NULL', 'digest TEXT NOT NULL COLLATE NOCASE')
      WHERE name = 'keyward_keys';
      PRAGMA schema_version = 999;
      PRAGMA writable_schema = OFF`)
    const rebuilt = new Libsql(file)
    rebuilt.exec('REINDEX')
    const { digest } = damaged
    const other = digest.toLowerCase()
    const query = 'SELECT count(*) AS found FROM keyward_keys WHERE digest = ?'
    expect(rebuilt.prepare(query).get(other)).toMatchObject({ found: 1 })
    const again = sqlite(rebuilt)
    await again.open()
    expect(await again.findByDigest([other])).toBeUndefined()
    expect(await again.findByDigest([other, digest])).toEqual(damaged)
    rebuilt.close()
  })
})
