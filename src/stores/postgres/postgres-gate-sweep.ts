import type { Window } from '../../model/policy.ts'
import type { PostgresQuery } from './postgres-query.ts'

/** Removes logs that have ended, for as long as there are any. */
export interface LogSweep {
  /** Sees to it that logs with these windows are removed within half a window of being due. */
  expect(asked: readonly { readonly window: Window }[]): void
  /** Ends the timer; resolves when no statement is under way. */
  stop(): Promise<void>
}

/** Logs removed by one statement: some milliseconds. */
const AT_ONCE = 1000
const PAUSE_MS = 20
const LONGEST_MS = 30_000
const SHORTEST_MS = 500

/**
 * Sweeps from time to time, every half of the shortest window that was lately counted in: half a second to half a
 * minute. The timer does not keep the process alive. Several processes may sweep: each takes rows that no other has.
 */
export function startLogSweep(query: PostgresQuery): LogSweep {
  let intervalMs = LONGEST_MS
  let timer: ReturnType<typeof setTimeout> | undefined
  let running: Promise<void> | undefined
  let counted = false
  let stopped = false

  function arm(delayMs: number): void {
    if (stopped || timer !== undefined || running !== undefined) return
    timer = setTimeout(() => {
      timer = undefined
      running = sweep()
    }, delayMs)
    timer.unref()
  }

  async function sweep(): Promise<void> {
    counted = false
    const swept = await removeLogs(query)
    running = undefined
    if (swept === -1 && !counted) intervalMs = LONGEST_MS
    else arm(swept === AT_ONCE ? PAUSE_MS : intervalMs)
  }

  return {
    expect(asked) {
      counted = true
      let longestSeconds = 0
      for (const { window } of asked) longestSeconds = Math.max(longestSeconds, window.windowSeconds)
      const wantedMs = Math.max(SHORTEST_MS, longestSeconds * 500)
      if (wantedMs < intervalMs) {
        intervalMs = wantedMs
        clearTimeout(timer)
        timer = undefined
      }
      arm(intervalMs)
    },
    async stop() {
      stopped = true
      clearTimeout(timer)
      await running
    },
  }
}

/** How many logs went; -1 when none are left. A failure is for the next time: an ended log counts for nothing. */
async function removeLogs(query: PostgresQuery): Promise<number> {
  try {
    const rows = await query('SELECT keyward_gate_sweep($1::text::integer) AS swept', [String(AT_ONCE)])
    return Number(rows[0]?.['swept'])
  } catch {
    return 0
  }
}
