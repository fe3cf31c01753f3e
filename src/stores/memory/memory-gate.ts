import { AdmissionLog } from '../../limits/admission-log.ts'
import { TickPool } from '../../limits/tick-pool.ts'
import type { Clock } from '../../model/clock.ts'
import type { Bucket, Gate, GateAnswer, GateRequest, WindowState } from '../../model/gate.ts'
import type { Window } from '../../model/policy.ts'
import { systemClock } from '../system-clock.ts'

/** A gate in this process's memory: windows and versions are its own, and end with it. */
export interface MemoryGate extends Gate {
  readonly versions: 'process'
  admit(request: GateRequest): GateAnswer
  peek(request: GateRequest): GateAnswer
  fence(owner: string, lineage: string, version: number): void
  close(): Promise<void>
  /** Number of logs held: buckets that admitted something in their longest window, or up to one such window ago. */
  readonly size: number
}

/** What a {@link memoryGate} can be told. */
export interface MemoryGateOptions {
  /** Windows are decided on its `monotonic()`. The machine's by default. */
  readonly clock?: Clock
}

/**
 * Creates a gate for one process: exact windows, answers at once, nothing to wait for. A key with few requests takes
 * about 200 bytes, one with a full window of 100 about 600. A log is dropped at most two windows after its last
 * admission, never earlier than one; a timer runs only while there is something to drop, and does not keep the
 * process alive.
 */
export function memoryGate(options: MemoryGateOptions = {}): MemoryGate {
  return new LocalGate(options.clock ?? systemClock)
}

/** Entries of 4 bytes in one array of the pool. */
const SLAB_ENTRIES = 1024
/** Logs looked at in one go: a millisecond or two. */
const SWEEP_SLICE = 10_000
const SWEEP_PAUSE_MS = 1
const LONGEST_SWEEP_MS = 30_000
/** Twice as long as any copy of a record lives. */
const FLOORS_MS = 120_000

const STALE: GateAnswer = Object.freeze({ outcome: 'stale' })

class LocalGate implements MemoryGate {
  readonly versions = 'process'
  private readonly clock: Clock
  private readonly pool = new TickPool(SLAB_ENTRIES)
  private readonly logs = new Map<string, AdmissionLog>()
  /** Logs of the buckets of the request that is being decided. */
  private readonly asked: (AdmissionLog | undefined)[] = []
  /** Versions below which copies are stale, by lineage: the latest, and those of the two minutes before. */
  private floors = new Map<string, number>()
  private olderFloors = new Map<string, number>()
  private floorsSinceMs = 0
  private timer: ReturnType<typeof setTimeout> | undefined = undefined
  private sweepMs = LONGEST_SWEEP_MS
  private cursor: IterableIterator<[string, AdmissionLog]> | undefined = undefined

  constructor(clock: Clock) {
    this.clock = clock
  }

  get size(): number {
    return this.logs.size
  }

  admit(request: GateRequest): GateAnswer {
    if (this.isStale(request)) return STALE
    const { buckets } = request
    const nowMs = this.clock.monotonic()
    if (!this.fit(buckets, nowMs)) return { outcome: 'refused', windows: this.describe(buckets, true, nowMs) }
    this.count(buckets, nowMs)
    return { outcome: 'admitted', windows: this.describe(buckets, false, nowMs) }
  }

  peek(request: GateRequest): GateAnswer {
    if (this.isStale(request)) return STALE
    const { buckets } = request
    const nowMs = this.clock.monotonic()
    const fits = this.fit(buckets, nowMs)
    return { outcome: fits ? 'admitted' : 'refused', windows: this.describe(buckets, !fits, nowMs) }
  }

  fence(_owner: string, lineage: string, version: number): void {
    if (this.floors.size === 0) this.floorsSinceMs = this.clock.monotonic()
    this.floors.set(lineage, Math.max(version, this.floorOf(lineage)))
    this.arm(this.sweepMs)
  }

  close(): Promise<void> {
    clearTimeout(this.timer)
    this.timer = undefined
    return Promise.resolve()
  }

  private isStale({ lineage, version }: GateRequest): boolean {
    return version < this.floorOf(lineage)
  }

  private floorOf(lineage: string): number {
    if (this.floors.size === 0 && this.olderFloors.size === 0) return 0
    return Math.max(this.floors.get(lineage) ?? 0, this.olderFloors.get(lineage) ?? 0)
  }

