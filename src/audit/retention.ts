import { type Observer, tell } from '../events.ts'
import { createRounds, type Rounds } from '../fleet/rounds.ts'
import type { KeyStore } from '../model/key-store.ts'

const DAY_MS = 86_400_000
/** How often a serving process looks for entries that are old enough. */
const INTERVAL_MS = 3_600_000
/** When it looks first: a start has other things to do. */
const FIRST_MS = 60_000
/** Entries that go in one transaction. */
const BATCH = 500
/** Owners that are asked for at once. */
const OWNERS = 50

/** What a purge did. */
export interface AuditPurgeReport {
  /** How many entries are gone. */
  readonly entries: number
  /** How many owners' chains were shortened. */
  readonly owners: number
}

/** Removes audit entries that are older than they must be kept, a minute from the start and then every hour. */
export function createRetention(
  store: KeyStore,
  retentionDays: number,
  observer: Observer | undefined,
): Rounds<AuditPurgeReport> {
  async function purge(isClosed: () => boolean): Promise<AuditPurgeReport> {
    const before = new Date(store.clock.now() - retentionDays * DAY_MS)
    const done = new Set<string>()
    const report = { entries: 0, owners: 0 }
    for (;;) {
      const owners = (await store.listAuditOwners(before, OWNERS)).filter((owner) => !done.has(owner))
      if (owners.length === 0 || isClosed()) return report
      for (const owner of owners) {
        const entries = await purgeOwner(owner, before, isClosed)
        report.entries += entries
        if (entries > 0) report.owners += 1
        done.add(owner)
      }
    }
  }

  /** Whoever finds another anchor than it has just read leaves this owner to whoever moved it. */
  async function purgeOwner(owner: string, before: Date, isClosed: () => boolean): Promise<number> {
    let total = 0
    let { anchor } = await store.findAuditEnds(owner)
    while (!isClosed()) {
      const purged = await store.purgeAudit({ owner, before, expectedAnchorSequence: anchor.sequence, limit: BATCH })
      if (purged.outcome === 'superseded') break
      total += purged.entries
      anchor = purged.anchor
      if (purged.entries < BATCH) break
    }
    if (total > 0) tell(observer, { type: 'audit_purged', owner, entries: total, throughSequence: anchor.sequence })
    return total
  }

  return createRounds(purge, { firstMs: FIRST_MS, intervalMs: INTERVAL_MS })
}
