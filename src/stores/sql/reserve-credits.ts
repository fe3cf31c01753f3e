import { sql, type Transaction } from 'kysely'
import { StoreUnavailableError } from '../../model/errors.ts'
import type { AccountState, Debit, DebitOutcome } from '../../model/ledger.ts'
import { EMPTY_ACCOUNT, lineageOf } from './account-row.ts'
import { findAccount, heldBy, lockAccount, lockOperation, writeAccount, writeReservation } from './locked-account.ts'
import { decodeReservation, encodeMovement, type Reservation, reservationOf } from './movement-row.ts'
import { RowReader } from './row-reader.ts'
import { type SqlDatabase, transact } from './sql-database.ts'
import { checkIndexed, checkText } from './stored-text.ts'
import type { Tables } from './tables.ts'

/** What `SqlDialect.reserveAtOnce` is run with, in this order. */
const RESERVE_VALUES = [
  ...(['owner', 'lineage', 'amount', 'held', 'at', 'operation', 'key_id', 'request_id', 'state', 'token'] as const),
  ...(['lease_until', 'after_lease'] as const),
]

/**
 * Takes credits: by one statement where the database has one for it, else in a short transaction. Where nothing was taken, a
 * read says why, which waits for nobody: a balance that is too low is refused as often as it is asked for. What has an
 * operation that was made before goes to a transaction that looks at it.
 *
 * @param atOnce - The statement, with the names that tables have.
 */
export async function reserveCredits(
  database: SqlDatabase,
  debit: Debit,
  atOnce: string | undefined,
): Promise<DebitOutcome> {
  const { account, operation } = debit
  checkIndexed(account.owner, lineageOf(account), operation)
  const balance = await (atOnce === undefined ? tryGuarded(database, debit) : tryAtOnce(database, debit, atOnce))
  if (balance !== undefined) return { outcome: 'reserved', balance }
  const refused = await readRefusal(database, debit)
  if (refused !== undefined) return refused
  return transact(database, (transaction) => reserveLocked(transaction, debit))
}

/** @returns The balance; `undefined` where nothing was taken. */
async function tryAtOnce(database: SqlDatabase, debit: Debit, atOnce: string): Promise<number | undefined> {
  const { dialect, query } = database
  const values = valuesOf(debit).map((value) =>
    typeof value === 'string' ? dialect.encodeText(checkText(value)) : value,
  )
  try {
    const [row] = await query(atOnce, values)
    return row && new RowReader(row, `account of ${debit.account.owner}`).integer('balance')
  } catch (error) {
    // The operation was made before, or somebody was in the way where the default isolation is a higher one.
    const failure = dialect.classify(error)
    if (failure === 'taken' || failure === 'transient') return undefined
    throw error
  }
}

/** The same in a transaction, whose first statement locks the account and judges it. @returns As {@link tryAtOnce}. */
async function tryGuarded(database: SqlDatabase, debit: Debit): Promise<number | undefined> {
  const { account, amount, at, operation, keyId, requestId } = debit
  const columns = reservationOf(debit, amount)
  const work = async (transaction: Transaction<Tables>): Promise<number | undefined> => {
    const { numUpdatedRows } = await transaction
      .updateTable('keyward_accounts')
      .set({
        balance: sql<number>`balance - ${amount}`,
        reserved: sql<number>`reserved + ${heldBy(columns)}`,
        sequence: sql<number>`sequence + 1`,
      })
      .where('owner', '=', account.owner)
      .where('lineage', '=', lineageOf(account))
      .where('balance', '>=', amount)
      .where((where) => where.or([where('refill_at', 'is', null), where('refill_at', '>', at.getTime())]))
      .executeTakeFirstOrThrow()
    if (numUpdatedRows === 0n) return undefined
    const state = await findAccount(transaction, account)
    if (state === undefined) throw new StoreUnavailableError('An account is gone while it is locked.')
    const { balance, sequence } = state
    const reasons = { operation, keyId, requestId, actor: null, reason: null, at }
    const movement = { sequence, kind: 'debit', amount: -amount, balance, shortfall: 0, ...reasons } as const
    await transaction
      .insertInto('keyward_movements')
      .values(encodeMovement(account, movement, { reservation: columns }))
      .execute()
    return balance
  }
  try {
    return await transact(database, work, ['transient'])
  } catch (error) {
    if (database.dialect.classify(error) === 'taken') return undefined
    throw error
  }
}

