import type { UsageRow, UsageStore } from '../model/usage-store.ts'
import type { SpikeFloors } from './spike-rules.ts'

/** Keys that are remembered at once; of more, those that come first. */
const MOST_NOTICED = 10_000
/** How long a key is remembered after its last busy minute: 6 minutes, in milliseconds. */
const REMEMBER_MS = 360_000
/** A process that has more than this part of a floor in one minute may have a part of a spike: 5 minutes, shared by 4 processes. */
const PART = 1 / 20

/** Keys that were busy in this process lately: noticed as their counts are written, which no request waits for. */
export interface BusyKeys {
  /** Makes a store of counts that notices what is added. */
  watch(usage: UsageStore): UsageStore
  /** The busiest of them, at most so many: a whole number from 1. @param now - Milliseconds since the Unix epoch. */
  list(now: number, most: number): readonly string[]
}

/** Creates the memory. */
export function createBusyKeys(floors: SpikeFloors): BusyKeys {
  const noticed = new Map<string, { readonly at: number; readonly requests: number; readonly errors: number }>()

  function note({ scope, by, interval, at, requests, clientErrors, serverErrors }: UsageRow): void {
    if (scope.kind !== 'key' || by !== 'none' || interval !== 'minute') return
    const before = noticed.get(scope.keyId)
    if (before === undefined && noticed.size >= MOST_NOTICED) return
    const minute = at.getTime()
    const isSame = before?.at === minute
    noticed.set(scope.keyId, {
      at: Math.max(minute, before?.at ?? 0),
      requests: requests + (isSame ? before.requests : 0),
      errors: clientErrors + serverErrors + (isSame ? before.errors : 0),
    })
  }

  return {
    watch: (usage) => ({
      async addUsage(batch) {
        await usage.addUsage(batch)
        batch.rows.forEach(note)
      },
      readUsage: (query) => usage.readUsage(query),
      sumUsage: (query) => usage.sumUsage(query),
      rankUsage: (query) => usage.rankUsage(query),
      findLabels: (query) => usage.findLabels(query),
      countAppKeys: (query) => usage.countAppKeys(query),
      purgeUsage: (...purge) => usage.purgeUsage(...purge),
    }),
    list(now, most) {
      for (const [keyId, { at }] of noticed) if (now - at > REMEMBER_MS) noticed.delete(keyId)
      return Array.from(noticed)
        .filter(([, { requests, errors }]) => requests > floors.requests * PART || errors > floors.errors * PART)
        .sort(([, one], [, other]) => other.requests - one.requests)
        .slice(0, most)
        .map(([keyId]) => keyId)
    },
  }
}
