import type { HeaderFields } from './answers/finished-answer.ts'
import { CUT_SHORT, type OpenExchange, type Outcome, saysFailure } from './answers/open-exchange.ts'
import type { DenialCode } from './answers/standard-answers.ts'
import type { Reservation } from './credits/spending.ts'
import { type Observer, tell } from './events.ts'
import type { Claim, IdempotencyRule } from './idempotency/claims.ts'
import type { CapturedAnswer } from './idempotency/stored-answer.ts'
import { InvalidInputError } from './model/errors.ts'
import { type Closing, MAX_CREDITS } from './model/ledger.ts'
import type { MaybePromise } from './model/maybe-promise.ts'
import { type Renewal, startRenewal } from './renewal.ts'

/** How often an end is written when the store fails, and the milliseconds before each further try. */
const RETRY_AFTER_MS = [20, 100]
const NO_FIELDS: HeaderFields = []
const NOT_STORED: HeaderFields = [['Idempotency-Stored', 'false']]

/** What every exchange of a deployment shares. */
export interface ExchangeRooms {
  readonly observer: Observer | undefined
  /** Whether claims and credits are in one database, where both end in one transaction. */
  readonly isOneDatabase: boolean
  /** Name of the field that shows how many credits are left. */
  readonly creditsHeader: string | undefined
  /** Whether a text shows an API key, which no stored response may. */
  readonly showsKey: (text: string) => boolean
  /** Writes that are under way, which closing waits for. */
  readonly writes: Set<Promise<unknown>>
}

/** What one request has claimed and taken. */
export interface ExchangeParts {
  readonly claim: Claim | undefined
  readonly rule: IdempotencyRule | undefined
  readonly reservation: Reservation | undefined
}

/** A request in the hands of its handler: what it has claimed and taken, until it is known what came of it. */
export class Exchange implements OpenExchange {
  readonly #rooms: ExchangeRooms
  #parts: ExchangeParts
  #renewal: Renewal | undefined
  /** What the handler says that the request costs. */
  #settled: number | undefined
  #hasFailed = false
  #isWithdrawn = false
  #hasEnded = false
  #isWritten = false
  #onEnd: (() => void) | undefined

  constructor(rooms: ExchangeRooms, parts: ExchangeParts) {
    this.#rooms = rooms
    this.#parts = parts
    this.#renewal = startRenewal(parts)
  }

  get claim(): Claim | undefined {
    return this.#parts.claim
  }

  get maxBodyBytes(): number | undefined {
    return this.#parts.claim && this.#parts.rule?.maxBodyBytes
  }

  get outlastsHead(): boolean {
    return this.#renewal !== undefined
  }

