import type { Closing } from './ledger.ts'

/** What a request with an idempotency key asks for before its handler runs. */
export interface ClaimRequest {
  /** SHA-256 over owner, lineage and the client's key, in base64url: 43 characters. */
  readonly id: string
  readonly owner: string
  /** SHA-256 over what the request is, in base64url: 43 characters. */
  readonly fingerprint: string
  /** Random: whoever shows it may complete, renew or release the claim. */
  readonly token: string
  readonly requestId: string
  readonly at: Date
  /** End of the lease: until then nobody else may run the handler. */
  readonly leaseUntil: Date
  /** Instant at which the record may be forgotten. */
  readonly expiresAt: Date
}

/**
 * - `claimed`: the handler may run, for the `attempt`th time, a whole number from 1; attempts above 1 follow one whose lease ended unfinished.
 * - `mismatch`: the record has another fingerprint, whatever its state.
 * - `in_progress`: another attempt's lease has not ended.
 * - `done`: what was stored; `answer` is `null` for one that cannot be sent again.
 */
export type ClaimOutcome =
  | {
      readonly outcome: 'claimed'
      /** A whole number from 1. */
      readonly attempt: number
    }
  | { readonly outcome: 'mismatch' }
  | { readonly outcome: 'in_progress' }
  | { readonly outcome: 'done'; readonly answer: Uint8Array | null; readonly requestId: string }

/** How a claim ends well. */
export interface Completion {
  readonly id: string
  readonly token: string
  /** The response as the library encodes it, at most 9 MiB; `null` for one that cannot be sent again. */
  readonly answer: Uint8Array | null
  readonly at: Date
  /** Instant at which the record may be forgotten. */
  readonly expiresAt: Date
}

/**
 * Keeps idempotency records. Each method is one atomic step; a claim is compared by its token, so that of two attempts
 * that both believe to be the only one, one completes. A record is absent, in progress or done; one that has expired is
 * as good as absent. A driver passes `claimStoreContract` of `keyward/testing`.
 *
 * Every method rejects with `StoreUnavailableError` when the store fails, or finds a record that it cannot read.
 */
export interface ClaimStore {
  /** Claims the id where it is absent, expired, or in progress with the same fingerprint under a lease that has ended. */
  claim(request: ClaimRequest): Promise<ClaimOutcome>

  /**
   * Prolongs the lease of a claim in progress, and `expiresAt` with it.
   *
   * @returns Whether the token was still the claim's own.
   */
  renew(id: string, token: string, leaseUntil: Date, expiresAt: Date): Promise<boolean>

  /**
   * Stores the response of a claim in progress.
   *
   * @param closing - A debit that is closed in the same transaction, where the ledger is of the same store. One that is
   * refused does not keep the claim from being completed.
   * @returns Whether the token was still the claim's own; if not, nothing was done, and the debit was not closed.
   */
  complete(completion: Completion, closing?: Closing): Promise<boolean>

  /** Removes a claim in progress, and closes a debit with it. @returns As {@link ClaimStore.complete}. */
  release(id: string, token: string, closing?: Closing): Promise<boolean>

  /** Counts an owner's records that have not expired, up to a whole number. */
  countLive(owner: string, at: Date, atMost: number): Promise<number>

  /** Removes records that have expired, a whole number of them at most. @returns How many it removed. */
  removeExpired(at: Date, limit: number): Promise<number>
}
