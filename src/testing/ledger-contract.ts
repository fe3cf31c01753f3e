import type { KeyStoreCase } from './key-store/key-store-case.ts'
import { accountCases } from './ledger/account-cases.ts'
import { claimCases } from './ledger/claim-cases.ts'
import { closingCases } from './ledger/closing-cases.ts'
import { debitCases } from './ledger/debit-cases.ts'
import { depositCases } from './ledger/deposit-cases.ts'
import { lapseCases } from './ledger/lapse-cases.ts'
import { raceCases } from './ledger/race-cases.ts'

/**
 * Everything that the `Ledger` of a `KeyStore` promises, as named cases for any test runner, over the harness of
 * `keyStoreContract`. There is nothing to skip: a ledger passes all of them or is not one. The store keeps
 * idempotency records too, for debits that end together with them.
 */
export const ledgerContract: readonly KeyStoreCase[] = [
  ...accountCases,
  ...debitCases,
  ...closingCases,
  ...lapseCases,
  ...depositCases,
  ...claimCases,
  ...raceCases,
]
