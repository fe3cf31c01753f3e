import type { GateInspection } from './inspection.ts'
import type { MaybePromise } from './maybe-promise.ts'
import type { Window } from './policy.ts'

/**
 * Decides, in one atomic step, whether a judged copy is current and whether every window has room, and counts.
 * The memory gate answers at once; one on a server answers with a promise. A driver passes `gateContract` of
 * `keyward/testing`.
 */
export interface Gate {
  /**
   * Where the versions live that copies are compared with.
   *
   * - `'process'`: in this process, and windows too. Sees every change that the process makes, and has no memory to lose
   *   but with the process.
   * - `'gate'`: in a memory of its own, which it may lose: after rules 2 to 5 of `docs/fence.md` an entry that is not
   *   there is admissible only to somebody who shows a nonce that was handed out for it.
   * - `'store'`: in the store's own rows. A commit is its fence, and it never answers `unknown`.
   */
  readonly versions: 'process' | 'gate' | 'store'

  /**
   * Milliseconds that an answer may take: a whole number from 1 to 60,000; default 1,000. Nobody waits longer: the
   * library takes a gate that is slower for one that is away, and uses no late answer.
   */
  readonly deadlineMs?: number

  /**
   * Counts `cost` in all windows of all buckets, or nothing in any.
   *
   * @throws {StoreUnavailableError} When the gate cannot answer. It may have counted.
   */
  admit(request: GateRequest): MaybePromise<GateAnswer>

  /** Answers as {@link Gate.admit} would, without counting. */
  peek(request: GateRequest): MaybePromise<GateAnswer>

  /**
   * Raises the version below which a lineage's copies are stale; never lowers it. Resolves once the gate has
   * acknowledged.
   */
  fence(owner: string, lineage: string, version: number): MaybePromise<void>

  /**
   * Connects or checks, before the first request; called again after a failure.
   *
   * @param report - Is told what works but is probably not meant.
   * @throws {ConfigError} When the server must not be used as it is configured.
   */
  open?(report: (warning: GateWarning) => void): Promise<void>

  /**
   * Tells, from now on, of every new connection, before any answer over it is given out: a fence that was written over
   * an earlier one may be lost there. A request that was under way meanwhile is answered `stale`.
   */
  onConnection?(listener: () => void): void

  /** Looks at the gate's servers, and changes nothing: for tools. Absent where there is nothing to see. */
  inspect?(): Promise<GateInspection>

  /** Ends timers and connections that the gate itself began. */
  close?(): Promise<void>
}

/** Something about a gate's server that an operator should know. */
export interface GateWarning {
  readonly code: 'gate_may_evict'
  readonly message: string
}

/** Everything a gate needs to decide one request. */
export interface GateRequest {
  /** All state of one owner may live together: a Redis gate makes its hash tag of it. */
  readonly owner: string
  readonly lineage: string
  /** Version of the copy that was judged. */
  readonly version: number
  /** The nonce of an earlier `unknown` answer, when the copy was read after it. */
  readonly nonce: string | undefined
  readonly buckets: readonly Bucket[]
}

/** Windows that share one log of admissions. */
export interface Bucket {
  /** Names the log; unique over everything that counts. */
  readonly id: string
  /** What is tested. The same array, by identity, means that nothing changed since the last call. */
  readonly windows: readonly Window[]
  /** Units to count: a whole number from 0 to 1,000,000,000. 0 tests and counts nothing. */
  readonly cost: number
}

/**
 * - `admitted`: counted everywhere.
 * - `refused`: at least one window has no room; nothing was counted.
 * - `stale`: the copy is older than a change: read it again, after this answer, from the primary.
 * - `unknown`: the gate has no version for the lineage: read again after this answer and present the nonce.
 */
export type GateAnswer =
  | { readonly outcome: 'admitted'; readonly windows: readonly WindowState[] }
  | { readonly outcome: 'refused'; readonly windows: readonly WindowState[] }
  | { readonly outcome: 'stale' }
  | { readonly outcome: 'unknown'; readonly nonce: string }

/** One window after the decision; in order of the request's buckets and their windows. A fresh value each time. */
export interface WindowState {
  /** Units that any window of this length admits: 0 to 1,000,000,000. */
  readonly limit: number
  /** Length in seconds: 1 to 2,073,600. */
  readonly windowSeconds: number
  /** Units that are left, never below 0. */
  readonly remaining: number
  /** Milliseconds until the next unit is free again; 0 when nothing is used. */
  readonly resetMs: number
  /** Milliseconds until this cost fits if nothing else is sent; 0 where it fits now, Infinity where it never will. */
  readonly retryMs: number
}
