import type { ManageContext } from '../model/actor.ts'
import type { AuditAction, AuditDraft } from '../model/audit-entry.ts'
import { StoreConflictError } from '../model/errors.ts'
import { findKey } from '../model/find-key.ts'
import type { KeyRecord } from '../model/key-record.ts'
import type { KeyChange, KeyStore } from '../model/key-store.ts'
import type { Committer } from './committer.ts'
import { type EndOrPause, stateTransitions } from './transitions.ts'

/** How often a change that was overtaken by another one reads, judges and tries again. */
const MAX_ATTEMPTS = 10

/** What a change comes to: the value to answer with, and the change to commit where there is one to make. */
export interface Step<T> {
  readonly value: T
  readonly change: KeyChange | undefined
}

/**
 * Finds a key that is about to be changed.
 *
 * @throws {StoreConflictError} When it has another version than the call names.
 */
export async function findToChange(
  store: KeyStore,
  keyId: string,
  context: ManageContext | undefined,
): Promise<KeyRecord> {
  const record = await findKey(store, keyId, context?.actor)
  if (context?.ifVersion !== undefined && context.ifVersion !== record.version)
    throw new StoreConflictError('The key has been changed meanwhile.', 'precondition_failed')
  return record
}

/**
 * Reads a key, plans, and commits under the version that was read. Whoever was overtaken reads and plans again, so no
 * change is made to a state that it was not planned for.
 */
export async function changeKey<T>(
  store: KeyStore,
  committer: Committer,
  keyId: string,
  context: ManageContext | undefined,
  plan: (record: KeyRecord, at: Date) => Step<T>,
): Promise<{ readonly value: T; readonly fenced: boolean }> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const record = await findToChange(store, keyId, context)
    const step = plan(record, new Date(store.clock.now()))
    if (step.change === undefined) return { value: step.value, fenced: await committer.fence(record) }
    const [outcome] = await committer.commit([step.change])
    if (outcome?.result === 'committed') return { value: step.value, fenced: outcome.fenced }
    if (outcome?.result === 'duplicate') throw new StoreConflictError('A key with this digest exists already.')
  }
  throw new StoreConflictError('The key is being changed by others.')
}

/** Plans one of the actions that end or pause a key. */
export function planEnd(
  action: EndOrPause | 'purge',
  context: ManageContext | undefined,
): (record: KeyRecord, at: Date) => Step<KeyRecord> {
  if (action === 'purge') return (record, at) => planPurge(record, context, at)
  const transition = stateTransitions[action]
  return (record, at) => planPut(record, transition.apply(record, at), transition.action, context, at)
}

/** Plans to replace a row; nothing where there is nothing to change. */
export function planPut(
  record: KeyRecord,
  next: KeyRecord | undefined,
  action: AuditAction,
  context: ManageContext | undefined,
  at: Date,
): Step<KeyRecord> {
  if (next === undefined) return { value: record, change: undefined }
  const audit = draftAudit(action, record, context, at, auditDifference(record, next))
  return { value: { ...next, version: record.version + 1 }, change: guard(record, [next], [], audit) }
}

/** A change to a lineage under the version of the record that it was planned for. */
export function guard(
  record: KeyRecord,
  put: readonly KeyRecord[],
  remove: readonly string[],
  audit: AuditDraft,
): KeyChange {
  const { owner, lineage, version } = record
  return { owner, lineage, expectedVersion: version, put, remove, audit, unseen: false }
}

/** The audit entry of a change to a key. */
export function draftAudit(
  action: AuditAction,
  record: KeyRecord,
  context: ManageContext | undefined,
  at: Date,
  details: AuditDraft['details'],
): AuditDraft {
  return {
    action,
    owner: record.owner,
    keyId: record.id,
    actor: context?.actor?.id ?? null,
    address: context?.address ?? null,
    requestId: context?.requestId ?? null,
    at,
    details,
  }
}

/** What a change comes to: the fields that differ, as they were and as they are. */
export function auditDifference(
  before: KeyRecord,
  after: KeyRecord,
): { readonly before: object; readonly after: object } {
  const [was, is] = [Object.entries(auditView(before)), Object.entries(auditView(after))]
  const differs = (_: unknown, index: number) => JSON.stringify(was[index]) !== JSON.stringify(is[index])
  return { before: Object.fromEntries(was.filter(differs)), after: Object.fromEntries(is.filter(differs)) }
}

/** What an audit entry keeps of a record: what a person may read and change, and no digest. */
export function auditView(record: KeyRecord): object {
  const {
    digest: _digest,
    pepperVersion: _pepper,
    version: _version,
    lastUsedAt: _used,
    updatedAt: _at,
    ...rest
  } = record
  return rest
}

function planPurge(record: KeyRecord, context: ManageContext | undefined, at: Date): Step<KeyRecord> {
  const value = { ...record, deletedAt: record.deletedAt ?? at, updatedAt: at, version: record.version + 1 }
  const audit = draftAudit('key.purged', record, context, at, { before: auditView(record) })
  return { value, change: guard(record, [], [record.id], audit) }
}
