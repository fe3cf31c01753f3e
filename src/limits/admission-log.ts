import type { WindowState } from '../model/gate.ts'
import type { Window } from '../model/policy.ts'
import { CoarseCounter, type DatedUnits } from './coarse-counter.ts'
import type { TickPool, TickSlab } from './tick-pool.ts'

/** The greatest limit that is kept exactly. */
const EXACT_LIMIT = 4096

/**
 * The admissions of one bucket, against which any number of windows is tested. Only what was admitted is kept.
 *
 * Limits to 4,096 share a ring of the newest units, a 32-bit tick each; longer limits have a {@link CoarseCounter}
 * for each length of window. A tick is a microsecond for windows to 35 minutes and a millisecond at 24 days. A unit
 * is dated to the end of its tick and tested against the beginning of the present one, so none leaves early; on a
 * clock of whole milliseconds nothing is rounded.
 *
 * What was ever asked of a log is kept up while it lives, so callers may alternate between lists of windows, and a
 * changed limit loses nothing. The one exception: a window longer than all before it, or coarse and never asked for,
 * begins with what the others kept.
 *
 * A clock that steps back goes on from the latest admission, until it has caught up with it: the step opens no window,
 * and a unit counts for at most so much longer; for somebody who keeps asking, at most two windows in all. A step
 * forward cannot be told from time that passed.
 */
export class AdmissionLog {
  private readonly pool: TickPool
  /** What the layout was last made to serve. */
  private windows: readonly Window[] | undefined = undefined
  private slab: TickSlab | undefined = undefined
  private base = 0
  private head = 0
  private count = 0
  /** Greatest exact limit asked for: so many units are kept. */
  private capacity = 0
  /** Longest exact window asked for: so long they are kept. */
  private spanMs = 0
  private ticksPerMs = 1
  private latestMs = Number.NEGATIVE_INFINITY
  /** How far a clock that stepped back is behind. */
  private behindMs = 0
  private counters: CoarseCounter[] | undefined = undefined

  constructor(pool: TickPool) {
    this.pool = pool
  }

  /** Whether so many units fit into every window now. None always fit. */
  fits(windows: readonly Window[], cost: number, nowMs: number): boolean {
    if (windows !== this.windows) this.prepare(windows)
    if (cost === 0) return true
    const atMs = this.timeOf(nowMs)
    for (let i = 0; i < windows.length; i++) {
      const window = windows[i]!
      if (cost > window.limit || this.used(window, atMs) + cost > window.limit) return false
    }
    return true
  }

  /** Counts units, whether they fit or not. */
  add(windows: readonly Window[], units: number, nowMs: number): void {
    if (windows !== this.windows) this.prepare(windows)
    const atMs = this.timeOf(nowMs)
    this.dropOutside(atMs)
    this.latestMs = atMs
    if (this.capacity > 0) this.push(Math.min(units, this.capacity), Math.ceil(atMs * this.ticksPerMs))
    if (this.counters !== undefined) for (const counter of this.counters) counter.add(atMs, units)
  }

  /** Describes one of the windows last passed to `fits` or `add`, and when `cost` more units will fit into it. */
  stateOf(window: Window, cost: number, nowMs: number): WindowState {
    const atMs = this.timeOf(nowMs)
    const { limit, windowSeconds } = window
    const used = this.used(window, atMs)
    let resetMs = 0
    if (used > 0 && limit > 0) resetMs = this.freeInMs(window, Math.max(1, used - limit + 1), used, atMs)
    let retryMs = 0
    if (cost > limit) retryMs = Number.POSITIVE_INFINITY
    else if (cost > 0 && used + cost > limit) retryMs = this.freeInMs(window, used + cost - limit, used, atMs)
    return { limit, windowSeconds, remaining: Math.max(0, limit - used), resetMs, retryMs }
  }

