import type { Clock } from '../model/clock.ts'

/** How long what was noted may wait before it is written. */
const FLUSH_MS = 2_000

/** Has what was noted written a little later, together with what else is noted until then. */
export interface FlushTimer {
  /** Says that something waits. */
  arm(): void
  /** Writes what waits. Never rejects. */
  flush(): Promise<void>
  /** Writes what waits, once, and nothing afterwards. */
  close(): Promise<void>
}

/**
 * Creates the timer, which runs only while something waits, and keeps no process alive.
 *
 * @param write - Writes everything that waits; one call after the other. Must not reject.
 */
export function createFlushTimer(clock: Clock, write: () => Promise<void>): FlushTimer {
  let timer: ReturnType<typeof setTimeout> | undefined
  let armedAt = Number.NEGATIVE_INFINITY
  let writing: Promise<void> = Promise.resolve()
  let isClosed = false

  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    writing = writing.then(write)
    return writing
  }

  return {
    // A timer that is long overdue ended with its request, as on Workers: then this one writes what waits.
    arm() {
      if (isClosed) return
      const monotonic = clock.monotonic()
      if (timer === undefined) {
        armedAt = monotonic
        timer = setTimeout(flush, FLUSH_MS)
        Object(timer).unref?.()
      } else if (monotonic - armedAt >= 2 * FLUSH_MS) {
        void flush()
      }
    },
    flush,
    close() {
      isClosed = true
      return flush()
    },
  }
}
