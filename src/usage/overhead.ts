import type { UsageStore } from '../model/usage-store.ts'
import type { Stretch } from './usage-stretch.ts'

/** How long requests spent in this library: of half of them, and of 95 in a hundred, no more. */
export interface UsageOverhead {
  /** Half of them took at most this, in microseconds: 0.1 to 7,500,000. */
  readonly p50Microseconds: number
  /** 95 in 100 of them took at most this, in microseconds: 0.1 to 7,500,000. */
  readonly p95Microseconds: number
  /** How many requests were measured: one in sixteen. */
  readonly requests: number
}

/** Works out what was measured; `null` where nothing was. */
export async function overheadOf(store: UsageStore, stretch: Stretch): Promise<UsageOverhead | null> {
  const ranked = await store.rankUsage({ ...stretch, by: 'overhead', scopes: [{ kind: 'all' }], limit: 1_000 })
  const buckets = ranked
    .map(({ name, requests }) => ({ microseconds: Number(name), requests }))
    .sort((one, other) => one.microseconds - other.microseconds)
  const requests = buckets.reduce((sum, bucket) => sum + bucket.requests, 0)
  if (requests === 0) return null
  const quantile = (part: number) => {
    let seen = 0
    for (const bucket of buckets) {
      seen += bucket.requests
      if (seen >= part * requests) return bucket.microseconds
    }
    return buckets.at(-1)?.microseconds ?? 0
  }
  return { p50Microseconds: quantile(0.5), p95Microseconds: quantile(0.95), requests }
}
