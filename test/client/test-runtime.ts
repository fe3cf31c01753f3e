import type { Runtime } from 'keyward/client'

/** A runtime in which nothing waits: retries come at once, and timeouts when a test says so. */
export interface TestRuntime extends Omit<Runtime, 'fetch'> {
  /** Milliseconds that the client has waited before each retry. */
  readonly waits: readonly number[]
  /** Lets the attempts that are under way time out now. */
  expire(): void
}

/**
 * Makes a runtime for tests.
 *
 * @param random - What the dice say.
 * @param onWait - Is called before each retry with its milliseconds.
 */
export function createTestRuntime(random = 0, onWait: (ms: number) => unknown = () => {}): TestRuntime {
  const waits: number[] = []
  const timeouts = new Set<() => void>()
  return {
    waits,
    now: () => Date.UTC(2026, 0, 1),
    random: () => random,
    async sleep(ms, signal) {
      waits.push(ms)
      await onWait(ms)
      signal?.throwIfAborted()
    },
    startTimeout(_, act) {
      timeouts.add(act)
      return () => timeouts.delete(act)
    },
    expire() {
      for (const act of timeouts) act()
    },
  }
}
