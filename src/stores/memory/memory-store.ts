import type { Clock } from '../../model/clock.ts'
import { ConfigError } from '../../model/errors.ts'
import type { KeyRecord } from '../../model/key-record.ts'
import type { ChangeOutcome, CommitOptions, Fence, KeyChange, KeyStore } from '../../model/key-store.ts'
import type { Policy } from '../../model/policy.ts'
import { systemClock } from '../system-clock.ts'
import { MemoryAlerts } from './memory-alerts.ts'
import { MemoryAudit } from './memory-audit.ts'
import { MemoryClaims } from './memory-claims.ts'
import { pageOfKeys } from './memory-key-list.ts'
import { MemoryLedger } from './memory-ledger.ts'
import { MemoryUsage } from './memory-usage.ts'

/** Options of {@link memory}. */
export interface MemoryOptions {
  /** Says that you know: every key, policy and audit entry is gone when the process ends. Must be `true`. */
  readonly losesDataOnExit: true
  /** Default: the machine's clocks. */
  readonly clock?: Clock
}

/** What is left of a removed row, so that its audit entries stay readable. */
type Tombstone = Pick<KeyRecord, 'id' | 'owner' | 'lineage' | 'name' | 'start'> & { readonly purgedAt: Date }

/**
 * Creates a store in this process's memory: for tests, examples, and keys that are imported anew at every start.
 * Runs wherever JavaScript does. What it returns is a copy; what it is given is copied. Listing sorts all keys.
 *
 * @throws {ConfigError} Unless `losesDataOnExit` is `true`.
 */
export function memory(options: MemoryOptions): KeyStore {
  if (options?.losesDataOnExit !== true)
    throw new ConfigError('memory(): losesDataOnExit must be true, because every key is gone when the process ends.')
  const lineages = new Map<string, { readonly owner: string; readonly version: number }>()
  const keys = new Map<string, KeyRecord>()
  const idsByDigest = new Map<string, string>()
  const tombstones = new Map<string, Tombstone>()
  const lastUses = new Map<string, Date>()
  const audit = new MemoryAudit()
  const policies = new Map<string, Policy>()
  const notes = new Map<string, string>()
  /** The outbox. A lineage that is changed again keeps its place: the oldest change that nobody has fenced. */
  const fences = new Map<string, Fence>()

  function read(id: string | undefined): KeyRecord | undefined {
    const record = id === undefined ? undefined : keys.get(id)
    if (record === undefined) return undefined
    const version = lineages.get(record.lineage)?.version ?? 0
    return structuredClone({ ...record, version, lastUsedAt: lastUses.get(record.id) ?? null })
  }

  function isTaken({ id, digest }: KeyRecord, lineage: string): boolean {
    const holder = keys.get(id)
    return (
      tombstones.has(id) ||
      (holder !== undefined && holder.lineage !== lineage) ||
      (idsByDigest.get(digest) ?? id) !== id
    )
  }

  function forget(id: string): KeyRecord | undefined {
    const record = keys.get(id)
    if (record !== undefined) idsByDigest.delete(record.digest)
    keys.delete(id)
    return record
  }

  function apply(change: KeyChange, { keepFences = false }: CommitOptions): ChangeOutcome {
    const lineage = lineages.get(change.lineage) ?? { owner: change.owner, version: 0 }
    if (lineage.version !== change.expectedVersion || lineage.owner !== change.owner) return 'superseded'
    const distinct = new Set(change.put.map((record) => record.digest)).size
    if (distinct < change.put.length || change.put.some((record) => isTaken(record, change.lineage))) return 'duplicate'
    lineages.set(change.lineage, { owner: change.owner, version: change.expectedVersion + 1 })
    for (const record of structuredClone(change.put)) {
      forget(record.id)
      keys.set(record.id, record)
      idsByDigest.set(record.digest, record.id)
    }
    for (const removed of change.remove.map(forget)) {
      if (removed === undefined) continue
      const { id, owner, lineage, name, start } = removed
      tombstones.set(id, { id, owner, lineage, name, start, purgedAt: change.audit.at })
      lastUses.delete(id)
    }
    audit.append(change.audit)
    if (keepFences && !change.unseen) keepFence(change)
    return 'committed'
  }

  function keepFence({ owner, lineage, expectedVersion }: KeyChange): void {
    fences.set(lineage, { owner, lineage, version: expectedVersion + 1 })
  }

  const claims = new MemoryClaims((closing) => ledger.closeNow(closing))
  const ledger = new MemoryLedger({
    appendAudit: (draft) => audit.append(draft),
    voidClaim: (operation) => claims.voidToken(operation),
  })

  return {
    clock: options.clock ?? systemClock,
    sharing: 'none',
    ledger,
    claims,
    alerts: new MemoryAlerts((draft) => audit.appendAudit([draft])),
    usage: new MemoryUsage(),
    async open() {},
    async close() {},
    findByDigest: async (digests) =>
      read(digests.map((digest) => idsByDigest.get(digest)).find((id) => id !== undefined)),
    findById: async (keyId) => read(keyId),
    async list(query) {
      const records = Array.from(keys.values(), (key) => ({ ...key, lastUsedAt: lastUses.get(key.id) ?? null }))
      return pageOfKeys(records, query).flatMap((record) => read(record.id) ?? [])
    },
    async commit(changes, options = {}) {
      const outcomes = changes.map((change) => apply(change, options))
      await audit.settled(changes.map((change) => change.audit.owner))
      return outcomes
    },
    listFences: async (limit) => structuredClone(Array.from(fences.values()).slice(0, limit)),
    async removeFences(removed) {
      for (const { lineage, version } of removed)
        if ((fences.get(lineage)?.version ?? Number.POSITIVE_INFINITY) <= version) fences.delete(lineage)
    },
    async recordUses(uses) {
      for (const { keyId, usedAt } of uses)
        if (keys.has(keyId) && usedAt > (lastUses.get(keyId) ?? 0)) lastUses.set(keyId, new Date(usedAt))
    },
    listPolicies: async () =>
      structuredClone(Array.from(policies.values()).sort((one, other) => (one.name < other.name ? -1 : 1))),
    async setPolicy(policy, draft) {
      if ((policies.get(policy.name)?.version ?? 0) !== policy.version - 1) return false
      policies.set(policy.name, structuredClone(policy))
      audit.append(draft)
      return true
    },
    listAudit: (owner, afterSequence, limit) => audit.listAudit(owner, afterSequence, limit),
    queryAudit: (query) => audit.queryAudit(query),
    appendAudit: (drafts) => audit.appendAudit(drafts),
    listAuditLinks: (owner, afterSequence, limit) => audit.listAuditLinks(owner, afterSequence, limit),
    findAuditEnds: (owner) => audit.findAuditEnds(owner),
    listAuditOwners: (before, limit) => audit.listAuditOwners(before, limit),
    purgeAudit: (purge) => audit.purgeAudit(purge),
    async keepNote(name, text) {
      const kept = notes.get(name) ?? text
      notes.set(name, kept)
      return kept
    },
    async findNote(name) {
      return notes.get(name)
    },
    async dropNotes(from, to) {
      for (const name of notes.keys()) if (name >= from && name < to) notes.delete(name)
    },
    async pepperVersions() {
      const live = Array.from(keys.values()).filter((record) => record.deletedAt === null)
      return Array.from(new Set(live.map((record) => record.pepperVersion)))
    },
  }
}
