import type { ClaimStore } from '../model/claim-store.ts'
import type { Closing } from '../model/ledger.ts'
import { type CapturedAnswer, decodeAnswer, encodeAnswer } from './stored-answer.ts'

/** How a route treats requests with an idempotency key. */
export interface IdempotencyRule {
  readonly required: boolean
  readonly on5xx: 'store' | 'release'
  readonly maxBodyBytes: number
  readonly methods: ReadonlySet<string>
}

/** Bounds of a deployment's records. */
export interface ClaimTerms {
  readonly leaseMs: number
  readonly ttlMs: number
  /** How many records one owner may have. */
  readonly maxPerOwner: number
}

/** What the room is given by the composition. */
export interface ClaimRooms {
  readonly store: ClaimStore
  readonly terms: ClaimTerms
  readonly now: () => number
  /** Fields that are not stored, in lower case, besides those that never are. */
  readonly freshFields: ReadonlySet<string>
}

/** A request that wants to be run once. */
export interface Intent {
  readonly id: string
  readonly fingerprint: string
  readonly owner: string
  readonly requestId: string
}

/** What came of it: a claim, what was answered before, or why neither. */
export type Claimed =
  | { readonly outcome: 'claimed'; readonly claim: Claim }
  | { readonly outcome: 'replay'; readonly answer: CapturedAnswer; readonly requestId: string }
  | { readonly outcome: 'mismatch' | 'in_progress' | 'not_replayable' | 'full' }

/** Claims requests. */
export interface Claims {
  /** @throws {StoreUnavailableError} When the store fails, or holds a record that cannot be read. Nothing may run then. */
  claim(intent: Intent): Promise<Claimed>
}

/** How often an owner's records are counted: once in so many parts of the most that it may have. */
const COUNTS_PER_QUOTA = 100
/** Owners whose numbers are remembered; the one that was seen first is counted anew. */
const MAX_OWNERS = 10_000

/** Creates the room. */
export function createClaims(rooms: ClaimRooms): Claims {
  const { store, terms, now } = rooms
  const live = new Map<string, { counted: number; since: number }>()

  /** Counts now and then, so that what it costs is nothing a request notices: the bound is kept within a hundredth. */
  async function isFull(owner: string): Promise<boolean> {
    const known = live.get(owner) ?? { counted: 0, since: terms.maxPerOwner }
    known.since += 1
    if (known.since > terms.maxPerOwner / COUNTS_PER_QUOTA || known.counted + known.since > terms.maxPerOwner) {
      const oldest = live.keys().next()
      if (live.size >= MAX_OWNERS && !oldest.done) live.delete(oldest.value)
      live.set(owner, known)
      known.since = 0
      known.counted = await store.countLive(owner, new Date(now()), terms.maxPerOwner + 1)
    }
    return known.counted + known.since > terms.maxPerOwner
  }

  return {
    async claim(intent) {
      const token = crypto.randomUUID()
      const at = now()
      const found = await store.claim({
        ...intent,
        token,
        at: new Date(at),
        leaseUntil: new Date(at + terms.leaseMs),
        expiresAt: new Date(at + terms.ttlMs),
      })
      switch (found.outcome) {
        case 'claimed': {
          const claim = new Claim(rooms, intent.id, token, found.attempt)
          if (found.attempt > 1 || !(await isFull(intent.owner))) return { outcome: 'claimed', claim }
          await claim.release()
          return { outcome: 'full' }
        }
        case 'done':
          if (found.answer === null) return { outcome: 'not_replayable' }
          return { outcome: 'replay', answer: decodeAnswer(found.answer), requestId: found.requestId }
        default:
          return found
      }
    },
  }
}

/** The right to run a handler, for as long as it is renewed. */
export class Claim {
  readonly id: string
  readonly token: string
  /** A whole number: 1 for the first, more for one that follows an attempt whose lease ended unfinished. */
  readonly attempt: number
  readonly leaseMs: number
  readonly #rooms: ClaimRooms

  /** @param attempt - A whole number from 1. */
  constructor(rooms: ClaimRooms, id: string, token: string, attempt: number) {
    this.#rooms = rooms
    this.id = id
    this.token = token
    this.attempt = attempt
    this.leaseMs = rooms.terms.leaseMs
  }

  /** Prolongs the right. @returns Whether it was still held. */
  renew(): Promise<boolean> {
    const { store, terms, now } = this.#rooms
    const at = now()
    return store.renew(this.id, this.token, new Date(at + terms.leaseMs), new Date(at + terms.ttlMs))
  }

  /**
   * Stores the answer.
   *
   * @param answer - `undefined` for one that cannot be sent again.
   * @returns Whether the claim was still held; if not, nothing was stored.
   */
  complete(answer: CapturedAnswer | undefined, closing?: Closing): Promise<boolean> {
    const { store, terms, now, freshFields } = this.#rooms
    const at = now()
    const bytes = answer === undefined ? null : encodeAnswer(answer, freshFields)
    const { id, token } = this
    return store.complete(
      { id, token, answer: bytes, at: new Date(at), expiresAt: new Date(at + terms.ttlMs) },
      closing,
    )
  }

  /** Gives the right back: the next request with the key runs as if there had been none. */
  release(closing?: Closing): Promise<boolean> {
    return this.#rooms.store.release(this.id, this.token, closing)
  }
}
