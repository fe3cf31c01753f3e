/** A window is divided into this many cells; one more is needed where the window begins inside a cell. */
const CELLS = 64
const SLOTS = CELLS + 1

/** Units that were admitted until an instant, and not after it. */
export interface DatedUnits {
  readonly atMs: number
  readonly units: number
}

/**
 * Counts the units of one window in 64 cells of `ceil(window / 64)` milliseconds, each counted whole for as long as
 * any of it lies in the window: never too few, and up to a cell too long. Its layout does not depend on a limit.
 * Instants must not decrease from one `add` to the next.
 */
export class CoarseCounter {
  readonly windowMs: number
  private readonly cellMs: number
  private readonly cells = new Float64Array(SLOTS)
  /** Numbers of the oldest and newest cell that may hold units, counted from the clock's zero. */
  private first = 0
  private last = 0
  private total = 0

  constructor(windowMs: number) {
    this.windowMs = windowMs
    this.cellMs = Math.ceil(windowMs / CELLS)
  }

  add(atMs: number, units: number): void {
    const cell = Math.floor(atMs / this.cellMs)
    const inside = this.firstInside(atMs)
    if (this.total === 0 || inside > this.last) {
      this.cells.fill(0)
      this.total = 0
      this.first = cell
    }
    for (; this.first < inside; this.first++) {
      this.total -= this.cells[this.first % SLOTS]!
      this.cells[this.first % SLOTS] = 0
    }
    this.last = cell
    this.total += units
    this.cells[cell % SLOTS]! += units
  }

  clear(): void {
    this.total = 0
  }

  /** Units in cells that overlap the window that ends at an instant. */
  used(atMs: number): number {
    const inside = this.firstInside(atMs)
    if (this.total === 0 || inside > this.last) return 0
    let used = this.total
    for (let cell = this.first; cell < inside; cell++) used -= this.cells[cell % SLOTS]!
    return used
  }

  /** When the oldest `need` units of those in the window no longer count. */
  freeAtMs(need: number, atMs: number): number {
    let cell = Math.max(this.first, this.firstInside(atMs))
    for (let freed = this.cells[cell % SLOTS]!; freed < need && cell < this.last; freed += this.cells[cell % SLOTS]!) {
      cell += 1
    }
    return (cell + 1) * this.cellMs + this.windowMs
  }

  /** What is known of the units, newest first, each dated to the end of its cell. */
  newestFirst(): DatedUnits[] {
    const found: DatedUnits[] = []
    if (this.total === 0) return found
    for (let cell = this.last; cell >= this.first; cell--) {
      const units = this.cells[cell % SLOTS]!
      if (units > 0) found.push({ atMs: (cell + 1) * this.cellMs, units })
    }
    return found
  }

  /** The oldest cell of which any part is younger than the window. */
  private firstInside(atMs: number): number {
    return Math.floor((atMs - this.windowMs) / this.cellMs)
  }
}
