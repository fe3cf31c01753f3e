import { describe, expect, it } from 'vitest'
import { ConfigError } from '../../../src/model/errors.ts'
import { memory } from '../../../src/stores/memory/memory-store.ts'
import { systemClock } from '../../../src/stores/system-clock.ts'
import { alertStoreContract } from '../../../src/testing/alert-store-contract.ts'
import { claimStoreContract } from '../../../src/testing/claim-store-contract.ts'
import { keyStoreContract } from '../../../src/testing/key-store-contract.ts'
import { ledgerContract } from '../../../src/testing/ledger-contract.ts'
import { usageStoreContract } from '../../../src/testing/usage-store-contract.ts'

const harness = {
  createStore: (clock: Parameters<typeof memory>[0]['clock'] & object) => memory({ losesDataOnExit: true, clock }),
  reopen: <T>(store: T) => store,
}

describe('the memory store', () => {
  it.each(keyStoreContract.map((each) => [each.name, each] as const))('%s', (_, { run }) => run(harness))

  describe('its ledger', () => {
    it.each(ledgerContract.map((each) => [each.name, each] as const))('%s', (_, { run }) => run(harness))
  })

  describe('its idempotency records', () => {
    it.each(claimStoreContract.map((each) => [each.name, each] as const))('%s', (_, { run }) => run(harness))
  })

  describe('its alerts', () => {
    it.each(alertStoreContract.map((each) => [each.name, each] as const))('%s', (_, { run }) => run(harness))
  })

  describe('its counts of requests', () => {
    it.each(usageStoreContract.map((each) => [each.name, each] as const))('%s', (_, { run }) => run(harness))
  })

  it.each([undefined, {}, { losesDataOnExit: false }, { losesDataOnExit: 'yes' }])(
    '227: refuses to be made with %j: nobody loses keys without having said so',
    (options) => {
      expect(() => memory(options as never)).toThrow(ConfigError)
      expect(() => memory(options as never)).toThrow(/losesDataOnExit must be true/)
    },
  )

  it('uses the machine’s clocks unless it is given others', () => {
    expect(memory({ losesDataOnExit: true }).clock).toBe(systemClock)
  })

  it('can be served by several instances only where they share the store itself: it has no claim to make', () => {
    expect(memory({ losesDataOnExit: true })).not.toHaveProperty('claim')
    expect(memory({ losesDataOnExit: true })).not.toHaveProperty('changedElsewhere')
  })
})
