import { type Alert, createKeyward, type KeyStore, type Keyward, type KeywardEvent, type KeywardOptions } from 'keyward'
import { createTestClock, type TestClock } from 'keyward/testing'
import { onTestFinished } from 'vitest'

export const MINUTE_MS = 60_000
export const HOUR_MS = 3_600_000
export const DAY_MS = 86_400_000
export const NOW = Date.UTC(2026, 5, 1, 12)

/** A keyward whose time a test sets, and what it has told. */
export interface AlertKit {
  readonly keyward: Keyward
  readonly store: KeyStore
  readonly clock: TestClock
  readonly events: readonly KeywardEvent[]
  /** Every alert, newest first, as `kind state`. */
  states(): Promise<readonly string[]>
  /** The only alert. */
  only(): Promise<Alert>
  /** Lets time pass, and evaluates once a minute. */
  pass(minutes: number): Promise<void>
}

/** Opens a kit for the length of a test. */
export function openKit(
  create: (clock: TestClock) => KeyStore,
  options: Partial<KeywardOptions> = {},
  clock = createTestClock(NOW),
): AlertKit {
  const store = create(clock)
  const events: KeywardEvent[] = []
  const keyward = createKeyward({
    clientAddress: 'peer',
    ...options,
    store,
    onEvent: (event) => void events.push(event),
  })
  onTestFinished(() => keyward.close())
  const list = async () => (await keyward.alerts.list({ limit: 100 })).items
  return {
    ...{ keyward, store, clock, events },
    states: async () => (await list()).map(({ kind, state }) => `${kind} ${state}`),
    async only() {
      const [first, ...rest] = await list()
      if (first === undefined || rest.length > 0)
        throw new Error(`There are ${rest.length} alerts beside ${first?.id}.`)
      return first
    },
    async pass(minutes) {
      for (let each = 0; each < minutes; each++) {
        clock.advance(MINUTE_MS)
        await keyward.alerts.check()
      }
    },
  }
}

/** Alerts that were told of, as `type kind`. */
export function toldOf(events: readonly KeywardEvent[]): readonly string[] {
  return events.flatMap((event) =>
    event.type === 'alert_opened' || event.type === 'alert_resolved' ? [`${event.type} ${event.alert.kind}`] : [],
  )
}
