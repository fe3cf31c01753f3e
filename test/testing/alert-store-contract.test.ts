import { describe, expect, it } from 'vitest'
import { alertStoreContract } from '../../src/testing/alert-store-contract.ts'
import { brokenAlertStores } from '../../src/testing/broken-alert-stores.ts'

describe('the contract of alerts', () => {
  it.each(brokenAlertStores.map((each) => [each.name, each.caughtBy, each] as const))(
    'catches one that %s: it %s',
    async (_, caughtBy, { create }) => {
      const found = alertStoreContract.find(({ name }) => name === caughtBy)
      expect(found, 'the case that catches it').toBeDefined()
      const harness = { createStore: create, reopen: <T>(store: T) => store }
      await expect(found?.run(harness)).rejects.toThrow()
    },
  )

  it('has a broken store for every case, and no two cases of one name', () => {
    const names = alertStoreContract.map(({ name }) => name)
    expect(new Set(brokenAlertStores.map(({ caughtBy }) => caughtBy))).toEqual(new Set(names))
    expect(new Set(names).size).toBe(names.length)
  })
})
