import type * as z from 'zod'
import { checkInput } from '../keys/key-input.ts'
import { type ManageContext, ownerOf } from '../model/actor.ts'
import { ConfigError, ForbiddenError, InvalidInputError, StoreConflictError } from '../model/errors.ts'
import type { AccountState, Ledger, Movement, Refill } from '../model/ledger.ts'
import { type CreditsRooms, createAccounts } from './accounts.ts'
import { type creditTarget, movementsInput, setCreditsInput, topUpInput } from './credit-input.ts'
import { draftDeposit } from './draft-deposit.ts'
import { changesNothing, planSet } from './set-credits.ts'

/** Which account: the pool of an owner, or whatever a key spends from. */
export type CreditTarget = z.input<typeof creditTarget>
/** Credits to add: 1 to 2^53 - 1. With an `operationId`, 1 to 128 printable ASCII characters, repeating it adds nothing. */
export type TopUpInput = z.input<typeof topUpInput>
/** A balance (0 to 2^53 - 1), a refill (`null` ends it), or both; what is not given stays. */
export type SetCreditsInput = z.input<typeof setCreditsInput>
/** Which movements to list: 1 to 100 a page, 50 by default. */
export type MovementListInput = z.input<typeof movementsInput>

/** An account. One that nothing was ever moved on has nothing, at version 0. */
export interface CreditState {
  /** Credits that may be spent: 0 to 2^53 - 1. */
  readonly balance: number
  /** Credits that metered requests have taken and not settled yet; they are not in `balance`. */
  readonly reserved: number
  /** Raised by one with every movement. */
  readonly version: number
  readonly refill: Refill | null
  /** Instant of the next refill; `null` where there is none. */
  readonly refillAt: Date | null
}

/** A page of movements, newest first. `nextCursor` is opaque, and `null` on the last page. */
export interface MovementPage {
  readonly items: readonly Movement[]
  readonly nextCursor: string | null
}

/**
 * Reads credits and moves them, each movement in one transaction with its row and its audit entry, durable when the
 * call resolves. A refill that has come due is made first, by whoever finds it.
 *
 * All calls throw `NotFoundError` for a key that is not there or belongs to another owner than the actor's, and for an
 * owner's pool where keys have credits of their own; `InvalidInputError` for input that breaks a rule, or a balance
 * that would exceed 2^53 - 1; `ConfigError` where the store keeps no credits; and `StoreUnavailableError` when it fails.
 * Credits are money: an actor of one owner reads its own owner's, and gets a `ForbiddenError` for everything else.
 */
export interface Credits {
  /** Whether the store keeps credits. */
  readonly isAvailable: boolean
  /** Reads an account. */
  get(target: CreditTarget, context?: ManageContext): Promise<CreditState>
  /**
   * Adds credits. Repeating an `operationId` adds nothing, and answers with the account as it is.
   *
   * @throws {StoreConflictError} When the `operationId` was used for another amount, or `context.ifVersion` is not the account's.
   */
  topUp(target: CreditTarget, input: TopUpInput, context?: ManageContext): Promise<CreditState>
  /**
   * Sets the balance, the refill, or both. The first refill comes at the next instant of its rule, not now; a rule with
   * the same `every` as the one before keeps its instant, so that no period is refilled twice.
   *
   * @throws {StoreConflictError} When `context.ifVersion` is not the account's version.
   */
  set(target: CreditTarget, input: SetCreditsInput, context?: ManageContext): Promise<CreditState>
  /** Lists what was moved. */
  movements(target: CreditTarget, input?: MovementListInput, context?: ManageContext): Promise<MovementPage>
}

/** How often a change that was overtaken by another one is planned anew. */
const MAX_ATTEMPTS = 10

/** Creates the room. */
export function createCredits(rooms: CreditsRooms): Credits {
  const { clock, ledger } = rooms.store
  const { find, read, make } = createAccounts(rooms)

  return {
    isAvailable: ledger !== undefined,

    async get(target, context) {
      const kept = required(ledger)
      return view(await read(kept, await find(target, context)))
    },

    async topUp(target, input, context) {
      const kept = required(ledger)
      checkMayWrite(context)
      const checked = checkInput(topUpInput, input)
      const found = await find(target, context)
      await read(kept, found)
      const { amount, operationId = null, reason = null } = checked
      const details = { amount, operationId, reason }
      const draft = draftDeposit('top_up', found, { reason, details }, context, new Date(clock.now()))
      const state = await make(kept, found, { ...draft, change: { add: amount }, operation: operationId })
      if (state === undefined) throw changedMeanwhile()
      return view(state)
    },

    async set(target, input, context) {
      const kept = required(ledger)
      checkMayWrite(context)
      const checked = checkInput(setCreditsInput, input)
      const found = await find(target, context)
      for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
        const before = await read(kept, found)
        if (context?.ifVersion !== undefined && context.ifVersion !== before.sequence) throw changedMeanwhile()
        if (changesNothing(before, checked)) return view(before)
        const at = new Date(clock.now())
        const { details, ...planned } = planSet(before, checked, context?.ifVersion !== undefined, at)
        const draft = draftDeposit('set', found, { reason: checked.reason ?? null, details }, context, at)
        const state = await make(kept, found, { ...draft, ...planned })
        if (state !== undefined) return view(state)
      }
      throw new StoreConflictError('The account is being changed by others.')
    },

    async movements(target, input = {}, context) {
      const kept = required(ledger)
      const { limit, cursor } = checkInput(movementsInput, input)
      const before = cursor === undefined ? undefined : readCursor(cursor)
      const found = await find(target, context)
      if (before === undefined) await read(kept, found)
      const listed = await kept.listMovements(found.account, before, limit + 1)
      const items = listed.slice(0, limit)
      const last = items.at(-1)
      return { items, nextCursor: listed.length > limit && last !== undefined ? btoa(String(last.sequence)) : null }
    },
  }
}

function view({ sequence, ...rest }: AccountState): CreditState {
  return {
    balance: rest.balance,
    reserved: rest.reserved,
    version: sequence,
    refill: rest.refill,
    refillAt: rest.refillAt,
  }
}

function required(ledger: Ledger | undefined): Ledger {
  if (ledger !== undefined) return ledger
  throw new ConfigError('createKeyward.store: keeps no credits. Those of memory, SQLite, Postgres and MySQL do.')
}

function checkMayWrite(context: ManageContext | undefined): void {
  if (ownerOf(context?.actor) !== undefined)
    throw new ForbiddenError('Credits are money: an actor of one owner cannot move any.')
}

function changedMeanwhile(): StoreConflictError {
  return new StoreConflictError('The account has been changed meanwhile.', 'precondition_failed')
}

function readCursor(cursor: string): number {
  try {
    const sequence = atob(cursor)
    if (/^[1-9]\d{0,14}$/.test(sequence)) return Number(sequence)
  } catch {
    // What is not base64 is no cursor of ours either.
  }
  throw new InvalidInputError([{ path: ['cursor'], message: 'is not a cursor of this list' }])
}
