import type { KeyRecord } from '../../model/key-record.ts'
import { expectEqual, expectThat } from '../expectations.ts'
import { type KeyStoreCase, keyStoreCase } from './key-store-case.ts'
import { commitOne, instant, listIds, putting, readKey, sampleKey, storeKeys } from './samples.ts'

const full = {
  pepperVersion: 3,
  owner: 'Æther & Söhne 東京 🚀',
  createdBy: 'user_7',
  name: `line\nquote" ' \\ tab\t ${'x'.repeat(200)} עברית`,
  start: 'vp_live_Ab12',
  scopes: ['videos:read', 'videos:write', 'ünï'],
  policies: ['standard', 'burst'],
  audiences: ['https://api.example.com'],
  addresses: ['10.0.0.0/8', '2001:db8::/32'],
  metadata: { plan: 'pro', nested: { list: [1, 'two', null, true, 1.5], empty: {} }, '': 'empty name', 東京: '🚀' },
  createdAt: instant(-5_001),
  updatedAt: instant(-4_002),
  startsAt: instant(-3_003),
  expiresAt: instant(86_400_004),
  disabledAt: instant(-2_005),
  revokedAt: instant(-1_006),
  deletedAt: instant(-7),
  rotatedFrom: 'key_before',
  rotatedTo: 'key_after',
} satisfies Partial<KeyRecord>

