import { withinDeadline } from '../model/deadline.ts'
import type { UsageStore } from '../model/usage-store.ts'
import type { StoreGuard } from './guarded-ledger.ts'

/** How long a batch of counts may take to be written. */
const ADD_DEADLINE_MS = 10_000

/** Guards counts of requests as the store that they are part of. */
export function guardUsage(usage: UsageStore, { read, write }: StoreGuard): UsageStore {
  return {
    // A store that can be read but not written is told of by whoever writes counts, again and again: it is not away.
    addUsage: (batch) => withinDeadline(usage.addUsage(batch), ADD_DEADLINE_MS),
    readUsage: (query) => read(async () => usage.readUsage(query)),
    sumUsage: (query) => read(async () => usage.sumUsage(query)),
    rankUsage: (query) => read(async () => usage.rankUsage(query)),
    findLabels: (query) => read(async () => usage.findLabels(query)),
    countAppKeys: (query) => read(async () => usage.countAppKeys(query)),
    purgeUsage: (interval, before, limit) => write(async () => usage.purgeUsage(interval, before, limit), limit),
  }
}
