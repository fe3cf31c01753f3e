import type { KeyStore } from '../../model/key-store.ts'
import type { Ledger } from '../../model/ledger.ts'
import { expectThat } from '../expectations.ts'
import { type KeyStoreCase, keyStoreCase } from '../key-store/key-store-case.ts'

/** The ledger of a store, which must have one. */
export function ledgerOf({ ledger }: KeyStore): Ledger {
  expectThat(ledger !== undefined, 'the store has no ledger')
  return ledger
}

/**
 * Makes a case of a body that is given the ledger of an open, empty store, that store, and a way to open another on the
 * same data.
 */
export function ledgerCase(
  name: string,
  body: (ledger: Ledger, store: KeyStore, reopen: () => Promise<KeyStore>) => Promise<void>,
): KeyStoreCase {
  return keyStoreCase(name, (store, reopen) => body(ledgerOf(store), store, reopen))
}
