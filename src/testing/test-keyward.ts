import {
  type CreatedKey,
  createKeyward,
  type Keyward,
  type KeywardEvent,
  type KeywardOptions,
  memory,
  type NewKey,
} from '../index.ts'
import { createTestClock, type TestClock } from './test-clock.ts'

/** A keyward for tests, and what tests need around it. */
export interface TestKeyward {
  readonly keyward: Keyward
  /** The time by which keys expire and windows slide. */
  readonly clock: TestClock
  /** Everything that happened so far, in order. */
  readonly events: readonly KeywardEvent[]
  /** Issues a key, called `test` and owned by `test` unless the input says otherwise. */
  createKey(input?: Partial<NewKey>): Promise<CreatedKey>
}

/**
 * Creates a keyward in memory whose time a test sets.
 *
 * @param options - Whatever shall differ from the defaults. A store of your own should be given `clock`.
 * @param clock - Default: one that stands at 2026-01-01T00:00:00Z.
 * @throws {ConfigError} When an option is wrong.
 */
export function createTestKeyward(
  options: Partial<KeywardOptions> = {},
  clock: TestClock = createTestClock(),
): TestKeyward {
  const events: KeywardEvent[] = []
  const keyward = createKeyward({
    store: memory({ losesDataOnExit: true, clock }),
    ...options,
    onEvent(event) {
      events.push(event)
      options.onEvent?.(event)
    },
  })
  return {
    keyward,
    clock,
    events,
    createKey: (input) => keyward.keys.create({ owner: 'test', name: 'test', ...input }),
  }
}
