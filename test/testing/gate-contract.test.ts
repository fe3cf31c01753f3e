import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { brokenGates } from '../../src/testing/broken-gates.ts'
import { gateContract } from '../../src/testing/gate-contract.ts'
import { memoryGateHarness } from '../stores/memory/memory-gate-harness.ts'

describe('the contract of gates', () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it.each(brokenGates.map((each) => [each.name, each.caughtBy, each] as const))(
    'catches a gate that %s: it %s',
    async (_, caughtBy, { spoil }) => {
      const found = gateContract.find(({ name }) => name === caughtBy)
      expect(found, 'the case that catches it').toBeDefined()
      const harness = { createGate: () => spoil(memoryGateHarness.createGate()) }
      await expect(found?.run(harness)).rejects.toThrow()
    },
  )

  it('has a broken gate for every case', () => {
    expect(new Set(brokenGates.map(({ caughtBy }) => caughtBy))).toEqual(new Set(gateContract.map(({ name }) => name)))
  })

  it('has no two cases of one name', () => {
    expect(new Set(gateContract.map(({ name }) => name)).size).toBe(gateContract.length)
  })
})
