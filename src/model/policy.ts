/** A limit on one sliding window. */
export interface Window {
  /** Units that any window of this length admits: a whole number from 0 (nothing passes) to 1,000,000,000. */
  readonly limit: number
  /** Length in seconds: a whole number from 1 to 2,073,600 (24 days). */
  readonly windowSeconds: number
  /** Who shares the count: the keys of one lineage (`'key'`, the default), or all keys of an owner. */
  readonly per?: 'key' | 'owner'
}

/** Named windows that keys and routes refer to, so that one edit reaches every key that was ever issued under it. */
export interface Policy {
  /** 1 to 64 characters of `a-z`, `0-9`, `-`, `_`, `.`; begins with a letter. */
  readonly name: string
  readonly windows: readonly Window[]
  /** 0 for a policy as the code defines it; raised by one with every stored edit. */
  readonly version: number
  /** Instant of the last stored edit; `null` for a policy as the code defines it. */
  readonly updatedAt: Date | null
}
