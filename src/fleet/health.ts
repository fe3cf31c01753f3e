import { type Observer, type Part, tell } from '../events.ts'
import type { Clock } from '../model/clock.ts'
import { DeadlineError } from '../model/deadline.ts'
import { StoreUnavailableError } from '../model/errors.ts'

/** So many late answers in a row, and calls are refused at once but for a few that try. */
const LATE_IN_A_ROW = 5
/** How often a call tries, while answers are late. */
const PROBE_INTERVAL_MS = 100
/** How long nothing must have failed before a part is said to work again: part of a cluster may be away. */
const CALM_MS = 1_000

/** Whether a store, gate or channel answers. Tells each change of state once. */
export interface Health {
  /**
   * @throws {StoreUnavailableError} When answers are late and it is not this call's turn to try: so that nobody queues
   * behind a server that hangs.
   */
  check(): void
  /** Notes an answer. */
  worked(): void
  /** Notes a failure. @returns What to throw: whatever it was, to those who wait the part is away. */
  failed(cause: unknown): StoreUnavailableError
}

/** Failures that an observer was told of as some part's: whoever answers with 503 for them need not tell again. */
const told = new WeakSet<object>()

/** Whether an observer was told of this failure already. */
export function wasTold(cause: unknown): boolean {
  return typeof cause === 'object' && cause !== null && told.has(cause)
}

/** Creates the health of one part. */
export function createHealth(part: Part, clock: Clock, observer: Observer | undefined): Health {
  let isFailing = false
  let failedAt = Number.NEGATIVE_INFINITY
  let triedAt = Number.NEGATIVE_INFINITY
  let lateInARow = 0

  function noted(cause: StoreUnavailableError): StoreUnavailableError {
    told.add(cause)
    return cause
  }

  return {
    check() {
      if (lateInARow < LATE_IN_A_ROW) return
      const now = clock.monotonic()
      if (now - triedAt < PROBE_INTERVAL_MS) throw noted(new StoreUnavailableError(`The ${part} is away.`))
      triedAt = now
    },
    worked() {
      lateInARow = 0
      if (!isFailing || clock.monotonic() - failedAt < CALM_MS) return
      isFailing = false
      tell(observer, { type: 'recovered', part })
    },
    failed(thrown) {
      const cause =
        thrown instanceof StoreUnavailableError
          ? thrown
          : new StoreUnavailableError(`The ${part} failed.`, { cause: thrown })
      lateInARow = cause instanceof DeadlineError ? lateInARow + 1 : 0
      failedAt = clock.monotonic()
      if (!isFailing) tell(observer, { type: 'degraded', part, cause })
      isFailing = true
      return noted(cause)
    },
  }
}
