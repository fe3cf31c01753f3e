import { createRounds, type Rounds } from '../fleet/rounds.ts'
import type { Clock } from '../model/clock.ts'
import { INTERVAL_MS } from '../model/usage-counts.ts'
import type { UsageInterval, UsageStore } from '../model/usage-store.ts'

/** How long rows are kept, in days. */
const KEPT_DAYS: Readonly<Record<UsageInterval, number>> = { minute: 2, hour: 90, day: 800 }
/** How often a serving process looks for rows that are old enough. */
const INTERVAL = 600_000
/** When it looks first: a start has other things to do. */
const FIRST_MS = 90_000
/** Rows that go at once. */
const BATCH = 500

/** Removes counts that are older than they are kept, a minute and a half from the start and then every ten minutes. A round says how many rows are gone. */
export function createUsageRetention(store: Pick<UsageStore, 'purgeUsage'>, clock: Clock): Rounds<number> {
  async function purge(isClosed: () => boolean): Promise<number> {
    let total = 0
    for (const interval of ['minute', 'hour', 'day'] as const) {
      const before = new Date(clock.now() - KEPT_DAYS[interval] * INTERVAL_MS.day)
      while (!isClosed()) {
        const removed = await store.purgeUsage(interval, before, BATCH)
        total += removed
        if (removed < BATCH) break
      }
    }
    return total
  }

  return createRounds(purge, { firstMs: FIRST_MS, intervalMs: INTERVAL })
}
