import type { Observer } from '../events.ts'
import { DEADLINES_A_PAGE, withinDeadline } from '../model/deadline.ts'
import { KeywardError, StoreUnavailableError } from '../model/errors.ts'
import type { KeyStore } from '../model/key-store.ts'
import { guardAlerts } from './guarded-alerts.ts'
import { guardClaims, guardLedger } from './guarded-ledger.ts'
import { guardUsage } from './guarded-usage.ts'
import { createHealth } from './health.ts'

/** How long a read may take where the driver does not say. */
const READ_DEADLINE_MS = 1_000
/** How long a batch of last uses may take to be written. */
const USES_DEADLINE_MS = 10_000
/** How long a request waits for its claim or its credits where the driver does not say: writes may queue up to be made durable. */
const TAKE_DEADLINE_MS = 10_000
/** A transaction of many changes has so much longer, for each of them. */
const MS_PER_CHANGE = 20

/**
 * Puts a deadline on every call of a store, and makes whatever goes wrong in it one kind of error. A store that is
 * away is said so once, and once more when it is back; while it hangs, calls but for a few are refused at once. A
 * driver that names no deadline keeps its own patience for writes.
 */
export function guardStore(store: KeyStore, observer: Observer | undefined): KeyStore {
  const health = createHealth('store', store.clock, observer)
  const readMs = store.deadlineMs ?? READ_DEADLINE_MS

  async function call<T>(work: () => Promise<T>, deadlineMs: number | undefined): Promise<T> {
    health.check()
    try {
      const found = await (deadlineMs === undefined ? work() : withinDeadline(work(), deadlineMs))
      health.worked()
      return found
    } catch (cause) {
      if (cause instanceof KeywardError && !(cause instanceof StoreUnavailableError)) throw cause
      throw health.failed(cause)
    }
  }

  const read = <T>(work: () => Promise<T>) => call(work, readMs)
  const write = <T>(work: () => Promise<T>, changes = 1) =>
    call(work, store.deadlineMs === undefined ? undefined : store.deadlineMs + changes * MS_PER_CHANGE)
  const take = <T>(work: () => Promise<T>) => call(work, store.deadlineMs ?? TAKE_DEADLINE_MS)
  const guard = { read, take, write }

  const guarded: KeyStore = {
    clock: store.clock,
    sharing: store.sharing,
    open: () => store.open(),
    close: () => store.close(),
    findByDigest: (digests) => read(async () => store.findByDigest(digests)),
    findById: (keyId) => read(async () => store.findById(keyId)),
    list: (query) => call(async () => store.list(query), readMs * DEADLINES_A_PAGE),
    commit: (changes, options) => write(async () => store.commit(changes, options), changes.length),
    listFences: (limit) => read(async () => store.listFences(limit)),
    removeFences: (fences) => write(async () => store.removeFences(fences), fences.length),
    // A store that can be read but not written is told of by whoever writes uses, again and again: it is not away.
    recordUses: (uses) => withinDeadline(store.recordUses(uses), USES_DEADLINE_MS),
    listPolicies: () => read(async () => store.listPolicies()),
    setPolicy: (policy, audit) => write(async () => store.setPolicy(policy, audit)),
    listAudit: (owner, afterSequence, limit) => read(async () => store.listAudit(owner, afterSequence, limit)),
    queryAudit: (query) => read(async () => store.queryAudit(query)),
    appendAudit: (drafts) => write(async () => store.appendAudit(drafts), drafts.length),
    listAuditLinks: (owner, afterSequence, limit) =>
      read(async () => store.listAuditLinks(owner, afterSequence, limit)),
    findAuditEnds: (owner) => read(async () => store.findAuditEnds(owner)),
    listAuditOwners: (before, limit) => read(async () => store.listAuditOwners(before, limit)),
    purgeAudit: (purge) => write(async () => store.purgeAudit(purge), purge.limit),
    keepNote: (name, text) => write(async () => store.keepNote(name, text)),
    findNote: (name) => read(async () => store.findNote(name)),
    dropNotes: (from, to) => write(async () => store.dropNotes(from, to)),
    pepperVersions: () => read(async () => store.pepperVersions()),
    ...(store.ledger !== undefined && { ledger: guardLedger(store.ledger, guard) }),
    ...(store.claims !== undefined && { claims: guardClaims(store.claims, guard) }),
    ...(store.alerts !== undefined && { alerts: guardAlerts(store.alerts, guard) }),
    ...(store.usage !== undefined && { usage: guardUsage(store.usage, guard) }),
  }
  const { replaceNote } = store
  if (replaceNote !== undefined)
    guarded.replaceNote = (name, text) => write(async () => replaceNote.call(store, name, text))
  if (store.claim !== undefined) guarded.claim = async () => store.claim?.()
  if (store.changedElsewhere !== undefined) guarded.changedElsewhere = () => store.changedElsewhere?.() ?? false
  return guarded
}
