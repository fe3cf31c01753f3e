import type { ClaimStore } from '../../model/claim-store.ts'
import type { KeyStore } from '../../model/key-store.ts'
import { expectThat } from '../expectations.ts'
import { type KeyStoreCase, keyStoreCase } from '../key-store/key-store-case.ts'

/** The idempotency records of a store, which must have some. */
export function claimsOf({ claims }: KeyStore): ClaimStore {
  expectThat(claims !== undefined, 'the store has no idempotency records')
  return claims
}

/**
 * Makes a case of a body that is given the claim store of an open, empty store, that store, and a way to open another on the
 * same data.
 */
export function claimStoreCase(
  name: string,
  body: (claims: ClaimStore, store: KeyStore, reopen: () => Promise<KeyStore>) => Promise<void>,
): KeyStoreCase {
  return keyStoreCase(name, (store, reopen) => body(claimsOf(store), store, reopen))
}
