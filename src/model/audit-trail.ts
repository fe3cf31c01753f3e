import type { AuditDraft, AuditEntry } from './audit-entry.ts'

/**
 * Which entries to list, newest first. All that is given must hold; `undefined` asks nothing.
 *
 * Order is by {@link PlacedAudit.reachedAt}, then owner, then sequence, each descending: within an owner it is that of the
 * chain, whatever clocks did.
 */
export interface AuditQuery {
  readonly owner: string | undefined
  readonly keyId: string | undefined
  readonly action: string | undefined
  /** Earliest `reachedAt`. */
  readonly from: Date | undefined
  /** Instant before which `reachedAt` must lie. */
  readonly to: Date | undefined
  /** Only entries after this place in the list; `undefined` begins at the newest. */
  readonly before: AuditPlace | undefined
  /** At most this many: 1 to 1,000. */
  readonly limit: number
}

/** The place of an entry among all owners' entries. */
export interface AuditPlace {
  readonly reachedAt: Date
  readonly owner: string
  /** Place in the owner's chain, from 1. */
  readonly sequence: number
}

/** An entry with its place among all others. */
export interface PlacedAudit extends AuditEntry {
  /**
   * The latest `at` of the owner's chain up to this entry: `at` itself, unless a clock was set back. It never falls along
   * a chain, so a stretch of time is a stretch of the chain.
   */
  readonly reachedAt: Date
}

/** An entry as it is stored, read for its verification: nothing of it is believed, and nothing of it is refused. */
export interface AuditLink {
  /** Place in the owner's chain, from 1. */
  readonly sequence: number
  readonly previousHash: string
  readonly hash: string
  /** `auditPayload` of what is stored, with the details as their text; `undefined` where a column cannot be read. */
  readonly payload: string | undefined
  /** Milliseconds since the Unix epoch. */
  readonly atMs: number
  /** Milliseconds since the Unix epoch. */
  readonly reachedAtMs: number
}

/** An entry that a chain begins after, or ends with. */
export interface AuditEnd {
  /** Place in the owner's chain; 0 where there is no such entry. */
  readonly sequence: number
  /** Its hash; 64 zeros where there is no such entry. */
  readonly hash: string
  /** Its `reachedAt` in milliseconds since the Unix epoch; 0 where there is no such entry. */
  readonly reachedAtMs: number
}

/** Where an owner's chain begins and ends. */
export interface AuditEnds {
  /** The last entry that was purged: the first one left follows it. */
  readonly anchor: AuditEnd
  /** The newest entry, as the store remembers it beside the entries. */
  readonly head: AuditEnd
}

/** What is to be purged of an owner's chain: the oldest entries, without a gap. */
export interface AuditPurge {
  readonly owner: string
  /** Entries go whose `at` and `reachedAt` lie before this; the first other one, and all after it, stay. */
  readonly before: Date
  /** Sequence that the anchor must have: of several processes, one purges. 0 where nothing was ever purged. */
  readonly expectedAnchorSequence: number
  /** The most entries that go: a whole number from 1 to 1,000. */
  readonly limit: number
}

/**
 * - `purged`: so many `entries` are gone, 0 where none was old enough, and the anchor is the last of them.
 * - `superseded`: the anchor has another sequence than was expected; nothing was purged.
 */
export type AuditPurgeOutcome =
  | {
      readonly outcome: 'purged'
      /** How many entries are gone: 0 to the limit. */
      readonly entries: number
      readonly anchor: AuditEnd
    }
  | { readonly outcome: 'superseded' }

/**
 * Reads and shortens the chains of audit entries. Part of every key store: entries of changes are written with the
 * changes, in one transaction.
 */
export interface AuditTrail {
  /** An owner's audit entries after a sequence number, in order of their chain; at most `limit`. */
  listAudit(owner: string, afterSequence: number, limit: number): Promise<readonly AuditEntry[]>

  /** Lists entries of one owner or of all, newest first, exactly those that the query names. */
  queryAudit(query: AuditQuery): Promise<readonly PlacedAudit[]>

  /** Adds entries that belong to no change, in one transaction, in order, each to its owner's chain. */
  appendAudit(drafts: readonly AuditDraft[]): Promise<void>

  /**
   * An owner's entries after a sequence number as they are stored, in order of sequence; at most `limit`. A damaged entry
   * is returned, too.
   */
  listAuditLinks(owner: string, afterSequence: number, limit: number): Promise<readonly AuditLink[]>

  /** Where an owner's chain begins and ends, in one snapshot. An owner without one has two empty ends. */
  findAuditEnds(owner: string): Promise<AuditEnds>

  /** Owners with an entry whose `reachedAt` lies before an instant; at most `limit`. */
  listAuditOwners(before: Date, limit: number): Promise<readonly string[]>

  /** Removes an owner's oldest entries and moves the anchor to the last of them, in one transaction. */
  purgeAudit(purge: AuditPurge): Promise<AuditPurgeOutcome>
}
