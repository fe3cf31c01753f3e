import type { Transaction } from 'kysely'
import type { AccountState, Closing, ClosingOutcome, Movement } from '../../model/ledger.ts'
import { type ClosingEffect, closeDebit } from '../../model/move-credits.ts'
import { heldBy, lockAccount, lockOperation, writeAccount, writeReservation } from './locked-account.ts'
import { decodeReservation, encodeMovement, type Reservation } from './movement-row.ts'
import type { Tables } from './tables.ts'

/** A debit that is locked, and may be closed. */
export interface LockedDebit {
  readonly state: AccountState
  readonly reservation: Reservation
}

/** What a closing makes of an account, and the movement that it leaves, if any. */
export interface ClosedDebit extends ClosingEffect {
  readonly state: AccountState
  readonly movement: Movement | undefined
}

/** Locks the account and the debit of a closing; `undefined` where it is refused. */
export async function lockDebit(
  transaction: Transaction<Tables>,
  { account, operation, token }: Pick<Closing, 'account' | 'operation' | 'token'>,
): Promise<LockedDebit | undefined> {
  const state = await lockAccount(transaction, account)
  const row = state && (await lockOperation(transaction, account, operation))
  const reservation = row && decodeReservation(row)
  if (state === undefined || reservation === undefined) return undefined
  return reservation.token === token && reservation.state !== 'refunded' ? { state, reservation } : undefined
}

/** Closes a debit that {@link lockDebit} locked. */
export async function closeLocked(
  transaction: Transaction<Tables>,
  { state, reservation }: LockedDebit,
  closing: Closing,
): Promise<ClosingOutcome> {
  const { account, operation, to, token } = closing
  const closed = planClosing(state, reservation, closing)
  const { charged, shortfall, movement } = closed
  await writeAccount(transaction, account, closed.state, true)
  if (movement !== undefined)
    await transaction.insertInto('keyward_movements').values(encodeMovement(account, movement)).execute()
  await writeReservation(transaction, account, operation, {
    ...{ state: to, token: to === 'settled' ? token : null, taken: to === 'settled' ? charged : 0 },
    ...{ lease_until: null, after_lease: reservation.afterLease },
  })
  return { outcome: 'closed', balance: closed.state.balance, charged, shortfall }
}

/** Works out what a closing does. */
export function planClosing(
  state: AccountState,
  reservation: Reservation,
  closing: Omit<Closing, 'account' | 'operation' | 'token' | 'requestId'> & { readonly requestId: string | null },
): ClosedDebit {
  const effect = closeDebit(reservation.taken, state.balance, closing)
  const { amount, shortfall } = effect
  const after = {
    ...state,
    ...{ balance: state.balance + amount, reserved: state.reserved - heldBy(reservation) },
  }
  if (amount === 0 && shortfall === 0) return { ...effect, state: after, movement: undefined }
  const { to, requestId, at } = closing
  const sequence = state.sequence + 1
  const movement: Movement = {
    ...{ sequence, kind: to === 'settled' ? 'settlement' : 'refund', amount, balance: after.balance, shortfall },
    ...{ operation: null, keyId: reservation.keyId, requestId, actor: null, reason: null, at },
  }
  return { ...effect, state: { ...after, sequence }, movement }
}
