import type { Metadata } from './key-record.ts'

/** Everything that can be done to a key, a policy, an account or an alert, and what the management API refused to do. */
export type AuditAction =
  | 'key.created'
  | 'key.imported'
  | 'key.updated'
  | 'key.rotated'
  | 'key.disabled'
  | 'key.enabled'
  | 'key.revoked'
  | 'key.deleted'
  | 'key.purged'
  | 'policy.set'
  | 'credits.topped_up'
  | 'credits.set'
  | 'manage.refused'
  | 'dashboard.signed_in'
  | 'dashboard.signed_out'
  | 'alert.acknowledged'
  | 'alert.snoozed'

/** An audit entry before the store has given it its place in the owner's chain. */
export interface AuditDraft {
  readonly action: AuditAction
  /** Owner whose chain the entry joins; the empty string for what belongs to no owner, such as a policy. */
  readonly owner: string
  readonly keyId: string | null
  /** Id of the actor; `null` where the application itself acted. */
  readonly actor: string | null
  /** Address that the change came from, where it is known. */
  readonly address: string | null
  readonly requestId: string | null
  readonly at: Date
  /** What changed, before and after, as JSON; never an API key or a digest. */
  readonly details: Metadata
}

/** A link of an owner's chain: `hash` covers the entry and `previousHash`, so an edited or missing row is found. */
export interface AuditEntry extends AuditDraft {
  /** Place in the owner's chain: 1, 2, 3 and so on, without gaps. Orders entries where clocks do not. */
  readonly sequence: number
  /** `hash` of the entry before; 64 zeros for the first. */
  readonly previousHash: string
  /** SHA-256 of {@link auditPayload} in lower-case hex. */
  readonly hash: string
}

/** The `previousHash` of an owner's first entry. */
export const AUDIT_CHAIN_START = '0'.repeat(64)

/**
 * Writes down, in one unambiguous line, what an entry's hash covers. A JSON array in a fixed order: no two
 * different entries give the same text. `details` is taken as the JSON text that is stored.
 */
export function auditPayload(entry: AuditDraft, details: string, sequence: number, previousHash: string): string {
  return JSON.stringify([
    previousHash,
    sequence,
    entry.owner,
    entry.action,
    entry.keyId,
    entry.actor,
    entry.address,
    entry.requestId,
    entry.at.getTime(),
    details,
  ])
}
