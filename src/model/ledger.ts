import type { AuditDraft } from './audit-entry.ts'

/** The most credits that a balance holds, and an operation moves: every whole number up to it is exact. */
export const MAX_CREDITS = Number.MAX_SAFE_INTEGER

/** Whose credits: those of one key's lineage, or the pool that all keys of an owner share. */
export interface Account {
  readonly owner: string
  /** `null` for the owner's pool. */
  readonly lineage: string | null
}

/** Credits that come by themselves. */
export interface Refill {
  /** Credits: a whole number from 1 to {@link MAX_CREDITS}. */
  readonly amount: number
  /** `'add'` adds them, once for each period that passed; `'to'` raises a lower balance to them, and never lowers one. */
  readonly mode: 'add' | 'to'
  /** The first instant of each UTC day or month, or so many seconds apart: a whole number from 60 to 31,536,000. */
  readonly every: 'day' | 'month' | number
}

/** What is stored of an account. One that nothing was ever moved on is not stored, and has nothing. */
export interface AccountState {
  /** Credits that may be spent: 0 to {@link MAX_CREDITS}. The sum of all movements. */
  readonly balance: number
  /** Credits that metered requests have taken and not settled yet; they are not in `balance`. */
  readonly reserved: number
  /** Number of the last movement: raised by one with each. */
  readonly sequence: number
  readonly refill: Refill | null
  /** Instant of the next refill: a debit from then on is answered `refill_due` until it was made. `null` where there is none. */
  readonly refillAt: Date | null
}

/** What moves credits. */
export type MovementKind = 'debit' | 'settlement' | 'refund' | 'top_up' | 'set' | 'refill'

/** A row of the ledger. Never changed once written. */
export interface Movement {
  /** Place among the account's movements: 1, 2, 3 and so on, without gaps. */
  readonly sequence: number
  readonly kind: MovementKind
  /** What it did to the balance: a whole number, negative for a debit. */
  readonly amount: number
  /** Balance after it, in credits. */
  readonly balance: number
  /** Credits that were due beyond the balance, and not taken: 0 but for a settlement above what was there. */
  readonly shortfall: number
  /** Id of the operation: that of a debit, or the one that a top-up was given; `null` where there is none. */
  readonly operation: string | null
  /** Key whose request it was; `null` for what is no request's. */
  readonly keyId: string | null
  readonly requestId: string | null
  /** Id of the actor; `null` where the application itself, or a request, moved it. */
  readonly actor: string | null
  readonly reason: string | null
  readonly at: Date
}

/** Credits that a request takes before its handler runs. The debit is the reservation: there is nothing else to write when it succeeds. */
export interface Debit {
  readonly account: Account
  /** Credits: 0 to {@link MAX_CREDITS}. */
  readonly amount: number
  /** Names the debit within its account: random, or the id of the request's claim. */
  readonly operation: string
  /**
   * Whether no debit of the operation counts yet. One that is there then is that of an idempotency record which has
   * expired: what it has taken stays taken, and credits are taken anew.
   */
  readonly isFirst: boolean
  /** Whoever shows it may close the debit; replaced when another attempt takes it over. */
  readonly token: string
  /** End of the lease of a metered request; `null` for one that is final unless it is closed. */
  readonly leaseUntil: Date | null
  /** What becomes of a metered request's credits when its lease ends unsettled. */
  readonly afterLease: 'charge' | 'refund'
  readonly keyId: string
  readonly requestId: string
  readonly at: Date
}

/**
 * All numbers are credits.
 *
 * - `reserved`: taken now.
 * - `resumed`: the operation's debit is there, open or settled, and this is not the first; its token and lease are now those given, and nothing was
 *   taken. `taken` is what it has taken so far. One that was refunded is taken again: `reserved`.
 * - `insufficient`: the balance is lower than the amount; nothing was taken.
 * - `refill_due`: nothing was taken, because a refill comes first.
 */
export type DebitOutcome =
  | {
      readonly outcome: 'reserved' | 'insufficient'
      /** Credits that are left. */
      readonly balance: number
    }
  | {
      readonly outcome: 'resumed'
      /** Credits that are left. */
      readonly balance: number
      /** Credits that the debit has taken so far. */
      readonly taken: number
    }
  | { readonly outcome: 'refill_due'; readonly state: AccountState }

