import { describe, it } from 'vitest'
import type { AdapterHarness } from '../../src/testing/adapter/adapter-case.ts'
import { adapterContract } from '../../src/testing/adapter-contract.ts'

/** Runs the contract of adapters against one of them. */
export function describeAdapter(name: string, harness: AdapterHarness): void {
  describe(`the adapter for ${name}`, () => {
    for (const { name: sentence, run } of adapterContract) it(sentence, () => run(harness))
  })
}
