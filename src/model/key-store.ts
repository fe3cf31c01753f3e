import type { AlertStore } from './alert-store.ts'
import type { AuditDraft } from './audit-entry.ts'
import type { AuditTrail } from './audit-trail.ts'
import type { ClaimStore } from './claim-store.ts'
import type { Clock } from './clock.ts'
import type { Gate } from './gate.ts'
import type { StoreInspection } from './inspection.ts'
import type { KeyRecord } from './key-record.ts'
import type { Ledger } from './ledger.ts'
import type { Policy } from './policy.ts'
import type { UsageStore } from './usage-store.ts'

/**
 * Keeps key records, policies and audit entries, and never judges them: it returns an expired or revoked record
 * as it returns any other, and every instant is passed in. A driver passes `keyStoreContract` of
 * `keyward/testing`.
 *
 * Every method reads committed data from the primary. A failing backend rejects with `StoreUnavailableError`; a
 * row that cannot be read as a record (damaged, unknown schema) rejects with it too, for the calls that need
 * that row, and no others.
 */
export interface KeyStore extends AuditTrail {
  /** The clock that instants of this store are compared with. */
  readonly clock: Clock

  /**
   * Milliseconds that a call may take: a whole number from 1 to 60,000; default 1,000; five times as many for `list`.
   * Nobody waits longer: the library takes a store that is slower for one that is away. A write may then have been made
   * all the same.
   */
  readonly deadlineMs?: number

  /**
   * Who else may use what is stored: `'none'`, as in memory; `'manage'`, other processes that change keys but serve no
   * requests, as with a SQLite file; `'serve'`, any number of servers, as with a database server.
   */
  readonly sharing: 'none' | 'manage' | 'serve'

  /** Balances and movements of credits, opened with the store. Absent where the store keeps none: routes that take credits are then refused. */
  readonly ledger?: Ledger

  /**
   * Idempotency records, opened with the store, in the same database as its ledger. Absent where the store keeps none:
   * routes that take idempotency keys then need a store of their own for them.
   */
  readonly claims?: ClaimStore

  /** Alerts, and what they are judged by, opened with the store. Absent where the store keeps none: then there are no alerts. */
  readonly alerts?: AlertStore
  /** Counts of requests, opened with the store. Absent where the store keeps none: requests are then not counted. */
  readonly usage?: UsageStore

  /** Creates the store's own gate, for a keyward that is given no other. Absent where the store has none. */
  createGate?(): Gate

  /** Migrates or checks the schema. Called before anything else; calling it again changes nothing, and after a failure tries again. */
  open(): Promise<void>

  /**
   * Claims the right to serve requests with windows of this process. Absent where processes may share the store.
   *
   * @throws {ConfigError} When another living process serves on it.
   */
  claim?(): Promise<void>

  /** Ends timers and connections that the store itself began. */
  close(): Promise<void>

  /** Finds the record stored under any of the digests (at most two: an old and a new pepper), with its version, in one snapshot. */
  findByDigest(digests: readonly string[]): Promise<KeyRecord | undefined>

  /** Finds a record by its id, deleted ones too; purged ones are gone. */
  findById(keyId: string): Promise<KeyRecord | undefined>

  /** Lists records in the query's order, exactly those that its search and conditions name. */
  list(query: KeyQuery): Promise<readonly KeyRecord[]>

  /**
   * Applies changes in one transaction, each guarded by its lineage's version: all of a change (version, rows,
   * tombstones, audit entry) or nothing of it. Resolves when they are durable. One outcome a change, in order.
   *
   * A driver whose file other processes may read resolves only when no process can still be using what it read
   * before, except for changes that are `unseen`.
   */
  commit(changes: readonly KeyChange[], options?: CommitOptions): Promise<readonly ChangeOutcome[]>

  /**
   * The fences of committed changes that nobody has removed yet: the outbox, oldest change first; at most `limit`. One
   * a lineage, at its latest version. A purge leaves it alone.
   */
  listFences(limit: number): Promise<readonly Fence[]>

  /** Removes fences that the gate has: each only if it is still at the version given, or below. */
  removeFences(fences: readonly Fence[]): Promise<void>

  /** Raises last-used instants, in their own rows; an older instant changes nothing. Unknown ids are ignored. */
  recordUses(uses: readonly KeyUse[]): Promise<void>

  /** All stored policies, in order of name. */
  listPolicies(): Promise<readonly Policy[]>

  /**
   * Stores a policy at `policy.version`, with its audit entry, when the stored version is exactly one below it
   * (0 where none is stored).
   *
   * @returns Whether it was stored; `false` when somebody else was first.
   */
  setPolicy(policy: Policy, audit: AuditDraft): Promise<boolean>

