import { claimCases } from './claim-store/claim-cases.ts'
import { completionCases } from './claim-store/completion-cases.ts'
import { expiryCases, removalCases } from './claim-store/expiry-cases.ts'
import type { KeyStoreCase } from './key-store/key-store-case.ts'

/**
 * Everything that the `ClaimStore` of a `KeyStore` promises by itself, as named cases for any test runner, over the
 * harness of `keyStoreContract`. There is nothing to skip: a claim store passes all of them or is not one. What it does
 * together with the ledger of the same store is in `ledgerContract`.
 */
export const claimStoreContract: readonly KeyStoreCase[] = [
  ...claimCases,
  ...completionCases,
  ...expiryCases,
  ...removalCases,
]

/** The same for a store whose records go by themselves when they expire: there is nothing to remove. */
export const fadingClaimStoreContract: readonly KeyStoreCase[] = [...claimCases, ...completionCases, ...expiryCases]
