import { expect } from 'vitest'
import type { KeyStore } from '../../../src/model/key-store.ts'
import { claimsOf } from '../../../src/testing/claim-store/claim-store-case.ts'
import { completing, sampleClaim } from '../../../src/testing/claim-store/samples.ts'
import { expectChain } from '../../../src/testing/key-store/audit-cases.ts'
import { commitOne, instant, putting, sampleAudit, sampleKey } from '../../../src/testing/key-store/samples.ts'
import { ledgerOf } from '../../../src/testing/ledger/ledger-case.ts'
import { expectBooks, meteredDebit, refunding, sampleDeposit, settling } from '../../../src/testing/ledger/samples.ts'

const ACCOUNTS = [
  { owner: 'acme', lineage: null },
  { owner: 'acme', lineage: 'key_1' },
]
const WORKERS = 8
const ROUNDS = 5

/**
 * Does everything that locks something at once, through several stores on one database: debits, closings with and without
 * claims, deposits with audit entries, commits of the same owner, and sweeps. Then the books of all accounts must be right,
 * and the chain whole.
 */
export async function mixLoad(stores: readonly KeyStore[]): Promise<void> {
  const [first] = stores as [KeyStore]
  for (const account of ACCOUNTS) await ledgerOf(first).deposit(sampleDeposit({ account, change: { add: 100 } }))
  await Promise.all(
    Array.from({ length: WORKERS }, (_, worker) => work(stores[worker % stores.length] ?? first, worker)),
  )
  while ((await ledgerOf(first).closeLapsed(instant(1e9), 100)) > 0);
  for (const account of ACCOUNTS) {
    const { balance = -1 } = (await ledgerOf(first).findAccount(account)) ?? {}
    await expectBooks(ledgerOf(first), balance, 0, account)
  }
  await expectChain(first, 'acme', WORKERS * ROUNDS * 2)
}

async function work(store: KeyStore, worker: number): Promise<void> {
  const [ledger, claims] = [ledgerOf(store), claimsOf(store)]
  for (let round = 0; round < ROUNDS; round += 1) {
    const account = ACCOUNTS[(worker + round) % ACCOUNTS.length]!
    // Most leases have ended when their request ends: a sweep may come first.
    const leaseUntil = instant(round === 2 ? 60_000 : 500)
    const claim = sampleClaim({ leaseUntil })
    expect((await claims.claim(claim)).outcome).toBe('claimed')
    const { id, token } = claim
    const debit = meteredDebit({ account, operation: id, token, leaseUntil, amount: 2, afterLease: 'refund' })
    expect((await ledger.reserve(debit)).outcome).toBe('reserved')
    expect(await commitOne(store, putting(sampleKey(), 0))).toBe('committed')
    const audit = sampleAudit({ action: 'credits.topped_up' })
    const [, moved] = await Promise.all([
      worker % 2 === 0
        ? claims.complete(completing(claim), settling(debit, round))
        : claims.release(id, token, refunding(debit)),
      ledger.deposit(sampleDeposit({ account, audit, operation: id + id })),
      ledger.closeLapsed(instant(1_000), 10),
    ])
    expect(moved.outcome).toBe('moved')
  }
}