  /** Whether everything has left every window. */
  isEmpty(nowMs: number): boolean {
    let longestMs = this.spanMs
    if (this.counters !== undefined) for (const { windowMs } of this.counters) longestMs = Math.max(longestMs, windowMs)
    return this.timeOf(nowMs) - this.latestMs >= longestMs
  }

  /** Gives the ring's memory back and forgets everything. */
  release(): void {
    if (this.slab !== undefined) this.pool.giveBack(this.slab, this.base)
    this.slab = undefined
    this.head = 0
    this.count = 0
    this.counters = undefined
    this.windows = undefined
  }

  private timeOf(nowMs: number): number {
    if (nowMs >= this.latestMs) {
      this.behindMs = 0
      return nowMs
    }
    if (nowMs + this.behindMs < this.latestMs) this.behindMs = this.latestMs - nowMs
    return nowMs + this.behindMs
  }

  private used(window: Window, atMs: number): number {
    const windowMs = window.windowSeconds * 1000
    if (atMs - this.latestMs >= windowMs) return 0
    if (window.limit > EXACT_LIMIT) return this.counterOf(windowMs).used(atMs)
    return this.count - this.firstInside(windowMs, atMs)
  }

  /** Milliseconds until the oldest `need` of the `used` units have left a window. */
  private freeInMs(window: Window, need: number, used: number, atMs: number): number {
    const windowMs = window.windowSeconds * 1000
    if (window.limit > EXACT_LIMIT) return Math.min(windowMs, this.counterOf(windowMs).freeAtMs(need, atMs) - atMs)
    const nowTick = Math.floor(atMs * this.ticksPerMs)
    const age = this.ageOf(this.count - used + need - 1, nowTick) - 1
    return Math.min(windowMs, (nowTick - age) / this.ticksPerMs + windowMs - atMs)
  }

