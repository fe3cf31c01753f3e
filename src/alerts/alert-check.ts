import type { AlertStore } from '../model/alert-store.ts'
import type { KeyStore } from '../model/key-store.ts'
import { sweepKeys } from './key-sweep.ts'
import { type SweepRooms, sweepUnresolved } from './unresolved-sweep.ts'

/** How often alerts are evaluated: 1 minute, in milliseconds. */
const INTERVAL_MS = 60_000
/** A turn that is noted further ahead was noted by a clock that was wrong. */
const WRONG_MS = 3_600_000
/** Days for which resolved alerts are kept. */
const KEEP_DAYS = 90
const DAY_MS = 86_400_000
/** Resolved alerts that one check removes. */
const MOST_REMOVED = 500

/** Evaluates what alerts hold. */
export interface AlertCheck {
  /** Evaluates now. While a check of this process is under way, waits for that one. */
  run(): Promise<void>
  /** Begins to evaluate by itself, every minute. Its timer keeps no process alive. */
  start(): void
  /** Ends, and waits for a check under way. */
  close(): Promise<void>
}

/** What a check is given by the composition. */
export interface CheckRooms extends SweepRooms {
  /** Writes what this process has noticed and not written yet. */
  readonly flush: () => Promise<void>
  readonly failed: (cause: unknown) => void
}

/** Creates the check. Of several processes, one evaluates a minute. */
export function createAlertCheck(rooms: CheckRooms): AlertCheck {
  const { store, alerts, book, terms, spikes } = rooms
  let timer: ReturnType<typeof setTimeout> | undefined
  let running: Promise<void> | undefined
  let isClosed = false
  const isStopped = () => isClosed

  /** First what has ended: what begins again in the same minute is opened anew. */
  async function evaluate(): Promise<void> {
    await rooms.flush()
    await sweepUnresolved(rooms, isStopped)
    await openSpikes(true)
    await sweepKeys(store, alerts, book, terms, isStopped)
    await alerts.removeResolved(new Date(store.clock.now() - KEEP_DAYS * DAY_MS), MOST_REMOVED)
  }

  async function openSpikes(isForAll: boolean): Promise<void> {
    if (spikes === undefined) return
    const now = store.clock.now()
    await book.open(await spikes.findSpikes(now, isForAll), new Date(now))
  }

  function run(): Promise<void> {
    running ??= evaluate().finally(() => {
      running = undefined
    })
    return running
  }

  /** Whoever has the turn evaluates everything; the others, what only they know to have been busy. */
  async function runInTurn(): Promise<void> {
    if (await takeTurn(alerts, store)) await run()
    else await openSpikes(false)
  }

  function arm(): void {
    timer = setTimeout(() => {
      runInTurn().then(
        () => rooms.failed(undefined),
        (cause: unknown) => rooms.failed(cause),
      )
      arm()
    }, INTERVAL_MS)
    Object(timer).unref?.()
  }

  return {
    run,
    start() {
      if (timer === undefined && !isClosed) arm()
    },
    async close() {
      isClosed = true
      clearTimeout(timer)
      await running?.catch(() => {})
    },
  }
}

function takeTurn(alerts: AlertStore, { clock }: KeyStore): Promise<boolean> {
  const now = clock.now()
  // Timers of several processes do not beat as one: a second less, so that none waits for two minutes.
  const [nextAt, latest] = [now + INTERVAL_MS - 1_000, now + WRONG_MS]
  return alerts.takeTurn({ name: 'check', at: new Date(now), nextAt: new Date(nextAt), latest: new Date(latest) })
}