/** @returns `undefined` where a debit of the operation is there, or what was missing has come meanwhile. */
async function readRefusal({ db }: SqlDatabase, debit: Debit): Promise<DebitOutcome | undefined> {
  const { account, operation, amount, at } = debit
  const made = await db
    .selectFrom('keyward_movements')
    .select('sequence')
    .where('owner', '=', account.owner)
    .where('lineage', '=', lineageOf(account))
    .where('operation', '=', operation)
    .executeTakeFirst()
  if (made !== undefined) return undefined
  const state = (await findAccount(db, account)) ?? EMPTY_ACCOUNT
  if (state.refillAt !== null && state.refillAt.getTime() <= at.getTime()) return { outcome: 'refill_due', state }
  return state.balance < amount ? { outcome: 'insufficient', balance: state.balance } : undefined
}

function valuesOf(debit: Debit): readonly (string | number | null)[] {
  const { account, amount, operation, keyId, requestId, at } = debit
  const reservation = reservationOf(debit, amount)
  const values: Readonly<Record<(typeof RESERVE_VALUES)[number], string | number | null>> = {
    ...{ owner: account.owner, lineage: lineageOf(account), amount, held: heldBy(reservation), at: at.getTime() },
    ...{ operation, key_id: keyId, request_id: requestId, state: reservation.state, token: reservation.token },
    ...{ lease_until: reservation.lease_until, after_lease: reservation.after_lease },
  }
  return RESERVE_VALUES.map((name) => values[name])
}

async function reserveLocked(transaction: Transaction<Tables>, debit: Debit): Promise<DebitOutcome> {
  const { account, operation, amount, at } = debit
  const stored = await lockAccount(transaction, account)
  const state = stored ?? EMPTY_ACCOUNT
  const made = stored && (await lockOperation(transaction, account, operation))
  const reservation = made && decodeReservation(made)
  if (made !== undefined && reservation === undefined)
    throw new StoreUnavailableError('The operation of a debit is one of a deposit.')
  if (reservation !== undefined && reservation.state !== 'refunded' && !debit.isFirst)
    return resume(transaction, debit, state, reservation)
  if (state.refillAt !== null && state.refillAt.getTime() <= at.getTime()) return { outcome: 'refill_due', state }
  if (state.balance < amount) return { outcome: 'insufficient', balance: state.balance }
  const isAgain = reservation !== undefined
  const balance = state.balance - amount
  const columns = reservationOf(debit, amount)
  const held = reservation === undefined ? 0 : heldBy(reservation)
  const after = { balance, reserved: state.reserved - held + heldBy(columns), sequence: state.sequence + 1 }
  await writeAccount(transaction, account, { ...state, ...after }, stored !== undefined)
  const { keyId, requestId } = debit
  const movement = encodeMovement(
    account,
    {
      ...{ sequence: after.sequence, kind: 'debit', amount: -amount, balance, shortfall: 0 },
      ...{ operation: isAgain ? null : operation, keyId, requestId, actor: null, reason: null, at },
    },
    isAgain ? {} : { reservation: columns },
  )
  await transaction.insertInto('keyward_movements').values(movement).execute()
  if (isAgain) await writeReservation(transaction, account, operation, columns)
  return { outcome: 'reserved', balance }
}

/** Another attempt takes over what the debit has taken, open or settled: under its own lease, where it has one. */
async function resume(
  transaction: Transaction<Tables>,
  debit: Debit,
  state: AccountState,
  reservation: Reservation,
): Promise<DebitOutcome> {
  const { account, operation } = debit
  const { balance } = state
  const { taken } = reservation
  const columns = reservationOf(debit, taken)
  const reserved = state.reserved - heldBy(reservation) + heldBy(columns)
  if (reserved !== state.reserved) await writeAccount(transaction, account, { ...state, reserved }, true)
  await writeReservation(transaction, account, operation, columns)
  return { outcome: 'resumed', balance, taken }
}
