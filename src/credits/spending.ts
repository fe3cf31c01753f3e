import { StoreConflictError, StoreUnavailableError } from '../model/errors.ts'
import type { Account, Closing, ClosingOutcome, Debit, Ledger } from '../model/ledger.ts'
import { type AccountMode, accountOf } from './account.ts'
import { refillIfDue } from './refill-account.ts'

/** What a route takes of every request. */
export interface CreditsRule {
  /** Credits that are taken before the handler runs. */
  readonly reserve: number
  /** Milliseconds of the lease of a metered route; `undefined` for one whose requests cost what was taken. */
  readonly leaseMs: number | undefined
  readonly overshoot: Closing['overshoot']
  readonly afterCrash: Debit['afterLease']
}

/** Who pays for a request. */
export interface Payer {
  readonly owner: string
  readonly lineage: string
  readonly keyId: string
  readonly requestId: string
}

/** What the room is given by the composition. */
export interface SpendingRooms {
  readonly ledger: Ledger
  readonly mode: AccountMode
  readonly now: () => number
}

/** Rounds in which a refill that is due is made before credits are taken: others may be due again at once. */
const MAX_REFILLS = 3

/**
 * Takes a request's credits: one guarded statement, which takes them and writes the row, or does neither.
 *
 * @param operation - Names the debit: the id of the request's claim, so that another attempt takes over what the first one
 * took; else anything that nobody else has.
 * @param isFirst - See `Debit.isFirst`.
 * @returns `undefined` when the balance is too low.
 */
export async function reserveCredits(
  rooms: SpendingRooms,
  payer: Payer,
  rule: CreditsRule,
  { operation, isFirst, token }: Pick<Debit, 'operation' | 'isFirst' | 'token'>,
): Promise<Reservation | undefined> {
  const { ledger, mode, now } = rooms
  const account = accountOf(mode, payer)
  const { keyId, requestId } = payer
  for (let round = 0; round <= MAX_REFILLS; round++) {
    const at = new Date(now())
    const leaseUntil = rule.leaseMs === undefined ? null : new Date(at.getTime() + rule.leaseMs)
    const debit = { account, operation, isFirst, token, leaseUntil, keyId, requestId, at }
    const found = await ledger.reserve({ ...debit, amount: rule.reserve, afterLease: rule.afterCrash })
    if (found.outcome === 'insufficient') return undefined
    if (found.outcome !== 'refill_due') {
      const taken = found.outcome === 'resumed' ? found.taken : rule.reserve
      return new Reservation(rooms, rule, { account, operation, token, requestId }, taken, found.balance)
    }
    await refillIfDue(ledger, account, found.state, at)
  }
  throw new StoreUnavailableError('A refill was due again and again.')
}

/** The end of a debit of which nobody knows whether it was made: it costs nothing. */
export function refundOf(
  { mode, now }: SpendingRooms,
  payer: Payer,
  name: { readonly operation: string; readonly token: string },
): Closing {
  const { requestId } = payer
  const at = new Date(now())
  return { ...name, account: accountOf(mode, payer), to: 'refunded', amount: 0, overshoot: 'cap', requestId, at }
}

/** Credits that a request has taken, until it is known what it costs. */
export class Reservation {
  /** Credits that are left after they were taken, as far as this request knows. */
  balance: number
  /** Credits that the request has cost, as far as is known: what was taken, until it is settled or refunded. */
  charged: number
  readonly rule: CreditsRule
  readonly #rooms: SpendingRooms
  readonly #name: Pick<Closing, 'account' | 'operation' | 'token' | 'requestId'>
  readonly #taken: number

  constructor(
    rooms: SpendingRooms,
    rule: CreditsRule,
    name: Pick<Closing, 'account' | 'operation' | 'token' | 'requestId'> & { readonly account: Account },
    taken: number,
    balance: number,
  ) {
    this.#rooms = rooms
    this.rule = rule
    this.#name = name
    this.#taken = taken
    this.charged = taken
    this.balance = balance
  }

  /** The end of a request that costs this much; what was taken, where nobody says otherwise. */
  settlement(amount = this.#taken): Closing {
    const { overshoot, reserve } = this.rule
    // The reserve bounds it, whatever of it went back before.
    const most = overshoot === 'cap' ? Math.max(reserve, this.#taken) : amount
    return { ...this.#name, to: 'settled', amount: Math.min(amount, most), overshoot: 'charge', at: this.#now() }
  }

  /** The end of a request that costs nothing. */
  refund(): Closing {
    return { ...this.#name, to: 'refunded', amount: 0, overshoot: 'cap', at: this.#now() }
  }

  /** Notes that the end was written together with something else. */
  wasClosed({ amount }: Closing): void {
    this.charged = amount
  }

  /** Writes the end down. @returns Whether it was still this request's to write. */
  async close(closing: Closing): Promise<boolean> {
    const closed: ClosingOutcome = await this.#rooms.ledger.close(closing)
    if (closed.outcome === 'closed') {
      this.balance = closed.balance
      this.charged = closed.charged
    }
    return closed.outcome === 'closed'
  }

  /** @throws {StoreConflictError} When the lease has ended, or the credits went back: what it costs was decided without this request. */
  async settle(amount: number): Promise<void> {
    if (!(await this.close(this.settlement(amount))))
      throw new StoreConflictError('The credits of this request were settled or refunded without it.')
  }

  /** Prolongs the lease of a metered request. */
  async renew(): Promise<void> {
    const { leaseMs } = this.rule
    if (leaseMs === undefined) return
    const { account, operation, token } = this.#name
    await this.#rooms.ledger.renew(account, operation, token, new Date(this.#rooms.now() + leaseMs))
  }

  #now(): Date {
    return new Date(this.#rooms.now())
  }
}
