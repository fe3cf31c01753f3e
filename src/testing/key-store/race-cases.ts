import type { KeyStore } from '../../model/key-store.ts'
import { expectEqual, expectThat } from '../expectations.ts'
import { expectChain } from './audit-cases.ts'
import { type KeyStoreCase, keyStoreCase } from './key-store-case.ts'
import { commitOne, instant, listIds, putting, readKey, sampleKey, storeKeys } from './samples.ts'

/** What must hold when several act at once, through one store and through two on the same data. */
export const raceCases: readonly KeyStoreCase[] = [
  keyStoreCase('commits exactly one of several changes to one version', async (store, reopen) => {
    const record = await storeKeys(store, sampleKey())
    const again = await reopen()
    const changes = Array.from({ length: 10 }, (_, index) =>
      commitOne(index % 2 === 0 ? store : again, putting({ ...record, name: `change ${index}` }, 1)),
    )
    const outcomes = await Promise.all(changes)
    expectEqual(outcomes.filter((outcome) => outcome === 'committed').length, 1, 'changes that were committed')
    expectEqual(outcomes.filter((outcome) => outcome === 'superseded').length, 9, 'changes that were superseded')
    const { name, version } = await readKey(again, record.id)
    expectEqual({ name, version }, { name: `change ${outcomes.indexOf('committed')}`, version: 2 }, 'the record')
    await expectChain(store, 'acme', 2)
  }),

  keyStoreCase('lets one of two rotations through, and stores no successor of the other', async (store, reopen) => {
    const old = await storeKeys(store, sampleKey())
    const stores = [store, await reopen()]
    const successors = stores.map(() => sampleKey({ lineage: old.lineage, rotatedFrom: old.id }))
    const rotations = successors.map((successor, index) =>
      commitOne(stores[index] as KeyStore, putting(old, 1, { put: [{ ...old, rotatedTo: successor.id }, successor] })),
    )
    const outcomes = await Promise.all(rotations)
    expectEqual([...outcomes].sort(), ['committed', 'superseded'], 'outcomes')
    const winner = successors[outcomes.indexOf('committed')]
    expectEqual((await readKey(store, old.id)).rotatedTo, winner?.id, 'the successor that the old key names')
    expectEqual([...(await listIds(store, {}))].sort(), [old.id, winner?.id].sort(), 'the keys of the lineage')
  }),

  keyStoreCase('gives a digest to one of several lineages that ask for it at once', async (store, reopen) => {
    const again = await reopen()
    const { digest } = sampleKey()
    const keys = Array.from({ length: 6 }, () => sampleKey({ digest }))
    const commits = keys.map((key, index) => commitOne(index % 2 === 0 ? store : again, putting(key, 0)))
    const outcomes = await Promise.all(commits)
    expectEqual(outcomes.filter((outcome) => outcome === 'duplicate').length, 5, 'duplicates')
    const winner = keys[outcomes.indexOf('committed')]
    expectEqual((await store.findByDigest([digest]))?.id, winner?.id, 'the key under the digest')
    await expectChain(store, 'acme', 1)
  }),

  keyStoreCase('loses none of 50 changes that are made again until they are committed', async (store, reopen) => {
    const { id } = await storeKeys(store, sampleKey({ metadata: { count: 0 } }))
    const again = await reopen()
    await Promise.all(Array.from({ length: 50 }, (_, index) => countUp(index % 2 === 0 ? store : again, id)))
    const record = await readKey(store, id)
    expectEqual(record.metadata['count'], 50, 'the count')
    expectEqual(record.version, 51, 'the version')
    await expectChain(again, 'acme', 51)
  }),

  keyStoreCase('shows no old version to a read that begins after a commit has resolved', async (store, reopen) => {
    const record = await storeKeys(store, sampleKey())
    const again = await reopen()
    let resolved = 1
    let isOver = false
    const readers = [store, again].map(async (reader) => {
      for (let reads = 0; !isOver || reads < 20; reads += 1) {
        const begunAfter = resolved
        const found = await reader.findByDigest([record.digest])
        expectThat(found !== undefined, 'the key is gone')
        expectThat(found.version >= begunAfter, `version ${found.version} was read after ${begunAfter} was committed`)
        expectEqual(found.name, found.version === 1 ? 'sample' : `change ${found.version}`, 'the name of the version')
        await nextTurn()
      }
    })
    const writer = (async () => {
      for (let version = 1; version < 25; version += 1) {
        const revokedAt = instant(version)
        await commitOne(store, putting({ ...record, name: `change ${version + 1}`, revokedAt }, version))
        resolved = version + 1
        expectEqual((await again.findByDigest([record.digest]))?.revokedAt, revokedAt, 'the revocation elsewhere')
      }
    })().finally(() => {
      isOver = true
    })
    await allDone([writer, ...readers])
  }),

  keyStoreCase('shows a batch whole or not at all', async (store, reopen) => {
    const first = sampleKey()
    const last = sampleKey()
    await storeKeys(store, first, last)
    const again = await reopen()
    const writer = (async () => {
      for (let version = 1; version < 15; version += 1) {
        const fillers = Array.from({ length: 5 }, () => putting(sampleKey({ owner: 'filler' }), 0))
        await store.commit([putting(first, version), ...fillers, putting(last, version)])
        await nextTurn()
      }
    })()
    const reader = (async () => {
      for (let reads = 0; reads < 200; reads += 1) {
        const seen = (await readKey(again, first.id)).version
        const isWhole = (await readKey(again, last.id)).version >= seen
        expectThat(isWhole, 'the first change of a batch was seen before its last')
        if (reads % 10 === 0) await nextTurn()
      }
    })()
    await allDone([writer, reader])
  }),
]

async function countUp(store: KeyStore, id: string): Promise<void> {
  for (let tries = 0; tries < 1_000; tries += 1) {
    const record = await readKey(store, id)
    const metadata = { count: Number(record.metadata['count']) + 1 }
    if ((await commitOne(store, putting({ ...record, metadata }, record.version))) === 'committed') return
  }
  throw new Error('a change was superseded 1,000 times')
}

/** Waits for the end of all, so that nobody still uses a store that is closed, and then throws what one has thrown. */
async function allDone(acting: readonly Promise<void>[]): Promise<void> {
  await Promise.allSettled(acting)
  await Promise.all(acting)
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}
