import type { KeyRecord, KeyStore } from 'keyward'
import { expect } from 'vitest'
import { chainOf, firstBrokenLink } from '../../audit-chain.ts'
import { type Ledger, OWNERS } from './changes.ts'

/**
 * Expects that nothing that was acknowledged is lost, that every change has exactly its audit entry, and that nothing
 * passed that was revoked.
 *
 * @returns How much there was.
 */
export async function verifyLedger(ledger: Ledger, store: KeyStore): Promise<Record<string, number>> {
  expect(ledger.violations).toEqual([])
  const stored = new Map<string, KeyRecord>()
  let entries = 0
  for (const owner of OWNERS) {
    const records = await recordsOf(store, owner)
    const chain = await chainOf(store, owner)
    const entriesOf = (action: string) => chain.filter((entry) => entry.action === action).map(({ keyId }) => keyId)
    for (const record of records) stored.set(record.id, record)
    const revoked = records.filter(({ revokedAt }) => revokedAt !== null)
    expect(entriesOf('key.created').toSorted()).toEqual(records.map(({ id }) => id).toSorted())
    expect(entriesOf('key.revoked').toSorted()).toEqual(revoked.map(({ id }) => id).toSorted())
    expect(chain).toHaveLength(records.length + revoked.length)
    expect(firstBrokenLink(chain)).toBeUndefined()
    entries += chain.length
  }
  expect([...ledger.created.keys()].filter((id) => !stored.has(id))).toEqual([])
  expect([...ledger.revoked].filter((id) => stored.get(id)?.revokedAt == null)).toEqual([])
  const { asked } = ledger
  return { created: ledger.created.size, revoked: ledger.revoked.size, fenced: ledger.fenced.size, asked, entries }
}

async function recordsOf(store: KeyStore, owner: string): Promise<readonly KeyRecord[]> {
  const records: KeyRecord[] = []
  for (;;) {
    const page = await store.list({ owner, beforeId: records.at(-1)?.id, limit: 1_000, conditions: [] })
    records.push(...page)
    if (page.length < 1_000) return records
  }
}