/** The end of a debit: what the request shall have cost in all. */
export interface Closing {
  readonly account: Account
  readonly operation: string
  readonly token: string
  /** `'refunded'` has an `amount` of 0. */
  readonly to: 'settled' | 'refunded'
  /** Credits: what was taken beyond it goes back, and what is missing is taken. 0 to {@link MAX_CREDITS}. */
  readonly amount: number
  /** Where `amount` is above what was taken: `'charge'` takes the rest as far as the balance goes, `'cap'` takes no more. */
  readonly overshoot: 'charge' | 'cap'
  readonly requestId: string
  readonly at: Date
}

/** Credits. `refused`: there is no such debit, it was refunded, or the token is no longer its own. Nothing was moved. */
export type ClosingOutcome =
  | {
      readonly outcome: 'closed'
      /** Credits that are left. */
      readonly balance: number
      /** Credits that the request has cost in all. */
      readonly charged: number
      /** Credits that were due and not there. */
      readonly shortfall: number
    }
  | { readonly outcome: 'refused' }

/** What a deposit does to a balance: one of the three. */
export type BalanceChange =
  | {
      /** Credits that are added. */
      readonly add: number
    }
  | {
      /** Credits that the balance has afterwards. */
      readonly to: number
    }
  | {
      /** Credits that a lower balance is raised to. */
      readonly atLeast: number
    }

/** Credits that come from elsewhere, or are set, and the rule by which they come. */
export interface Deposit {
  readonly account: Account
  readonly kind: 'top_up' | 'set' | 'refill'
  /** Each from 0 to {@link MAX_CREDITS}. */
  readonly change: BalanceChange
  /** Names the operation within the account, so that a repetition moves nothing; `null` for one that may come again. */
  readonly operation: string | null
  /** Sequence that the account must have, 0 where it is not stored; `undefined` takes any. */
  readonly expectedSequence: number | undefined
  /** `refillAt` that the account must have: how a refill is made once, however many try. `undefined` takes any. */
  readonly expectedRefillAt: Date | undefined
  /** The account's refill from now on; `undefined` leaves it. */
  readonly refill: { readonly rule: Refill | null; readonly nextAt: Date | null } | undefined
  readonly reason: string | null
  readonly actor: string | null
  readonly requestId: string | null
  readonly at: Date
  /** Joins its owner's chain in the same transaction; `null` for a refill. */
  readonly audit: AuditDraft | null
}

/**
 * - `moved`: with the account after it.
 * - `repeated`: the operation was made before, with the same kind and change; nothing was moved.
 * - `reused`: the operation's id was used for something else.
 * - `superseded`: the account has another sequence or refill than was expected.
 * - `overflow`: the balance would exceed {@link MAX_CREDITS}.
 */
export type DepositOutcome =
  | { readonly outcome: 'moved' | 'repeated'; readonly state: AccountState }
  | { readonly outcome: 'reused' | 'superseded' | 'overflow' }

/**
 * Keeps balances and every movement of them. Each method is one atomic step, durable when it resolves; no balance is
 * ever negative, and each is the sum of its movements. A driver passes `ledgerContract` of `keyward/testing`.
 *
 * Every method rejects with `StoreUnavailableError` when the store fails; a write may have been made then.
 */
export interface Ledger {
  /** Reads an account; `undefined` where nothing was ever moved. */
  findAccount(account: Account): Promise<AccountState | undefined>

  /** Takes credits and writes the movement, or does neither. */
  reserve(debit: Debit): Promise<DebitOutcome>

  /**
   * Settles or refunds a debit that is open or settled, and only for whoever has its token. The difference to what was
   * taken is a movement of kind `settlement` or `refund`; no difference, no movement. Afterwards a settled debit has
   * no lease, and a refunded one no token.
   */
  close(closing: Closing): Promise<ClosingOutcome>

  /** Prolongs the lease of a debit that is open, for whoever has its token. @returns Whether it was. */
  renew(account: Account, operation: string, token: string, leaseUntil: Date): Promise<boolean>

  /**
   * Closes open debits whose lease has ended: settled as they are, or refunded, as each says; their tokens, and those of
   * claims with the same id in the same database, are void from then on.
   *
   * @param limit - The most that are closed: a whole number from 1.
   * @returns How many were closed.
   */
  closeLapsed(at: Date, limit: number): Promise<number>

  /** Tops up, sets or refills, and makes the account where there is none. */
  deposit(deposit: Deposit): Promise<DepositOutcome>

  /** An account's movements, newest first, below a sequence; at most `limit`. */
  listMovements(account: Account, beforeSequence: number | undefined, limit: number): Promise<readonly Movement[]>
}
