import { describe, expect, it } from 'vitest'
import { brokenLedgers } from '../../src/testing/broken-ledgers.ts'
import { ledgerContract } from '../../src/testing/ledger-contract.ts'

describe('the contract of ledgers', () => {
  it.each(brokenLedgers.map((each) => [each.name, each.caughtBy, each] as const))(
    'catches one that %s: it %s',
    async (_, caughtBy, { create }) => {
      const found = ledgerContract.find(({ name }) => name === caughtBy)
      expect(found, 'the case that catches it').toBeDefined()
      const harness = { createStore: create, reopen: <T>(store: T) => store }
      await expect(found?.run(harness)).rejects.toThrow()
    },
  )

  it('has no two cases of one name', () => {
    const names = ledgerContract.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
  })
})
