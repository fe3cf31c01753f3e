import type { ClaimOutcome, ClaimRequest, ClaimStore, Completion } from '../../model/claim-store.ts'
import type { Closing } from '../../model/ledger.ts'

/** An idempotency record. It has no token once it is done, or its debit has lapsed. */
interface Claim extends Pick<ClaimRequest, 'owner' | 'fingerprint' | 'requestId' | 'leaseUntil' | 'expiresAt'> {
  readonly attempt: number
  readonly token: string | null
  /** `undefined` while it is in progress. */
  readonly answer: Uint8Array | null | undefined
}

/** Idempotency records in this process's memory. What has expired is there until it is removed. */
export class MemoryClaims implements ClaimStore {
  readonly #close: (closing: Closing) => unknown
  readonly #claims = new Map<string, Claim>()

  /** @param close - Closes a debit in the same step. */
  constructor(close: (closing: Closing) => unknown) {
    this.#close = close
  }

  async claim(request: ClaimRequest): Promise<ClaimOutcome> {
    const { id, owner, fingerprint, token, requestId, at, leaseUntil, expiresAt } = request
    const found = this.#claims.get(id)
    const known = found !== undefined && found.expiresAt > at ? found : undefined
    if (known !== undefined && known.fingerprint !== fingerprint) return { outcome: 'mismatch' }
    if (known?.answer !== undefined)
      return { outcome: 'done', answer: known.answer?.slice() ?? null, requestId: known.requestId }
    if (known !== undefined && known.leaseUntil > at) return { outcome: 'in_progress' }
    const attempt = (known?.attempt ?? 0) + 1
    const instants = { leaseUntil: new Date(leaseUntil), expiresAt: new Date(expiresAt) }
    this.#claims.set(id, { owner, fingerprint, token, requestId, ...instants, attempt, answer: undefined })
    return { outcome: 'claimed', attempt }
  }

  async renew(id: string, token: string, leaseUntil: Date, expiresAt: Date): Promise<boolean> {
    const claim = this.#held(id, token)
    if (claim === undefined) return false
    this.#claims.set(id, { ...claim, leaseUntil: new Date(leaseUntil), expiresAt: new Date(expiresAt) })
    return true
  }

  async complete({ id, token, answer, at, expiresAt }: Completion, closing?: Closing): Promise<boolean> {
    const claim = this.#held(id, token)
    if (claim === undefined || claim.expiresAt <= at) return false
    const done = { token: null, answer: answer && Uint8Array.from(answer), expiresAt: new Date(expiresAt) }
    this.#claims.set(id, { ...claim, ...done })
    if (closing !== undefined) this.#close(closing)
    return true
  }

  async release(id: string, token: string, closing?: Closing): Promise<boolean> {
    if (this.#held(id, token) === undefined) return false
    this.#claims.delete(id)
    if (closing !== undefined) this.#close(closing)
    return true
  }

  async countLive(owner: string, at: Date, atMost: number): Promise<number> {
    let count = 0
    for (const claim of this.#claims.values()) {
      if (count >= atMost) break
      if (claim.owner === owner && claim.expiresAt > at) count += 1
    }
    return count
  }

  async removeExpired(at: Date, limit: number): Promise<number> {
    let count = 0
    for (const [id, { expiresAt }] of this.#claims) {
      if (count >= limit) break
      if (expiresAt > at) continue
      this.#claims.delete(id)
      count += 1
    }
    return count
  }

  /** Voids the token of a claim in progress: its debit has lapsed. The lease stays, and so does the attempt's number. */
  voidToken(id: string): void {
    const claim = this.#claims.get(id)
    if (claim !== undefined) this.#claims.set(id, { ...claim, token: null })
  }

  #held(id: string, token: string): Claim | undefined {
    const claim = this.#claims.get(id)
    return claim?.token === token ? claim : undefined
  }
}
