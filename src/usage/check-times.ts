/** Of so many checks, one is measured. */
const ONE_OF = 16
/** Steps within a factor of ten: each is at most two fifths above the one before. */
const STEPS = [1, 1.3, 1.8, 2.4, 3.2, 4.2, 5.6, 7.5]
/** Bounds in microseconds: from 0.1 to 7.5 seconds. What takes longer counts under the last. */
const BOUNDS = [0.1, 1, 10, 100, 1_000, 10_000, 100_000, 1_000_000].flatMap((ten) =>
  STEPS.map((step) => Number((ten * step).toPrecision(2))),
)

/** How long checks took, of one in sixteen: counted by upper bounds. */
export class CheckTimes {
  #counts: number[] = []
  #turn = 0

  /** Whether the check that begins now is to be measured. */
  isNext(): boolean {
    this.#turn = (this.#turn + 1) % ONE_OF
    return this.#turn === 0
  }

  note(durationMs: number): void {
    const microseconds = durationMs * 1_000
    const found = BOUNDS.findIndex((bound) => microseconds <= bound)
    const index = found < 0 ? BOUNDS.length - 1 : found
    this.#counts[index] = (this.#counts[index] ?? 0) + 1
  }

  /** What was noted since the last call: upper bounds in microseconds, and how many checks took at most that. */
  take(): ReadonlyMap<number, number> {
    const taken = new Map(Array.from(this.#counts, (count = 0, index) => [BOUNDS[index] ?? 0, count] as const))
    this.#counts = []
    return new Map([...taken].filter(([, count]) => count > 0))
  }
}
