import { describe, expect, it } from 'vitest'
import { brokenStores } from '../../src/testing/broken-stores.ts'
import { keyStoreContract } from '../../src/testing/key-store-contract.ts'

describe('the contract of key stores', () => {
  it.each(brokenStores.map((each) => [each.name, each.caughtBy, each] as const))(
    'catches a store that %s: it %s',
    async (_, caughtBy, { create }) => {
      const found = keyStoreContract.find(({ name }) => name === caughtBy)
      expect(found, 'the case that catches it').toBeDefined()
      const harness = { createStore: create, reopen: <T>(store: T) => store }
      await expect(found?.run(harness)).rejects.toThrow()
    },
  )

  it('has no two cases of one name', () => {
    const names = keyStoreContract.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })
})
