import type { KeyStore } from '../../model/key-store.ts'
import type { UsageStore } from '../../model/usage-store.ts'
import { expectThat } from '../expectations.ts'
import { type KeyStoreCase, keyStoreCase } from '../key-store/key-store-case.ts'

/** The counts of a store, which must keep some. */
function usageOf({ usage }: KeyStore): UsageStore {
  expectThat(usage !== undefined, 'the store keeps no usage')
  return usage
}

/** Makes a case of a body that is given the counts of an open, empty store, and a way to open another on the same data. */
export function usageCase(
  name: string,
  body: (usage: UsageStore, reopen: () => Promise<UsageStore>) => Promise<void>,
): KeyStoreCase {
  return keyStoreCase(name, (store, reopen) => body(usageOf(store), async () => usageOf(await reopen())))
}
