/** Lengths of time that usage is counted by: each request is counted in one of each, beginning at a full UTC minute, hour and day. */
export type UsageInterval = 'minute' | 'hour' | 'day'

/** Whose requests: everybody's, those of an owner's keys, or those of one key. */
export type UsageScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'owner'; readonly owner: string }
  | { readonly kind: 'key'; readonly keyId: string }

/**
 * What requests of a scope are told apart by: nothing (`'none'`), the key, the route, or the app. A key's scope is never
 * told apart by key. `'overhead'` is no dimension of requests: its rows, in the scope of all, are a sample of the time that
 * requests spent in this library, under the upper bound of each in microseconds.
 */
export type UsageDimension = 'none' | 'key' | 'route' | 'app' | 'overhead'

/** What is counted. Every member is a whole number of at least 0. */
export interface UsageCounts {
  /** How many requests showed a key which the store knows, refused ones among them. */
  readonly requests: number
  /** How many of them keyward itself answered with a status from 400 to 499: 401, 402, 403, 409, 429 and so on. */
  readonly refused: number
  /** How many were answered with a status from 100 to 299. */
  readonly succeeded: number
  /** How many were answered with a status from 300 to 399. */
  readonly redirected: number
  /** How many were answered with a status from 400 to 499, refused ones among them, or that their client left before an answer. */
  readonly clientErrors: number
  /** How many were answered with a status of 500 and above. */
  readonly serverErrors: number
  /** Credits that requests have spent: 0 to 2^53 - 1. */
  readonly credits: number
}

/** Counts of one scope, in one stretch of time, of one name within a dimension. */
export interface UsageRow extends UsageCounts {
  readonly interval: UsageInterval
  /** When the stretch begins. */
  readonly at: Date
  readonly scope: UsageScope
  /** Owner of the key in rows of a key's scope; `null` in others. */
  readonly owner: string | null
  readonly by: UsageDimension
  /** The key's id, the route, or the app; the empty string for `'none'`, and for what has no name. At most 1,024 bytes of UTF-8. */
  readonly name: string
  /** How the name is shown: the latest title of an app, the name of a key, or `null`. */
  readonly label: string | null
}

/** Counts to add, once. */
export interface UsageBatch {
  /** Names the process that counted. */
  readonly writer: string
  /** Place among the writer's batches, from 1: a batch whose sequence is not above the stored one was added before, and adds nothing. */
  readonly sequence: number
  /** When the batch is added. */
  readonly at: Date
  /** At most 5,000, no two with the same interval, instant, scope, dimension and name. */
  readonly rows: readonly UsageRow[]
}

/** A stretch of a scope's usage. */
export interface UsageStretch {
  readonly interval: UsageInterval
  readonly by: UsageDimension
  /** Earliest beginning. */
  readonly from: Date
  /** Instant before which a stretch must begin. */
  readonly to: Date
}

/** What is asked for of some scopes. */
export interface UsageQuery extends UsageStretch {
  /** 1 to 100, each once. */
  readonly scopes: readonly UsageScope[]
  /** Keeps only what was counted under these names: at most 100. */
  readonly names?: readonly string[] | undefined
  /** How many at most: 1 to 200,000. */
  readonly limit: number
}

/** What scopes have counted under one name, in a stretch that begins at an instant. */
export interface UsageSum extends UsageCounts {
  readonly at: Date
  readonly name: string
}

/** How much scopes have counted under one name. */
export interface UsageRank extends Pick<UsageCounts, 'requests' | 'credits'> {
  readonly name: string
}

/** Names of which labels are asked for. */
export interface LabelQuery extends Omit<UsageQuery, 'limit'> {
  /** At most 100. */
  readonly names: readonly string[]
}

/** Keeps counts of requests. Opened with the store that it is part of. */
export interface UsageStore {
  /**
   * Adds counts, each to what is there and each once, however often the batch is sent: in one transaction, or in several, of
   * which a batch that is sent again makes those that are missing. A label replaces the one before unless it is `null`.
   * Credits end at 2^53 - 1.
   */
  addUsage(batch: UsageBatch): Promise<void>

  /** Rows of some scopes, in order of instant; at most `limit`. */
  readUsage(query: UsageQuery): Promise<readonly UsageRow[]>

  /** Sums of some scopes together, by instant and name, in order of instant; at most `limit`. */
  sumUsage(query: UsageQuery): Promise<readonly UsageSum[]>

  /**
   * Names, with what some scopes together have counted under each: those with the most requests first, and then by name; at
   * most `limit`.
   */
  rankUsage(query: UsageQuery): Promise<readonly UsageRank[]>

  /** The latest label of each of some names in some scopes; names without one are left out. */
  findLabels(query: LabelQuery): Promise<ReadonlyMap<string, string>>

  /** How many keys of an owner (`undefined`: of all) each of some apps (1 to 100) was used with; apps without one may be left out. */
  countAppKeys(query: {
    readonly owner: string | undefined
    readonly apps: readonly string[]
    readonly interval: UsageInterval
    readonly from: Date
    readonly to: Date
  }): Promise<ReadonlyMap<string, number>>

  /**
   * Removes rows of an interval that begin before an instant, at most `limit` (1 to 10,000); with those of minutes also what
   * is remembered of writers that have added nothing since. @returns How many rows.
   */
  purgeUsage(interval: UsageInterval, before: Date, limit: number): Promise<number>
}
