import type { Clock } from '../../model/clock.ts'
import type { KeyStore } from '../../model/key-store.ts'
import type { MaybePromise } from '../../model/maybe-promise.ts'

/** What a driver brings so that the contract can be run against it. */
export interface KeyStoreHarness {
  /** Creates a store with this clock over fresh, empty storage. The contract opens and closes it. */
  createStore(clock: Clock): MaybePromise<KeyStore>
  /**
   * Creates another store on what `store` keeps, as another process would: over a connection of its own. Where
   * only one store can see the data, as in memory, it is `store` itself.
   */
  reopen(store: KeyStore): MaybePromise<KeyStore>
}

/** A sentence of the contract and the proof of it. */
export interface KeyStoreCase {
  readonly name: string
  /** Rejects when the store breaks the sentence. Makes everything that it needs, and closes what it opened. */
  run(harness: KeyStoreHarness): Promise<void>
}

/** Instant at which the contract's clock stands: 2026-01-01T00:00:00.123Z. */
export const CONTRACT_NOW = Date.UTC(2026, 0, 1, 0, 0, 0, 123)

const standingClock: Clock = { now: () => CONTRACT_NOW, monotonic: () => 0 }

/**
 * Makes a case of a body that is given an open, empty store, and a way to open another on the same data. Closing a
 * store twice must do no harm.
 */
export function keyStoreCase(
  name: string,
  body: (store: KeyStore, reopen: () => Promise<KeyStore>) => Promise<void>,
): KeyStoreCase {
  return {
    name,
    async run(harness) {
      const store = await harness.createStore(standingClock)
      const opened = [store]
      try {
        await store.open()
        await body(store, async () => {
          const again = await harness.reopen(store)
          opened.push(again)
          await again.open()
          return again
        })
      } finally {
        for (const each of opened.reverse()) await each.close()
      }
    },
  }
}
