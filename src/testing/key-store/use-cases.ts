import { expectEqual } from '../expectations.ts'
import { type KeyStoreCase, keyStoreCase } from './key-store-case.ts'
import { commitOne, instant, listIds, putting, readKey, sampleKey, storeKeys } from './samples.ts'

/** What a store must do with uses of keys. */
export const useCases: readonly KeyStoreCase[] = [
  keyStoreCase('raises last-used instants, and never lowers one', async (store) => {
    const { id, digest } = await storeKeys(store, sampleKey())
    for (const [offset, expected] of [
      [5, 5],
      [3, 5],
      [9, 9],
      [9, 9],
    ] as const) {
      await store.recordUses([{ keyId: id, usedAt: instant(offset) }])
      expectEqual((await readKey(store, id)).lastUsedAt, instant(expected), `after a use at ${offset}`)
    }
    await store.recordUses([
      { keyId: id, usedAt: instant(20) },
      { keyId: id, usedAt: instant(10) },
    ])
    expectEqual((await store.findByDigest([digest]))?.lastUsedAt, instant(20), 'after two in one call')
    const [listed] = await store.list({ owner: 'acme', beforeId: undefined, limit: 1, conditions: [] })
    expectEqual(listed?.lastUsedAt, instant(20), 'in a list')
  }),

  keyStoreCase('ignores uses of keys that it does not know', async (store) => {
    const { id } = await storeKeys(store, sampleKey())
    await store.recordUses([
      { keyId: 'key_nobody', usedAt: instant() },
      { keyId: id, usedAt: instant() },
    ])
    await store.recordUses([])
    expectEqual((await readKey(store, id)).lastUsedAt, instant(), 'the known key')
    expectEqual((await listIds(store, {})).length, 1, 'records')
    await storeKeys(store, sampleKey({ id: 'key_nobody' }))
    expectEqual((await readKey(store, 'key_nobody')).lastUsedAt, null, 'a key that is stored after its use')
  }),

  keyStoreCase('writes uses beside the record: version, row and revocation stay', async (store) => {
    const record = await storeKeys(store, sampleKey())
    const revoked = { ...record, revokedAt: instant(), version: 2 }
    const [, outcome] = await Promise.all([
      store.recordUses([{ keyId: record.id, usedAt: instant(1) }]),
      commitOne(store, putting(revoked, 1)),
      store.recordUses([{ keyId: record.id, usedAt: instant(2) }]),
    ])
    expectEqual(outcome, 'committed', 'the revocation')
    expectEqual(await store.findById(record.id), { ...revoked, lastUsedAt: instant(2) }, 'the record')
    expectEqual((await store.listAudit('acme', 0, 10)).length, 2, 'audit entries')
  }),

  keyStoreCase('keeps the last use through changes of the key', async (store) => {
    const record = await storeKeys(store, sampleKey())
    await store.recordUses([{ keyId: record.id, usedAt: instant(7) }])
    await commitOne(store, putting({ ...record, name: 'renamed', lastUsedAt: null }, 1))
    expectEqual((await readKey(store, record.id)).lastUsedAt, instant(7), 'the last use')
  }),
]