  /** Tests every bucket, also after one without room: each log must know the windows that are to be described. */
  private fit(buckets: readonly Bucket[], nowMs: number): boolean {
    let all = true
    for (let i = 0; i < buckets.length; i++) {
      const { id, windows } = buckets[i]!
      const log = this.logs.get(id)
      this.asked[i] = log
      const cost = costUpTo(buckets, i)
      if (log === undefined ? !fitUnused(windows, cost) : !log.fits(windows, cost, nowMs)) all = false
    }
    return all
  }

  private count(buckets: readonly Bucket[], nowMs: number): void {
    for (let i = 0; i < buckets.length; i++) {
      const { id, windows, cost } = buckets[i]!
      if (cost === 0 || windows.length === 0) continue
      let log = this.asked[i]
      if (log === undefined) {
        log = this.logs.get(id) ?? this.create(id, windows)
        this.asked[i] = log
      }
      log.add(windows, cost, nowMs)
    }
  }

  private create(id: string, windows: readonly Window[]): AdmissionLog {
    const log = new AdmissionLog(this.pool)
    this.logs.set(id, log)
    this.dropInTime(windows)
    return log
  }

  private describe(buckets: readonly Bucket[], refused: boolean, nowMs: number): readonly WindowState[] {
    const states: WindowState[] = []
    for (let i = 0; i < buckets.length; i++) {
      const { windows, cost } = buckets[i]!
      const log = this.asked[i]
      const wanted = refused ? cost : 0
      for (let j = 0; j < windows.length; j++) {
        const window = windows[j]!
        states.push(log === undefined ? stateOfUnused(window, wanted) : log.stateOf(window, wanted, nowMs))
      }
    }
    return states
  }

  /** Sees to it that a log with these windows is dropped within half a window of being empty. */
  private dropInTime(windows: readonly Window[]): void {
    let longestSeconds = 0
    for (const { windowSeconds } of windows) longestSeconds = Math.max(longestSeconds, windowSeconds)
    if (longestSeconds * 500 < this.sweepMs) {
      this.sweepMs = longestSeconds * 500
      clearTimeout(this.timer)
      this.timer = undefined
    }
    this.arm(this.sweepMs)
  }

  private arm(delayMs: number): void {
    if (this.timer !== undefined) return
    this.timer = setTimeout(() => this.sweep(), delayMs)
    const timer: { unref?: () => void } = Object(this.timer)
    timer.unref?.()
  }

  /** Looks at a slice of the logs, and comes back for the next; a map's iterator bears changes between them. */
  private sweep(): void {
    this.timer = undefined
    const nowMs = this.clock.monotonic()
    this.cursor ??= this.logs.entries()
    let seen = 0
    for (const [id, log] of this.cursor) {
      if (log.isEmpty(nowMs)) {
        this.logs.delete(id)
        log.release()
      }
      seen += 1
      if (seen === SWEEP_SLICE) {
        this.arm(SWEEP_PAUSE_MS)
        return
      }
    }
    this.cursor = undefined
    this.forgetFloors(nowMs)
    if (this.logs.size === 0) this.sweepMs = LONGEST_SWEEP_MS
    if (this.logs.size + this.floors.size + this.olderFloors.size > 0) this.arm(this.sweepMs)
  }

  private forgetFloors(nowMs: number): void {
    if (nowMs - this.floorsSinceMs < FLOORS_MS) return
    this.olderFloors = this.floors
    this.floors = new Map()
    this.floorsSinceMs = nowMs
  }
}

/** What a bucket is asked for, with what buckets of the same name before it are: one request may name it twice. */
function costUpTo(buckets: readonly Bucket[], index: number): number {
  const { id, cost } = buckets[index]!
  let sum = cost
  for (let i = 0; i < index; i++) if (buckets[i]!.id === id) sum += buckets[i]!.cost
  return sum
}

function fitUnused(windows: readonly Window[], cost: number): boolean {
  return windows.every(({ limit }) => cost <= limit)
}

function stateOfUnused({ limit, windowSeconds }: Window, cost: number): WindowState {
  return { limit, windowSeconds, remaining: limit, resetMs: 0, retryMs: cost > limit ? Number.POSITIVE_INFINITY : 0 }
}
