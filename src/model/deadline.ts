import { StoreUnavailableError } from './errors.ts'

/** A store or gate that did not answer in time, told apart from one that failed: only the former makes others queue. */
export class DeadlineError extends StoreUnavailableError {}

/**
 * Waits for an answer of a store for so many milliseconds: one that hangs is one that is away. What it answers later
 * is not used.
 *
 * @throws {StoreUnavailableError} When the time is over; else whatever the answer rejects with.
 */
export function withinDeadline<T>(answer: Promise<T>, deadlineMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      reject(new DeadlineError('The store or gate did not answer in time.'))
    }, deadlineMs)
    answer.then(
      (value) => {
        clearTimeout(timer)
        resolve(value)
      },
      (cause: unknown) => {
        clearTimeout(timer)
        reject(cause)
      },
    )
  })
}

/** A page of keys may take so many times as long as another call: people wait for it, and it may be at the far end of an order. */
export const DEADLINES_A_PAGE = 5
