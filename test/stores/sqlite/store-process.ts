import type { KeyStore } from '../../../src/model/key-store.ts'
import { sqlite } from '../../../src/stores/sqlite/sqlite.ts'

/** A call of a store's method, as it is sent to another process, and what came of it. */
export interface StoreCall {
  readonly id: number
  readonly method: Exclude<
    keyof KeyStore,
    'clock' | 'deadlineMs' | 'sharing' | 'ledger' | 'claims' | 'usage' | 'alerts' | 'createGate' | 'changedElsewhere'
  >
  readonly args: readonly unknown[]
}
export interface StoreAnswer {
  readonly id: number
  readonly value?: unknown
  readonly error?: { readonly name: string; readonly message: string }
}

/** Does what it is told with a store on the file that is its argument: a process to start, watch and kill. */
if (process.argv[2] !== undefined) {
  const store = sqlite(process.argv[2])
  process.on('message', async ({ id, method, args }: StoreCall) => {
    const act = store[method].bind(store) as (...args: readonly unknown[]) => Promise<unknown>
    process.send?.(
      await act(...args).then(
        (value): StoreAnswer => ({ id, value }),
        ({ name, message, cause }: Error): StoreAnswer => ({ id, error: { name, message: `${message} ${cause}` } }),
      ),
    )
  })
  process.send?.({ id: 0 } satisfies StoreAnswer)
}
