import type { Fence, KeyStore } from '../../model/key-store.ts'
import { expectEqual } from '../expectations.ts'
import { type KeyStoreCase, keyStoreCase } from './key-store-case.ts'
import { commitOne, putting, removing, sampleKey, storeKeys } from './samples.ts'

const keepFences = { keepFences: true }

async function fencesOf(store: KeyStore): Promise<readonly Fence[]> {
  return store.listFences(1_000)
}

/** What a store must do with the fences of changes: the outbox. */
export const fenceCases: readonly KeyStoreCase[] = [
  keyStoreCase('keeps the fence of each committed change that others may have seen, when asked to', async (store) => {
    const known = await storeKeys(store, sampleKey())
    expectEqual(await fencesOf(store), [], 'fences of changes for which none was asked')
    const [seen, drawn] = [sampleKey({ owner: 'other' }), sampleKey()]
    const changes = [
      putting(seen, 0),
      putting(drawn, 0, { unseen: true }),
      putting(known, 7),
      putting(sampleKey({ digest: known.digest }), 0),
    ]
    const outcomes = await store.commit(changes, keepFences)
    expectEqual(outcomes, ['committed', 'committed', 'superseded', 'duplicate'], 'outcomes')
    expectEqual(await fencesOf(store), [{ owner: 'other', lineage: seen.lineage, version: 1 }], 'fences')
    await store.commit([putting(known, 1)], { keepFences: false })
    expectEqual((await fencesOf(store)).length, 1, 'fences after a change for which none was asked')
  }),

  keyStoreCase('lists one fence a lineage at its latest version, oldest change first, up to a limit', async (store) => {
    const lineages = ['key_30', 'key_10', 'key_20']
    const keys = lineages.map((id) => sampleKey({ id }))
    for (const key of keys) await store.commit([putting(key, 0)], keepFences)
    const expected = lineages.map((lineage) => ({ owner: 'acme', lineage, version: 1 }))
    expectEqual(await fencesOf(store), expected, 'fences')
    expectEqual(await store.listFences(2), expected.slice(0, 2), 'two fences')
    const [first = sampleKey()] = keys
    await store.commit([putting(first, 1), putting(first, 2)], keepFences)
    const raised = (await fencesOf(store)).filter(({ lineage }) => lineage === first.lineage)
    expectEqual(raised, [{ owner: 'acme', lineage: first.lineage, version: 3 }], 'the fence of what was changed again')
    expectEqual((await fencesOf(store)).length, 3, 'fences after more changes')
  }),

  keyStoreCase('removes a fence only at its version or above', async (store) => {
    const [first, second] = [sampleKey(), sampleKey()]
    await store.commit([putting(first, 0), putting(first, 1), putting(second, 0)], keepFences)
    const [one, two] = [
      { owner: 'acme', lineage: first.lineage, version: 2 },
      { owner: 'acme', lineage: second.lineage, version: 1 },
    ]
    await store.removeFences([
      { ...one, version: 1 },
      { ...two, lineage: 'key_nobody' },
    ])
    expectEqual(await fencesOf(store), [one, two], 'fences after a removal at an older version')
    await store.removeFences([])
    await store.removeFences([one])
    expectEqual(await fencesOf(store), [two], 'fences after a removal at the version')
    await store.removeFences([{ ...two, version: 5 }])
    await store.removeFences([two])
    expectEqual(await fencesOf(store), [], 'fences after a removal above the version')
    await store.commit([putting(first, 2)], keepFences)
    expectEqual(await fencesOf(store), [{ ...one, version: 3 }], 'the fence of a change that follows')
  }),

  keyStoreCase('keeps a fence through the removal of its key', async (store) => {
    const record = await storeKeys(store, sampleKey())
    await store.commit([putting({ ...record, name: 'revoked' }, 1)], keepFences)
    expectEqual(await commitOne(store, removing(record, 2)), 'committed', 'a removal for which no fence was asked')
    expectEqual(await fencesOf(store), [{ owner: 'acme', lineage: record.lineage, version: 2 }], 'fences')
    const heir = sampleKey({ lineage: record.lineage })
    await commitOne(store, putting(heir, 3))
    await store.commit([removing(heir, 4)], keepFences)
    expectEqual(await fencesOf(store), [{ owner: 'acme', lineage: record.lineage, version: 5 }], 'the raised fence')
  }),

  keyStoreCase('shows fences to whoever opens the same data again, and lets two remove them', async (store, reopen) => {
    const keys = Array.from({ length: 5 }, () => sampleKey())
    await store.commit(
      keys.map((key) => putting(key, 0)),
      keepFences,
    )
    const again = await reopen()
    const fences = await fencesOf(again)
    expectEqual(fences, await fencesOf(store), 'fences for another store')
    expectEqual(fences.length, 5, 'how many')
    await Promise.all([again.removeFences(fences), store.removeFences(fences.toReversed())])
    expectEqual(await fencesOf(store), [], 'fences after both have removed them')
  }),
]