  /** Takes over what another `requireKey` on the same request has claimed or taken besides. */
  add({ claim, rule, reservation }: ExchangeParts): void {
    const mine = this.#parts
    this.#parts = {
      claim: mine.claim ?? claim,
      rule: mine.claim === undefined ? rule : mine.rule,
      reservation: mine.reservation ?? reservation,
    }
    this.#renewal?.stop()
    this.#renewal = startRenewal(this.#parts)
  }

  get headers(): HeaderFields {
    const { creditsLeft } = this
    const name = this.#rooms.creditsHeader
    return name === undefined || creditsLeft === null ? NO_FIELDS : [[name, String(creditsLeft)]]
  }

  /** Credits that are left; `null` where the request takes none. */
  get creditsLeft(): number | null {
    return this.#parts.reservation?.balance ?? null
  }

  /** Credits that the request has spent: final once it has ended. */
  get spent(): number {
    return this.#hasFailed ? 0 : (this.#parts.reservation?.charged ?? 0)
  }

  /** Calls back when what the request came to is written; at once where it is. */
  whenEnded(callback: () => void): void {
    if (this.#isWritten) callback()
    else this.#onEnd = callback
  }

  get attempt(): number {
    return this.#parts.claim?.attempt ?? 1
  }

  /** Notes that the library answers in the handler's place: such a request costs nothing. */
  fail(code?: DenialCode): void {
    this.#hasFailed = true
    // A body that is longer than the framework takes has reached no handler.
    if (code === 'payload_too_large') this.withdraw()
  }

  /** Notes that the request does not reach its handler after all: it costs nothing, and the next one with its key runs. */
  withdraw(): void {
    this.#hasFailed = true
    this.#isWithdrawn = true
  }

  /** Takes a number of credits: see `Identity.settle`. */
  async settle(amount: number): Promise<void> {
    const { claim, reservation } = this.#parts
    if (reservation === undefined) throw new Error('settle: this route takes no credits.')
    if (!Number.isSafeInteger(amount) || amount < 0 || amount > MAX_CREDITS)
      throw new InvalidInputError([{ path: ['credits'], message: 'must be a whole number from 0 to 2^53 - 1' }])
    // With a claim, it is written in one transaction with the response: else a crash between the two would bill twice.
    if (claim === undefined || this.#hasEnded) await this.#track(reservation.settle(amount))
    this.#settled = amount
  }

  end(outcome: Outcome): MaybePromise<HeaderFields> {
    if (this.#hasEnded) return NO_FIELDS
    this.#hasEnded = true
    this.#renewal?.stop()
    const closing = this.#closing(this.#hasFailed || saysFailure(outcome))
    if (this.#parts.claim !== undefined)
      return this.#written(this.#track(this.#conclude(this.#parts.claim, outcome, closing)))
    if (closing !== undefined) return this.#written(this.#track(this.#close(closing)).then(() => NO_FIELDS))
    this.#tellEnd()
    return NO_FIELDS
  }

  async #written(fields: Promise<HeaderFields>): Promise<HeaderFields> {
    const found = await fields
    this.#tellEnd()
    return found
  }

  #tellEnd(): void {
    this.#isWritten = true
    this.#onEnd?.()
  }

  abandon(hasBegun: boolean): void {
    if (hasBegun) {
      // What was sent is paid for. The handler may still say what its part has cost.
      void this.end(CUT_SHORT)
    } else if (this.#parts.claim === undefined) {
      // Nobody will get an answer, whatever the handler still does.
      this.#hasFailed = true
      void this.end(CUT_SHORT)
    } else {
      this.#renewal?.endLater()
    }
  }

  #closing(isFailed: boolean): Closing | undefined {
    const { claim, reservation } = this.#parts
    if (reservation === undefined) return undefined
    if (isFailed) return reservation.refund()
    const isWritten = claim === undefined && this.#settled !== undefined
    const isOpen = this.#settled !== undefined || reservation.rule.leaseMs !== undefined
    return isOpen && !isWritten ? reservation.settlement(this.#settled) : undefined
  }

  /** In two databases money goes first: a takeover finds it settled, and takes none (`docs/fence.md`, rule 19). */
  async #conclude(claim: Claim, outcome: Outcome, closing: Closing | undefined): Promise<HeaderFields> {
    const { isOneDatabase } = this.#rooms
    const together = isOneDatabase ? closing : undefined
    const isReleased = this.#isWithdrawn || (saysFailure(outcome) && this.#parts.rule?.on5xx === 'release')
    const answer = this.#replayable(outcome)
    try {
      if (closing !== undefined && !isOneDatabase) await this.#close(closing)
      const isKept = await patiently(() => (isReleased ? claim.release(together) : claim.complete(answer, together)))
      if (isKept && together !== undefined) this.#parts.reservation?.wasClosed(together)
      return isKept ? NO_FIELDS : NOT_STORED
    } catch (cause) {
      tell(this.#rooms.observer, { type: 'degraded', part: 'exchange', cause })
      return NOT_STORED
    }
  }

  /** A response that shows an API key is given once: nobody may find it in the store. */
  #replayable({ status, headers, body }: Outcome): CapturedAnswer | undefined {
    if (body === undefined) return undefined
    const text = new TextDecoder().decode(body)
    const shows = (value: string) => this.#rooms.showsKey(value)
    return shows(text) || headers.some(([, value]) => shows(value)) ? undefined : { status, headers, body }
  }

  async #close(closing: Closing): Promise<void> {
    try {
      await patiently(async () => this.#parts.reservation?.close(closing))
    } catch (cause) {
      tell(this.#rooms.observer, { type: 'degraded', part: 'exchange', cause })
    }
  }

  #track<T>(write: Promise<T>): Promise<T> {
    const { writes } = this.#rooms
    writes.add(write)
    const done = () => void writes.delete(write)
    write.then(done, done)
    return write
  }
}

async function patiently<T>(write: () => Promise<T>): Promise<T> {
  for (const pauseMs of RETRY_AFTER_MS) {
    try {
      return await write()
    } catch {
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
  return write()
}
