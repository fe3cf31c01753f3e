import type { KeyStoreCase } from './key-store/key-store-case.ts'
import { addingCases } from './usage-store/adding-cases.ts'
import { readingCases } from './usage-store/reading-cases.ts'

/**
 * Everything that the `UsageStore` of a `KeyStore` promises, as named cases for any test runner, over the harness of
 * `keyStoreContract`. There is nothing to skip: a store that counts requests passes all of them.
 */
export const usageStoreContract: readonly KeyStoreCase[] = [...addingCases, ...readingCases]
