import type { Account, CreditsOptions, Debit, KeyStore, Ledger } from 'keyward'
import { createTestClock } from '../../src/testing/test-clock.ts'
import { createTestKeyward } from '../../src/testing/test-keyward.ts'
import type { storeKinds } from '../store-kinds.ts'

/** A keyward over a store, and its ledger behind it. */
export function openAccounts(create: (typeof storeKinds)[number][1], credits: CreditsOptions = {}) {
  const clock = createTestClock()
  const store = create(clock)
  return { ...createTestKeyward({ store, credits }, clock), store, ledger: ledgerOf(store), clock }
}

/** The ledger that a store must have. */
export function ledgerOf({ ledger }: KeyStore): Ledger {
  if (ledger === undefined) throw new Error('The store keeps no credits.')
  return ledger
}

let debits = 0

/** A debit as a request makes it. */
export function debit(account: Account, amount: number, at: Date): Debit {
  debits += 1
  const operation = `request-${debits}`
  const request = { operation, token: operation, keyId: 'key_1', requestId: `req_${debits}` }
  return { ...request, isFirst: false, account, amount, leaseUntil: null, afterLease: 'charge', at }
}

/** Sums up what all movements of an account did. */
export async function sumOfMovements(ledger: Ledger, account: Account): Promise<number> {
  const movements = await ledger.listMovements(account, undefined, 10_000)
  return movements.reduce((sum, { amount }) => sum + amount, 0)
}