  /** Position, from the oldest, of the first unit in the window. Looks near the oldest first: few have left at a time. */
  private firstInside(windowMs: number, atMs: number): number {
    const nowTick = Math.floor(atMs * this.ticksPerMs)
    const outside = windowMs * this.ticksPerMs + 1
    if (this.count === 0 || this.ageOf(0, nowTick) < outside) return 0
    let step = 1
    while (step < this.count && this.ageOf(step, nowTick) >= outside) step *= 2
    let low = (step >>> 1) + 1
    let high = Math.min(step, this.count)
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.ageOf(middle, nowTick) < outside) high = middle
      else low = middle + 1
    }
    return low
  }

  /** Age in ticks, plus one, because a unit is dated to the end of its tick. Below 2^32: see {@link dropOutside}. */
  private ageOf(position: number, nowTick: number): number {
    const slab = this.slab!
    let index = this.head + position
    if (index >= slab.blockEntries) index -= slab.blockEntries
    return (nowTick + 1 - slab.ticks[this.base + index]!) >>> 0
  }

  /**
   * Drops what has left the longest window. Called before each push and only then, so everything kept is younger
   * than the span when the newest is, and younger than two spans (2^32 ticks) whenever anything is in a window.
   */
  private dropOutside(atMs: number): void {
    const idleMs = atMs - this.latestMs
    if (this.counters !== undefined)
      for (const counter of this.counters) if (idleMs >= counter.windowMs) counter.clear()
    if (idleMs >= this.spanMs) {
      this.head = 0
      this.count = 0
    }
    if (this.count === 0) return
    const dropped = this.firstInside(this.spanMs, atMs)
    this.head = (this.head + dropped) % this.slab!.blockEntries
    this.count -= dropped
  }

  private push(units: number, tick: number): void {
    const needed = Math.min(this.capacity, this.count + units)
    if (this.slab === undefined || this.slab.blockEntries < needed) this.grow(needed)
    const { ticks, blockEntries } = this.slab!
    for (let i = 0; i < units; i++) {
      let index = this.head + this.count
      if (index >= blockEntries) index -= blockEntries
      ticks[this.base + index] = tick
      if (this.count < blockEntries) this.count += 1
      else this.head = this.head + 1 === blockEntries ? 0 : this.head + 1
    }
  }

  /** Moves the ring to a larger block: twice the size as often as needed, the last step exactly the capacity. */
  private grow(needed: number): void {
    const old = this.slab
    let entries = old === undefined ? 4 : old.blockEntries
    while (entries < needed) entries *= 2
    const slab = this.pool.slabFor(Math.min(entries, this.capacity))
    const base = this.pool.lend(slab)
    if (old !== undefined) {
      for (let i = 0; i < this.count; i++) {
        slab.ticks[base + i] = old.ticks[this.base + ((this.head + i) % old.blockEntries)]!
      }
      this.pool.giveBack(old, this.base)
    }
    this.slab = slab
    this.base = base
    this.head = 0
  }

  private counterOf(windowMs: number): CoarseCounter {
    return this.counters!.find((counter) => counter.windowMs === windowMs)!
  }

  /** Widens the layout to what the windows need, and fills what is new with what is known. */
  private prepare(windows: readonly Window[]): void {
    let { spanMs, capacity } = this
    for (const { limit, windowSeconds } of windows) {
      const windowMs = windowSeconds * 1000
      if (limit > EXACT_LIMIT) this.addCounter(windowMs)
      else {
        capacity = Math.max(capacity, limit)
        spanMs = Math.max(spanMs, windowMs)
      }
    }
    if (spanMs > this.spanMs || capacity > this.capacity) this.widenRing(spanMs, capacity)
    this.windows = windows
  }

  private addCounter(windowMs: number): void {
    if (this.counters?.some((counter) => counter.windowMs === windowMs)) return
    const counter = new CoarseCounter(windowMs)
    for (const { atMs, units } of this.newestFirst(windowMs).reverse()) counter.add(atMs, units)
    this.counters = [...(this.counters ?? []), counter]
  }

  private widenRing(spanMs: number, capacity: number): void {
    const known = this.newestFirst(spanMs)
    this.head = 0
    this.count = 0
    this.spanMs = spanMs
    this.capacity = capacity
    this.ticksPerMs = Math.min(1000, Math.floor(2 ** 31 / spanMs))
    let room = capacity
    const kept = known.filter(({ atMs }) => this.latestMs - atMs < spanMs)
    const trimmed = kept.map(({ atMs, units }) => {
      const fitting = Math.min(room, units)
      room -= fitting
      return { atMs, units: fitting }
    })
    for (const { atMs, units } of trimmed.reverse()) {
      if (units > 0) this.push(units, Math.ceil(atMs * this.ticksPerMs))
    }
  }

  /** Everything known, newest first: the ring's units one by one, then what the most fitting counter has besides. */
  private newestFirst(windowMs: number): DatedUnits[] {
    const latestTick = Math.ceil(this.latestMs * this.ticksPerMs)
    const found: DatedUnits[] = []
    let boundMs = this.latestMs
    for (let i = this.count - 1; i >= 0; i--) {
      boundMs = Math.min(boundMs, (latestTick - (this.ageOf(i, latestTick) - 1)) / this.ticksPerMs)
      found.push({ atMs: boundMs, units: 1 })
    }
    let known = this.count
    for (const cell of counterFor(windowMs, this.counters)?.newestFirst() ?? []) {
      const besides = Math.max(0, cell.units - known)
      known -= cell.units - besides
      if (besides > 0) found.push({ atMs: Math.min(boundMs, cell.atMs), units: besides })
    }
    return found
  }
}

/** The finest counter that covers a window, or else the longest. */
function counterFor(windowMs: number, counters: readonly CoarseCounter[] | undefined): CoarseCounter | undefined {
  return counters?.reduce((best, counter) => {
    const finer = counter.windowMs >= windowMs && counter.windowMs < best.windowMs
    return finer || (best.windowMs < windowMs && counter.windowMs > best.windowMs) ? counter : best
  })
}
