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

/** Removes counts that are older than they are kept. */
export interface UsageRetention {
  /** Purges now. While a purge of this process is under way, waits for that one. @returns How many rows are gone. */
  purge(): Promise<number>
  /** Begins to purge by itself, a minute and a half from now and then every ten minutes. Its timer keeps no process alive. */
  start(): void
  /** Ends, and waits for a purge under way. */
  close(): Promise<void>
}

/** Creates the retention. */
export function createUsageRetention(store: Pick<UsageStore, 'purgeUsage'>, clock: Clock): UsageRetention {
  let timer: ReturnType<typeof setTimeout> | undefined
  let running: Promise<number> | undefined
  let isClosed = false

  async function purgeAll(): Promise<number> {
    let total = 0
    for (const interval of ['minute', 'hour', 'day'] as const) {
      const before = new Date(clock.now() - KEPT_DAYS[interval] * INTERVAL_MS.day)
      while (!isClosed) {
        const removed = await store.purgeUsage(interval, before, BATCH)
        total += removed
        if (removed < BATCH) break
      }
    }
    return total
  }

  function purge(): Promise<number> {
    running ??= purgeAll().finally(() => {
      running = undefined
    })
    return running
  }

  function startTimer(afterMs: number): void {
    timer = setTimeout(() => {
      // A store that is away is told of by its guard; the next time comes.
      purge().catch(() => {})
      startTimer(INTERVAL)
    }, afterMs)
    Object(timer).unref?.()
  }

  return {
    purge,
    start() {
      if (timer === undefined && !isClosed) startTimer(FIRST_MS)
    },
    async close() {
      isClosed = true
      clearTimeout(timer)
      await running?.catch(() => {})
    },
  }
}
