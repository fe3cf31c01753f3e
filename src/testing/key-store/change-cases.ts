import { expectEqual } from '../expectations.ts'
import { type KeyStoreCase, keyStoreCase } from './key-store-case.ts'
import {
  commitOne,
  instant,
  listIds,
  putting,
  readKey,
  removing,
  sampleAudit,
  sampleKey,
  storeKeys,
} from './samples.ts'

/** What a store must do with changes, one after the other. */
export const changeCases: readonly KeyStoreCase[] = [
  keyStoreCase('raises the version of all keys of a lineage by one with every change', async (store) => {
    const first = await storeKeys(store, sampleKey())
    const second = sampleKey({ lineage: first.lineage })
    expectEqual(await commitOne(store, putting(second, 1)), 'committed', 'a second key of the lineage')
    for (const { id } of [first, second]) expectEqual((await readKey(store, id)).version, 2, `the version of ${id}`)
    const other = await storeKeys(store, sampleKey())
    expectEqual(await commitOne(store, putting({ ...first, name: 'renamed' }, 2)), 'committed', 'a change of the first')
    expectEqual((await readKey(store, second.id)).version, 3, 'the version of the key that was not put')
    expectEqual((await readKey(store, other.id)).version, 1, 'the version of another lineage')
  }),

  keyStoreCase('supersedes a change whose version is not the lineage’s, and changes nothing', async (store) => {
    const record = await storeKeys(store, sampleKey())
    await commitOne(store, putting({ ...record, name: 'second' }, 1))
    for (const expectedVersion of [0, 1, 3]) {
      const change = putting({ ...record, name: 'late', digest: sampleKey().digest }, expectedVersion)
      expectEqual(await commitOne(store, change), 'superseded', `a change that expects ${expectedVersion}`)
    }
    expectEqual(await store.findById(record.id), { ...record, name: 'second', version: 2 }, 'the record')
    expectEqual((await store.listAudit('acme', 0, 10)).length, 2, 'audit entries')
  }),

  keyStoreCase('supersedes a change to a lineage that is not there', async (store) => {
    const record = sampleKey()
    expectEqual(await commitOne(store, putting(record, 1)), 'superseded', 'a change that expects version 1')
    expectEqual(await store.findById(record.id), undefined, 'the record')
    expectEqual(await commitOne(store, putting(record, 0)), 'committed', 'the creation that follows')
  }),

  keyStoreCase('supersedes a change in the name of another owner', async (store) => {
    const record = await storeKeys(store, sampleKey())
    const theft = sampleKey({ lineage: record.lineage, owner: 'thief' })
    expectEqual(await commitOne(store, putting(theft, 1)), 'superseded', 'the change')
    expectEqual(await store.findById(record.id), record, 'the record')
    expectEqual(await listIds(store, { owner: 'thief' }), [], 'the keys of the other owner')
  }),

  keyStoreCase('supersedes a removal at another version, and removes nothing', async (store) => {
    const record = await storeKeys(store, sampleKey())
    expectEqual(await commitOne(store, removing(record, 2)), 'superseded', 'the removal')
    expectEqual(await store.findById(record.id), record, 'the record')
  }),

  keyStoreCase('refuses a digest that is taken, and changes nothing', async (store) => {
    const taken = await storeKeys(store, sampleKey())
    const created = sampleKey({ digest: taken.digest })
    expectEqual(await commitOne(store, putting(created, 0)), 'duplicate', 'a new lineage')
    expectEqual(await store.findById(created.id), undefined, 'the new record')
    const own = await storeKeys(store, sampleKey())
    expectEqual(await commitOne(store, putting({ ...own, digest: taken.digest }, 1)), 'duplicate', 'a change of digest')
    expectEqual(await store.findById(own.id), own, 'the record and its version')
    expectEqual(await store.findByDigest([taken.digest]), taken, 'the record that has the digest')
    expectEqual((await store.listAudit('acme', 0, 10)).length, 2, 'audit entries')
    expectEqual(
      await commitOne(store, putting(sampleKey({ lineage: created.id }), 0)),
      'committed',
      'its lineage later',
    )
  }),

  keyStoreCase('undoes all of a change of which one row is a duplicate', async (store) => {
    const taken = await storeKeys(store, sampleKey())
    const old = await storeKeys(store, sampleKey())
    const successor = sampleKey({ lineage: old.lineage, digest: taken.digest })
    const change = putting(old, 1, { put: [{ ...old, rotatedTo: successor.id }, successor] })
    expectEqual(await commitOne(store, change), 'duplicate', 'the rotation')
    expectEqual(await store.findById(old.id), old, 'the row that was put first')
  }),

  keyStoreCase('refuses two rows with one digest in one change', async (store) => {
    const one = sampleKey()
    const twin = sampleKey({ lineage: one.lineage, digest: one.digest })
    expectEqual(await commitOne(store, putting(one, 0, { put: [one, twin] })), 'duplicate', 'the change')
    expectEqual(await store.findByDigest([one.digest]), undefined, 'the digest')
  }),

  keyStoreCase('refuses an id of another lineage, and changes nothing', async (store) => {
    const taken = await storeKeys(store, sampleKey())
    const thief = sampleKey({ id: taken.id, lineage: 'another', owner: 'thief' })
    expectEqual(await commitOne(store, putting(thief, 0)), 'duplicate', 'the change')
    expectEqual(await store.findById(taken.id), taken, 'the record')
    expectEqual(await store.findByDigest([thief.digest]), undefined, 'the other digest')
  }),

  keyStoreCase('answers a batch in its order, and goes on after a change that fails', async (store) => {
    const known = await storeKeys(store, sampleKey())
    const [first, last] = [sampleKey(), sampleKey()]
    const outcomes = await store.commit([
      putting(first, 0),
      putting(sampleKey({ digest: known.digest }), 0),
      putting(known, 7),
      putting({ ...known, name: 'renamed' }, 1),
      putting({ ...known, name: 'renamed again' }, 1),
      putting(last, 0, { unseen: true }),
    ])
    const expected = ['committed', 'duplicate', 'superseded', 'committed', 'superseded', 'committed']
    expectEqual(outcomes, expected, 'outcomes')
    expectEqual((await listIds(store, {})).length, 3, 'records')
    expectEqual((await readKey(store, known.id)).name, 'renamed', 'the name')
    expectEqual(await store.findById(last.id), last, 'the last record')
    expectEqual(await store.commit([]), [], 'outcomes of nothing')
  }),

  keyStoreCase('applies changes of a batch to one lineage one after the other', async (store) => {
    const record = sampleKey()
    const names = ['one', 'two', 'three']
    const outcomes = await store.commit(names.map((name, version) => putting({ ...record, name }, version)))
    expectEqual(outcomes, ['committed', 'committed', 'committed'], 'outcomes')
    expectEqual(await store.findById(record.id), { ...record, name: 'three', version: 3 }, 'the record')
  }),

  keyStoreCase('puts both rows of a rotation, or neither', async (store) => {
    const old = await storeKeys(store, sampleKey())
    const successor = sampleKey({ lineage: old.lineage, rotatedFrom: old.id, version: 2 })
    const rotated = { ...old, rotatedTo: successor.id, expiresAt: instant(60_000), version: 2 }
    const late = putting(old, 3, { put: [rotated, successor] })
    expectEqual(await commitOne(store, late), 'superseded', 'at another version')
    expectEqual(await store.findById(successor.id), undefined, 'the successor')
    expectEqual(await commitOne(store, { ...late, expectedVersion: 1 }), 'committed', 'at the right version')
    expectEqual(await store.findById(old.id), rotated, 'the old key')
    expectEqual(await store.findByDigest([successor.digest]), successor, 'the successor')
  }),

  keyStoreCase('removes exactly the rows that are named', async (store) => {
    const record = await storeKeys(store, sampleKey())
    const sibling = sampleKey({ lineage: record.lineage, version: 3 })
    await commitOne(store, putting(sibling, 1))
    expectEqual(await commitOne(store, removing(record, 2)), 'committed', 'the removal')
    expectEqual(await store.findById(record.id), undefined, 'the removed record by id')
    expectEqual(await store.findByDigest([record.digest]), undefined, 'the removed record by digest')
    expectEqual(await listIds(store, { owner: 'acme' }), [sibling.id], 'the list')
    expectEqual(await store.findById(sibling.id), sibling, 'the sibling, one version on')
  }),

  keyStoreCase('keeps the lineage and the audit entries of what was removed', async (store) => {
    const record = await storeKeys(store, sampleKey())
    await commitOne(store, removing(record, 1))
    expectEqual(await commitOne(store, putting(record, 0)), 'superseded', 'beginning the lineage anew')
    expectEqual(await commitOne(store, putting(record, 1)), 'superseded', 'a change that knows nothing of the removal')
    const entries = await store.listAudit('acme', 0, 10)
    expectEqual(
      entries.map((entry) => [entry.action, entry.keyId]),
      [
        ['key.updated', record.id],
        ['key.purged', record.id],
      ],
      'audit entries',
    )
    const heir = sampleKey({ lineage: record.lineage, version: 3 })
    expectEqual(await commitOne(store, putting(heir, 2)), 'committed', 'going on from the raised version')
    expectEqual(await store.findById(heir.id), heir, 'the heir')
  }),

  keyStoreCase('gives a removed digest to a new lineage, and a removed id to nobody', async (store) => {
    const record = await storeKeys(store, sampleKey({ name: 'first' }))
    await commitOne(store, removing(record, 1))
    const again = await storeKeys(store, sampleKey({ digest: record.digest, name: 'imported again' }))
    expectEqual(await store.findByDigest([record.digest]), again, 'the record')
    const ghost = sampleKey({ id: record.id, lineage: 'another' })
    expectEqual(await commitOne(store, putting(ghost, 0)), 'duplicate', 'a key with the removed id')
  }),

  keyStoreCase('ignores the removal of ids that are not there, and uses of a key that was removed', async (store) => {
    const record = await storeKeys(store, sampleKey())
    await store.recordUses([{ keyId: record.id, usedAt: instant() }])
    const audit = sampleAudit({ action: 'key.purged' })
    const change = putting(record, 1, { put: [], remove: ['key_nobody', record.id], audit })
    expectEqual(await commitOne(store, change), 'committed', 'the removal')
    await store.recordUses([{ keyId: record.id, usedAt: instant(1) }])
    expectEqual(await store.findById(record.id), undefined, 'the record')
  }),

  keyStoreCase(
    'reports none of its own changes as made elsewhere, and all of another store’s',
    async (store, reopen) => {
      const record = await storeKeys(store, sampleKey())
      expectEqual(store.changedElsewhere?.() ?? false, false, 'after a change of its own')
      const other = await reopen()
      store.changedElsewhere?.()
      await commitOne(other, putting({ ...record, revokedAt: instant() }, 1))
      const isTold = store !== other && store.changedElsewhere !== undefined
      expectEqual(store.changedElsewhere?.() ?? false, isTold, 'after a change of another store')
      expectEqual(store.changedElsewhere?.() ?? false, false, 'when asked again')
      expectEqual((await readKey(store, record.id)).revokedAt, instant(), 'the revocation')
    },
  ),
]
