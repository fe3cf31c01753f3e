import { describe, expect, it } from 'vitest'
import { brokenUsageStores } from '../../src/testing/broken-usage-stores.ts'
import { usageStoreContract } from '../../src/testing/usage-store-contract.ts'

describe('the contract of counts of requests', () => {
  it.each(brokenUsageStores.map((each) => [each.name, each.caughtBy, each] as const))(
    'catches one that %s: it %s',
    async (_, caughtBy, { create }) => {
      const found = usageStoreContract.find(({ name }) => name === caughtBy)
      expect(found, 'the case that catches it').toBeDefined()
      const harness = { createStore: create, reopen: <T>(store: T) => store }
      await expect(found?.run(harness)).rejects.toThrow()
    },
  )

  it('has no two cases of one name', () => {
    const names = usageStoreContract.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })
})
