import { AdmissionLog } from '../../../src/limits/admission-log.ts'
import { TickPool } from '../../../src/limits/tick-pool.ts'
import type { Bucket, WindowState } from '../../../src/model/gate.ts'

/** A log, and the instant in its own time. */
interface Found {
  readonly log: AdmissionLog
  readonly atMs: number
}

interface Kept {
  readonly log: AdmissionLog
  latestMs: number
  /** How far the log's time is ahead of the clock, which stepped back. */
  aheadMs: number
}

/**
 * The memory gate's own logs, forgotten as soon as they are empty, and each with a time of its own that goes on from
 * the latest admission when the clock steps back.
 */
export class LogOracle {
  readonly #pool = new TickPool(1024)
  readonly #kept = new Map<string, Kept>()

  decide(mode: 'admit' | 'peek', buckets: readonly Bucket[], nowMs: number) {
    const found = new Map(buckets.map(({ id }) => [id, this.#find(id, mode, nowMs)] as const))
    const asked = new Map<string, number>()
    const fits = buckets.map(({ id, windows, cost }) => {
      const sum = (asked.get(id) ?? 0) + cost
      asked.set(id, sum)
      const known = found.get(id)
      return known === undefined ? windows.every(({ limit }) => sum <= limit) : known.log.fits(windows, sum, known.atMs)
    })
    const admitted = fits.every(Boolean)
    if (admitted && mode === 'admit') {
      for (const { id, windows, cost } of buckets) {
        if (cost === 0 || windows.length === 0) continue
        const { log, atMs } = found.get(id) ?? this.#create(id, nowMs)
        found.set(id, { log, atMs })
        log.add(windows, cost, atMs)
        this.#kept.get(id)!.latestMs = atMs
      }
    }
    const windows = buckets.flatMap((bucket) => describe(bucket, admitted, found.get(bucket.id)))
    return { outcome: admitted ? 'admitted' : 'refused', windows }
  }

  /** Finds a log and its own time; none that is empty. That one may come back: the server would have dropped it. */
  #find(id: string, mode: 'admit' | 'peek', nowMs: number): Found | undefined {
    const kept = this.#kept.get(id)
    if (kept === undefined) return undefined
    const aheadMs = Math.max(kept.aheadMs, kept.latestMs - nowMs)
    if (kept.log.isEmpty(nowMs + aheadMs)) return undefined
    if (mode === 'admit') kept.aheadMs = aheadMs
    return { log: kept.log, atMs: nowMs + aheadMs }
  }

  #create(id: string, nowMs: number): Found {
    this.#kept.get(id)?.log.release()
    const log = new AdmissionLog(this.#pool)
    this.#kept.set(id, { log, latestMs: nowMs, aheadMs: 0 })
    return { log, atMs: nowMs }
  }
}

function describe({ windows, cost }: Bucket, admitted: boolean, found: Found | undefined): WindowState[] {
  const wanted = admitted ? 0 : cost
  return windows.map((window) => {
    const { limit, windowSeconds } = window
    if (found !== undefined) return found.log.stateOf(window, wanted, found.atMs)
    const retryMs = wanted > limit ? Number.POSITIVE_INFINITY : 0
    return { limit, windowSeconds, remaining: limit, resetMs: 0, retryMs }
  })
}