/** What a store must do with one record. */
export const recordCases: readonly KeyStoreCase[] = [
  keyStoreCase('finds nothing that was never stored', async (store) => {
    const other = await storeKeys(store, sampleKey())
    const missing = sampleKey()
    expectEqual(await store.findById(missing.id), undefined, 'an unknown id')
    expectEqual(await store.findByDigest([missing.digest]), undefined, 'an unknown digest')
    expectEqual(await store.findByDigest([]), undefined, 'no digest')
    expectEqual(await store.findByDigest([other.id]), undefined, 'an id taken for a digest')
    expectEqual(await listIds(store, { owner: 'nobody' }), [], 'an unknown owner')
  }),

  keyStoreCase('returns every field as it was stored', async (store) => {
    const record = await storeKeys(store, sampleKey(full))
    expectEqual(await store.findById(record.id), record, 'the record by id')
    expectEqual(await store.findByDigest([record.digest]), record, 'the record by digest')
    const page = await store.list({ owner: record.owner, beforeId: undefined, limit: 1, conditions: [] })
    expectEqual(page, [record], 'the record in a list')
  }),

  keyStoreCase('keeps null and empty apart from everything else', async (store) => {
    const record = await storeKeys(store, sampleKey({ start: null, scopes: [], metadata: {}, name: '' }))
    expectEqual(await store.findById(record.id), record, 'the record')
  }),

  keyStoreCase('keeps a key for whoever opens the same data again', async (store, reopen) => {
    const record = await storeKeys(store, sampleKey(full))
    const again = await reopen()
    expectEqual(await again.findByDigest([record.digest]), record, 'the record')
    await commitOne(again, putting({ ...record, name: 'renamed' }, 1))
    expectEqual((await readKey(store, record.id)).name, 'renamed', 'the name that the other store wrote')
  }),

  keyStoreCase('may be opened twice', async (store) => {
    const record = await storeKeys(store, sampleKey())
    await store.open()
    expectEqual(await store.findById(record.id), record, 'the record')
  }),

  keyStoreCase('finds a record under either of two digests', async (store) => {
    const record = await storeKeys(store, sampleKey())
    const other = sampleKey().digest
    expectEqual((await store.findByDigest([record.digest, other]))?.id, record.id, 'the first of two')
    expectEqual((await store.findByDigest([other, record.digest]))?.id, record.id, 'the second of two')
  }),

  keyStoreCase('matches digests exactly: not by case, part or pattern', async (store) => {
    const { digest } = await storeKeys(store, sampleKey({ digest: 'aB-_45678901234567890123456789012345678901234' }))
    const close = [
      digest.toLowerCase(),
      digest.toUpperCase(),
      digest.slice(0, -1),
      `${digest}A`,
      ` ${digest}`,
      '%',
      '*',
    ]
    for (const wrong of close) expectEqual(await store.findByDigest([wrong]), undefined, `the digest ${wrong}`)
  }),

  keyStoreCase('judges nothing: returns expired, disabled, revoked and deleted records', async (store) => {
    for (const field of ['expiresAt', 'disabledAt', 'revokedAt', 'deletedAt'] as const) {
      const record = await storeKeys(store, sampleKey({ [field]: instant(-1) }))
      expectEqual(await store.findByDigest([record.digest]), record, `a record with ${field}`)
    }
  }),

  keyStoreCase('replaces whole rows: what is null now was something before', async (store) => {
    const before = await storeKeys(store, sampleKey({ ...full, owner: 'acme' }))
    const after = sampleKey({ id: before.id, lineage: before.lineage, version: 2 })
    expectEqual(await commitOne(store, putting(after, 1)), 'committed', 'the change')
    expectEqual(await store.findById(before.id), after, 'the record')
    expectEqual(await store.findByDigest([before.digest]), undefined, 'the digest that was replaced')
    expectEqual(await store.findByDigest([after.digest]), after, 'the new digest')
  }),

  keyStoreCase('takes version and last use from their own rows, not from what is put', async (store) => {
    const { id } = await storeKeys(store, sampleKey({ version: 99, lastUsedAt: instant() }))
    const { version, lastUsedAt } = await readKey(store, id)
    expectEqual({ version, lastUsedAt }, { version: 1, lastUsedAt: null }, 'version and last use')
  }),

  keyStoreCase('returns and takes copies: changing one changes nothing stored', async (store) => {
    const given = sampleKey({ metadata: { list: [1] }, expiresAt: instant() })
    const original = structuredClone(given)
    await storeKeys(store, given)
    spoil(given)
    expectEqual(await store.findById(original.id), original, 'after changing what was given')
    spoil(await readKey(store, original.id))
    for (const record of await store.list({ owner: undefined, beforeId: undefined, limit: 9, conditions: [] }))
      spoil(record)
    spoil((await store.findByDigest([original.digest])) ?? given)
    expectEqual(await store.findByDigest([original.digest]), original, 'after changing what was returned')
  }),

  keyStoreCase('takes every text literally', async (store) => {
    const texts = [
      "'; DROP TABLE keyward_keys; --",
      '%',
      '_',
      '*',
      '?',
      '$1',
      ':a',
      '\\',
      '"',
      '__proto__',
      'constructor',
    ]
    for (const text of texts) {
      const record = await storeKeys(store, sampleKey({ id: text, digest: text, owner: text, name: text }))
      expectEqual(await store.findById(text), record, `the id ${text}`)
      expectEqual(await store.findByDigest([text]), record, `the digest ${text}`)
      expectEqual(await listIds(store, { owner: text }), [text], `the owner ${text}`)
      expectEqual((await store.listAudit(text, 0, 10)).length, 1, `audit entries of ${text}`)
    }
    expectEqual((await listIds(store, {})).length, texts.length, 'records')
  }),

  keyStoreCase('keeps metadata of 16,384 bytes, and names that objects have already', async (store) => {
    const metadata = JSON.parse(`{"__proto__":{"admin":true},"text":"${'x'.repeat(16_300)}"}`)
    const { id } = await storeKeys(store, sampleKey({ metadata }))
    const kept = (await readKey(store, id)).metadata
    expectEqual(kept, metadata, 'the metadata')
    expectThat(!('admin' in kept), 'the metadata has become the prototype of something')
  }),

  keyStoreCase('tells the pepper versions of keys that are not deleted', async (store) => {
    expectEqual(await store.pepperVersions(), [], 'versions without keys')
    const deleted = sampleKey({ pepperVersion: 4, deletedAt: instant() })
    const keys = [0, 2, 2].map((pepperVersion) => sampleKey({ pepperVersion }))
    await storeKeys(store, deleted, ...keys)
    expectEqual([...(await store.pepperVersions())].sort(), [0, 2], 'versions')
  }),
]

function spoil(record: KeyRecord): void {
  Object.assign(record, { name: 'spoiled', version: 1_000 })
  ;(record.scopes as string[]).push('admin')
  ;(record.metadata['list'] as number[]).push(2)
  record.createdAt.setTime(0)
  record.expiresAt?.setTime(0)
}
