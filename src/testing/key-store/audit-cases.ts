import { AUDIT_CHAIN_START, auditPayload } from '../../model/audit-entry.ts'
import type { KeyStore } from '../../model/key-store.ts'
import { sha256 } from '../../model/sha256.ts'
import { expectEqual, expectThat } from '../expectations.ts'
import { type KeyStoreCase, keyStoreCase } from './key-store-case.ts'
import { commitOne, instant, putting, removing, sampleAudit, sampleKey, storeKeys } from './samples.ts'

/** Throws unless an owner's entries are numbered without gaps and each hash covers its entry and the one before. */
export async function expectChain(store: KeyStore, owner: string, length: number): Promise<void> {
  const entries = await store.listAudit(owner, 0, length + 1)
  expectEqual(entries.length, length, `audit entries of ${owner}`)
  let previousHash = AUDIT_CHAIN_START
  for (const [index, entry] of entries.entries()) {
    expectEqual(entry.sequence, index + 1, 'the place in the chain')
    expectEqual(entry.previousHash, previousHash, `previousHash of entry ${index + 1}`)
    const payload = auditPayload(entry, JSON.stringify(entry.details), entry.sequence, previousHash)
    expectEqual(entry.hash, await sha256(payload, 'hex'), `hash of entry ${index + 1}`)
    previousHash = entry.hash
  }
}

const drafts = [
  sampleAudit({ action: 'key.created' }),
  sampleAudit({
    action: 'key.updated',
    keyId: 'key_1',
    actor: 'üser 🚀',
    address: '2001:db8::1',
    requestId: 'req_1',
    at: instant(-1),
    details: { name: { before: 'a', after: 'b' }, list: [1, null, 'x'], text: 'quote" \\ 東京' },
  }),
  sampleAudit({ action: 'key.revoked', details: { reason: null } }),
]

/** What a store must remember of what was done. */
export const auditCases: readonly KeyStoreCase[] = [
  keyStoreCase('returns every field of an audit entry as it was given', async (store) => {
    const record = sampleKey()
    await store.commit(drafts.map((audit, version) => putting(record, version, { audit })))
    const entries = await store.listAudit('acme', 0, 10)
    const given = entries.map(({ sequence: _, previousHash: _previous, hash: _hash, ...draft }) => draft)
    expectEqual(given, drafts, 'the entries')
  }),

  keyStoreCase('chains the entries of each owner, without gaps and with hashes that can be checked', async (store) => {
    const record = sampleKey()
    await store.commit(drafts.map((audit, version) => putting(record, version, { audit })))
    await storeKeys(store, sampleKey({ owner: 'other' }), sampleKey(), sampleKey({ owner: 'other' }))
    await expectChain(store, 'acme', 4)
    await expectChain(store, 'other', 2)
    expectEqual(await store.listAudit('nobody', 0, 10), [], 'entries of an owner without any')
  }),

  keyStoreCase('goes on with the chain when the data is opened again', async (store, reopen) => {
    await storeKeys(store, sampleKey())
    const again = await reopen()
    await storeKeys(again, sampleKey())
    await storeKeys(store, sampleKey())
    await expectChain(again, 'acme', 3)
  }),

  keyStoreCase('has an entry for every change that was committed, and for no other', async (store) => {
    const record = await storeKeys(store, sampleKey())
    const audit = (reason: string) => sampleAudit({ details: { reason } })
    await store.commit([
      putting(record, 5, { audit: audit('superseded') }),
      putting(sampleKey({ digest: record.digest }), 0, { audit: audit('duplicate') }),
      putting(record, 1, { audit: audit('committed') }),
    ])
    await commitOne(store, removing(record, 2))
    await expectChain(store, 'acme', 3)
    const reasons = (await store.listAudit('acme', 1, 10)).map((entry) => entry.details['reason'])
    expectEqual(reasons, ['committed', undefined], 'reasons')
  }),

  keyStoreCase('lists entries after a sequence number, up to a limit', async (store) => {
    await storeKeys(store, sampleKey(), sampleKey(), sampleKey(), sampleKey(), sampleKey())
    const page = async (after: number, limit: number) =>
      (await store.listAudit('acme', after, limit)).map((entry) => entry.sequence)
    expectEqual(await page(0, 2), [1, 2], 'the first page')
    expectEqual(await page(2, 2), [3, 4], 'the second page')
    expectEqual(await page(4, 2), [5], 'the last page')
    expectEqual(await page(5, 2), [], 'the page after it')
  }),

  keyStoreCase('returns copies of audit entries', async (store) => {
    const record = sampleKey()
    const audit = sampleAudit({ details: { list: [1] } })
    await commitOne(store, putting(record, 0, { audit }))
    const [entry] = await store.listAudit('acme', 0, 1)
    expectThat(entry !== undefined, 'there is no entry')
    for (const { details, at } of [audit, entry]) {
      ;(details['list'] as number[]).push(2)
      at.setTime(0)
    }
    await expectChain(store, 'acme', 1)
    expectEqual((await store.listAudit('acme', 0, 1))[0]?.details, { list: [1] }, 'the details')
  }),
]
