import type { ClaimStore } from './model/claim-store.ts'
import type { Clock } from './model/clock.ts'
import type { Ledger } from './model/ledger.ts'

/** How often leases that have ended are looked for. */
const SWEEP_MS = 1_000
/** How often records that have expired are removed. */
const REMOVE_MS = 30_000
/** How many are taken in one go; more than a server makes in a second. */
const BATCH = 1_000

/** Closes what crashed processes left open, and removes what has expired: any instance does it for all. */
export interface Sweep {
  /** Begins, where it has not. Its timer keeps no process alive. */
  start(): void
  /** Ends, and waits for a round under way. */
  close(): Promise<void>
}

/** Creates the sweep of whatever there is to sweep. A store that is away is swept once it is back. */
export function createSweep(
  ledger: Ledger | undefined,
  claims: ClaimStore | undefined,
  clock: Clock,
  isServing: () => boolean,
): Sweep {
  let timer: ReturnType<typeof setInterval> | undefined
  let running: Promise<unknown> | undefined
  let removedAtMs = Number.NEGATIVE_INFINITY

  async function round(): Promise<void> {
    if (!isServing()) return
    const at = new Date(clock.now())
    await ledger?.closeLapsed(at, BATCH)
    if (clock.monotonic() - removedAtMs < REMOVE_MS) return
    removedAtMs = clock.monotonic()
    while (((await claims?.removeExpired(at, BATCH)) ?? 0) === BATCH);
  }

  return {
    start() {
      if (timer !== undefined) return
      timer = setInterval(() => {
        running ??= round()
          .catch(() => {})
          .finally(() => {
            running = undefined
          })
      }, SWEEP_MS)
      Object(timer).unref?.()
    },
    async close() {
      clearInterval(timer)
      await running
    },
  }
}
