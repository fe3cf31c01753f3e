import { vi } from 'vitest'
import { memoryGate } from '../../../src/stores/memory/memory-gate.ts'
import type { GateHarness } from '../../../src/testing/gate/gate-case.ts'

/** Memory gates on the machine's clocks; needs `vi.useFakeTimers()`, so that clocks and timers go together. */
export const memoryGateHarness = {
  createGate() {
    const gate = memoryGate()
    return {
      gate,
      toleranceMs: 0,
      advance: async (ms: number) => void (await vi.advanceTimersByTimeAsync(ms)),
      entries: () => gate.size,
    }
  },
} satisfies GateHarness
