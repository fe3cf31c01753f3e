import { describe, expect, it } from 'vitest'
import { brokenClaimStores } from '../../src/testing/broken-claim-stores.ts'
import { claimStoreContract } from '../../src/testing/claim-store-contract.ts'
import { ledgerContract } from '../../src/testing/ledger-contract.ts'

describe('the contract of claim stores', () => {
  it.each(brokenClaimStores.map((each) => [each.name, each.caughtBy, each] as const))(
    'catches one that %s: it %s',
    async (_, caughtBy, { create }) => {
      const found = [...claimStoreContract, ...ledgerContract].find(({ name }) => name === caughtBy)
      expect(found, 'the case that catches it').toBeDefined()
      const harness = { createStore: create, reopen: <T>(store: T) => store }
      await expect(found?.run(harness)).rejects.toThrow()
    },
  )

  it('has no two cases of one name', () => {
    const names = [...claimStoreContract, ...ledgerContract].map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })
})
