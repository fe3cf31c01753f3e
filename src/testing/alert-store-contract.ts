import { alertCases } from './alert-store/alert-cases.ts'
import { deliveryCases } from './alert-store/delivery-cases.ts'
import type { KeyStoreCase } from './key-store/key-store-case.ts'

/**
 * Everything that the `AlertStore` of a `KeyStore` promises, as named cases for any test runner, over the harness of
 * `keyStoreContract`. There is nothing to skip: alerts pass all of them or are none.
 */
export const alertStoreContract: readonly KeyStoreCase[] = [...alertCases, ...deliveryCases]
