import { StoreUnavailableError } from './errors.ts'

/**
 * Waits for an answer of a store for so many milliseconds: one that hangs is one that is away. What it answers later
 * is not used.
 *
 * @throws {StoreUnavailableError} When the time is over; else whatever the answer rejects with.
 */
export async function withinDeadline<T>(answer: Promise<T>, deadlineMs: number): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new StoreUnavailableError('The store or gate did not answer in time.')), deadlineMs)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
