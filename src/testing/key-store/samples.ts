import type { AuditDraft } from '../../model/audit-entry.ts'
import type { KeyRecord } from '../../model/key-record.ts'
import type { ChangeOutcome, KeyChange, KeyQuery, KeyStore } from '../../model/key-store.ts'
import { expectEqual, expectThat } from '../expectations.ts'
import { CONTRACT_NOW } from './key-store-case.ts'

/** An instant this many milliseconds after the contract's. */
export function instant(offsetMs = 0): Date {
  return new Date(CONTRACT_NOW + offsetMs)
}

/** A key like most; its id, lineage and digest are new each time. */
export function sampleKey(fields: Partial<KeyRecord> = {}): KeyRecord {
  const id = fields.id ?? `key_${draw()}`
  return {
    id,
    lineage: id,
    digest: `${draw()}${draw()}`.slice(0, 43),
    pepperVersion: 0,
    owner: 'acme',
    createdBy: null,
    name: 'sample',
    start: 'vp_live_0000',
    scopes: ['videos:read'],
    policies: [],
    audiences: [],
    addresses: [],
    metadata: {},
    createdAt: instant(),
    updatedAt: instant(),
    startsAt: null,
    expiresAt: null,
    disabledAt: null,
    revokedAt: null,
    deletedAt: null,
    lastUsedAt: null,
    rotatedFrom: null,
    rotatedTo: null,
    version: 1,
    ...fields,
  }
}

/** An entry like most. */
export function sampleAudit(fields: Partial<AuditDraft> = {}): AuditDraft {
  return {
    action: 'key.updated',
    owner: 'acme',
    keyId: null,
    actor: null,
    address: null,
    requestId: null,
    at: instant(),
    details: {},
    ...fields,
  }
}

/** Puts a record at the version after the one that it has; 0 creates its lineage. */
export function putting(record: KeyRecord, expectedVersion: number, fields: Partial<KeyChange> = {}): KeyChange {
  return {
    owner: record.owner,
    lineage: record.lineage,
    expectedVersion,
    put: [record],
    remove: [],
    audit: sampleAudit({ owner: record.owner, keyId: record.id }),
    unseen: false,
    ...fields,
  }
}

/** Removes a record's row. */
export function removing(record: KeyRecord, expectedVersion: number): KeyChange {
  return putting(record, expectedVersion, {
    put: [],
    remove: [record.id],
    audit: sampleAudit({ owner: record.owner, keyId: record.id, action: 'key.purged' }),
  })
}

/** Commits one change. */
export async function commitOne(store: KeyStore, change: KeyChange): Promise<ChangeOutcome> {
  const outcomes = await store.commit([change])
  expectEqual(outcomes.length, 1, 'outcomes of one change')
  return outcomes[0] as ChangeOutcome
}

/** Stores keys, each in a lineage of its own, and returns the first. */
export async function storeKeys(store: KeyStore, ...records: [KeyRecord, ...KeyRecord[]]): Promise<KeyRecord> {
  const outcomes = await store.commit(records.map((record) => putting(record, 0)))
  expectEqual(outcomes, Array(records.length).fill('committed'), 'outcomes of new keys')
  return records[0]
}

/** Finds a record that must be there. */
export async function readKey(store: KeyStore, keyId: string): Promise<KeyRecord> {
  const record = await store.findById(keyId)
  expectThat(record !== undefined, `${keyId} is not found`)
  return record
}

/** Ids of a list, in its order. */
export async function listIds(store: KeyStore, query: Partial<KeyQuery>): Promise<readonly string[]> {
  const page = { owner: undefined, beforeId: undefined, limit: 1_000, conditions: [], ...query }
  return (await store.list(page)).map((record) => record.id)
}

/** 26 characters that were not drawn before. */
function draw(): string {
  return crypto.randomUUID().replaceAll('-', '').slice(0, 26).toUpperCase()
}
