import { StoreUnavailableError } from '../../model/errors.ts'
import type { Account, AccountState, Closing, ClosingOutcome, Debit, DebitOutcome } from '../../model/ledger.ts'
import { EMPTY_ACCOUNT, lineageOf } from '../sql/account-row.ts'
import { planClosing } from '../sql/close-debit.ts'
import { heldBy } from '../sql/locked-account.ts'
import { decodeReservation, type Reservation, reservationOf } from '../sql/movement-row.ts'
import { findAccount, findOperation, insertMovement, putAccount, putReservation } from './account-rows.ts'
import type { SqliteConnection } from './connection.ts'

const RENEW = `
  UPDATE keyward_movements SET lease_until = ?
  WHERE owner = ? AND lineage = ? AND operation = ? AND token = ? AND state = 'open'`

/** Takes credits, or takes over what was taken. Only within a transaction, like everything in this file. */
export function reserve(connection: SqliteConnection, debit: Debit): DebitOutcome {
  const { account, operation, amount, at } = debit
  const state = findAccount(connection, account) ?? EMPTY_ACCOUNT
  const { balance, refillAt } = state
  const row = findOperation(connection, account, operation)
  const known = row && decodeReservation(row)
  if (row !== undefined && known === undefined)
    throw new StoreUnavailableError('The operation of a debit is that of a deposit.')
  if (known !== undefined && known.state !== 'refunded' && !debit.isFirst)
    return resume(connection, debit, state, known)
  if (refillAt !== null && refillAt <= at) return { outcome: 'refill_due', state }
  if (balance < amount) return { outcome: 'insufficient', balance }
  return take(connection, debit, state, known)
}

/** @param known - What the row of the operation says: then that is the reservation, and the new movement has no operation. */
function take(
  connection: SqliteConnection,
  debit: Debit,
  state: AccountState,
  known: Reservation | undefined,
): DebitOutcome {
  const { account, operation, amount, keyId, requestId, at } = debit
  const reservation = reservationOf(debit, amount)
  const isAgain = known !== undefined
  const [balance, sequence] = [state.balance - amount, state.sequence + 1]
  const reserved = state.reserved - (known === undefined ? 0 : heldBy(known)) + heldBy(reservation)
  putAccount(connection, account, { ...state, balance, sequence, reserved })
  const movement = {
    ...{ sequence, kind: 'debit' as const, amount: 0 - amount, balance, shortfall: 0 },
    ...{ operation: isAgain ? null : operation, keyId, requestId, actor: null, reason: null, at },
  }
  insertMovement(connection, account, movement, isAgain ? {} : { reservation })
  if (isAgain) putReservation(connection, account, operation, reservation)
  return { outcome: 'reserved', balance }
}

function resume(connection: SqliteConnection, debit: Debit, state: AccountState, known: Reservation): DebitOutcome {
  const { taken } = known
  const reservation = reservationOf(debit, taken)
  const reserved = state.reserved - heldBy(known) + heldBy(reservation)
  if (reserved !== state.reserved) putAccount(connection, debit.account, { ...state, reserved })
  putReservation(connection, debit.account, debit.operation, reservation)
  return { outcome: 'resumed', balance: state.balance, taken }
}

/** Settles or refunds a debit, for whoever has its token. */
export function close(connection: SqliteConnection, closing: Closing): ClosingOutcome {
  const row = findOperation(connection, closing.account, closing.operation)
  const known = row && decodeReservation(row)
  if (known === undefined || known.state === 'refunded' || known.token !== closing.token) return { outcome: 'refused' }
  return end(connection, known, closing, closing.token)
}

/**
 * Ends a debit.
 *
 * @param token - Its token from now on, where it is settled.
 */
export function end(
  connection: SqliteConnection,
  known: Reservation,
  closing: Omit<Closing, 'token' | 'requestId'> & { readonly requestId: string | null },
  token: string | null,
): ClosingOutcome {
  const { account, operation, to } = closing
  const { state, movement, charged, shortfall } = planClosing(
    findAccount(connection, account) ?? EMPTY_ACCOUNT,
    known,
    closing,
  )
  putAccount(connection, account, state)
  if (movement !== undefined) insertMovement(connection, account, movement)
  putReservation(connection, account, operation, {
    ...{ state: to, token: to === 'settled' ? token : null, taken: to === 'settled' ? charged : 0 },
    ...{ lease_until: null, after_lease: known.afterLease },
  })
  return { outcome: 'closed', balance: state.balance, charged, shortfall }
}

/** Prolongs the lease of a debit that is open. */
export function renew(
  connection: SqliteConnection,
  account: Account,
  operation: string,
  { token, leaseUntil }: { readonly token: string; readonly leaseUntil: Date },
): boolean {
  return connection.run(RENEW, leaseUntil.getTime(), account.owner, lineageOf(account), operation, token) === 1
}