  /** Keeps a small text for the library's own use (the pepper's canary) unless one is there, and returns the one that is kept. */
  keepNote(name: string, text: string): Promise<string>

  /** Finds the note of a name; writes nothing. */
  findNote(name: string): Promise<string | undefined>

  /** Removes the notes whose names lie from `from`, which is included, to `to`, which is not; both are ASCII. */
  dropNotes(from: string, to: string): Promise<void>

  /** Keeps a note in the place of the one that is there. Absent in a store that no other process can look at. */
  replaceNote?(name: string, text: string): Promise<void>

  /** The distinct pepper versions of stored keys that are not deleted, 0 among them where a digest has none. */
  pepperVersions(): Promise<readonly number[]>

  /**
   * Says whether another process has changed the store since the last call. Synchronous and cheap (microseconds);
   * absent where nobody else can, or where a channel tells.
   */
  changedElsewhere?(): boolean

  /**
   * Looks at the schema and the server, open or not, and changes nothing: for tools. Absent where there is nothing to see.
   *
   * @throws {ConfigError} When the server or file will not do.
   */
  inspect?(): Promise<StoreInspection>

  /**
   * Brings the schema up to date, whatever the store was told `open()` shall do: for tools. Absent where there is no schema.
   *
   * @returns The migrations that were applied now, in order.
   */
  migrate?(): Promise<readonly string[]>
}

/** How changes are committed. */
export interface CommitOptions {
  /**
   * Whether each committed change that is not `unseen` leaves its fence in the outbox, in the same transaction, until
   * {@link KeyStore.removeFences}. Default false.
   */
  readonly keepFences?: boolean
}

/** A version that a gate must know before it admits anything older. */
export interface Fence {
  readonly owner: string
  readonly lineage: string
  readonly version: number
}

/** One guarded change to the keys of one lineage. */
export interface KeyChange {
  readonly owner: string
  readonly lineage: string
  /** Version that the lineage must have; 0 creates it. The change raises it by one. */
  readonly expectedVersion: number
  /** Whole rows to insert or replace, by id. Their `version` and `lastUsedAt` are ignored. */
  readonly put: readonly KeyRecord[]
  /** Ids of rows to remove; a tombstone keeps id, owner, lineage, name, start and the instant of `audit`. */
  readonly remove: readonly string[]
  readonly audit: AuditDraft
  /** Whether nobody can have asked for these keys before: true for a key that was just drawn. */
  readonly unseen: boolean
}

/**
 * What became of a change: `committed`; `superseded`, because the lineage's version or owner was another one (read
 * again and judge anew); `duplicate`, because a digest or id is taken, and the id of a purged key stays taken. The
 * latter two changed nothing.
 */
export type ChangeOutcome = 'committed' | 'superseded' | 'duplicate'

/** A page of records. */
export interface KeyQuery {
  /** Only this owner's; `undefined` lists every owner's. */
  readonly owner: string | undefined
  /** Only ids below this one; `undefined` begins at the newest. */
  readonly beforeId: string | undefined
  /** At most this many: 1 to 1,000. */
  readonly limit: number
  /** All must hold. */
  readonly conditions: readonly InstantCondition[]
  /**
   * Only keys whose folded name (`foldName`) begins with this text folded, whose start or owner begins with it as it is,
   * or whose id it is. Every character stands for itself. `undefined` looks for nothing.
   */
  readonly search?: string | undefined
  /** `undefined` is newest first: by id, descending. */
  readonly order?: KeyOrder | undefined
}

/**
 * An order of a list, and the place after which the page begins; without one it begins at the first. `oldest`: by id,
 * ascending. `name`: by folded name in order of code points, then by id, ascending. `lastUsed`: the latest use first, keys
 * without one last, then by id, descending.
 */
export type KeyOrder =
  | { readonly by: 'oldest'; readonly after?: { readonly id: string } | undefined }
  | { readonly by: 'name'; readonly after?: { readonly id: string; readonly foldedName: string } | undefined }
  | { readonly by: 'lastUsed'; readonly after?: { readonly id: string; readonly lastUsedAt: Date | null } | undefined }

/** A comparison that the judge wants made in the store: data, so that a driver needs no judgement. */
export interface InstantCondition {
  readonly field: 'startsAt' | 'expiresAt' | 'disabledAt' | 'revokedAt' | 'deletedAt'
  /**
   * `null` and `set` ask whether the instant is there; `after` (later than `at`) and `notAfter` need it to be;
   * `nullOrAfter` and `nullOrNotAfter` do not.
   */
  readonly test: 'null' | 'set' | 'after' | 'notAfter' | 'nullOrAfter' | 'nullOrNotAfter'
  /** Ignored by `null` and `set`. */
  readonly at: Date
}

/** A key's latest use. */
export interface KeyUse {
  readonly keyId: string
  readonly usedAt: Date
}
