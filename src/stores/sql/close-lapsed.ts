import type { Transaction } from 'kysely'
import type { Account, Movement } from '../../model/ledger.ts'
import { lineageOf } from './account-row.ts'
import { chunks } from './chunks.ts'
import { planClosing } from './close-debit.ts'
import { lockAccount, writeAccount } from './locked-account.ts'
import { decodeReservation, encodeMovement, MOVEMENT_COLUMNS, type Reservation } from './movement-row.ts'
import { type Row, textOf } from './row-reader.ts'
import { type SqlDatabase, transact } from './sql-database.ts'
import type { Tables } from './tables.ts'

/** Most debits that one transaction closes, so that requests for the same account do not wait long. */
const MAX_AT_ONCE = 200

/** A debit whose lease has ended, locked. */
interface LapsedDebit {
  readonly operation: string
  readonly reservation: Reservation
}

/**
 * Closes debits whose lease has ended, an account at a time, each in a transaction of its own. Accounts that somebody else
 * has locked are waited for only where there is nothing else to do: so instances that do this at once share the work. Ends
 * early, with what was done, when half of the deadline is over.
 */
export async function closeLapsed(database: SqlDatabase, at: Date, limit: number): Promise<number> {
  const stopAt = performance.now() + database.deadlineMs / 2
  const accounts = await findLapsed(database, at, limit)
  let closed = 0
  for (const skipLocked of [true, false]) {
    for (const account of accounts)
      for (let isMore = true; isMore; ) {
        if (closed >= limit || performance.now() > stopAt) return closed
        const most = Math.min(limit - closed, MAX_AT_ONCE)
        const count = await transact(database, (transaction) =>
          closeSome(transaction, account, { at, most, skipLocked }),
        )
        closed += count
        isMore = count === MAX_AT_ONCE
      }
    if (closed > 0) break
  }
  return closed
}

/** Accounts that have such debits, those whose leases ended first before the others. */
async function findLapsed({ db }: SqlDatabase, at: Date, limit: number): Promise<readonly Account[]> {
  const rows = await db
    .selectFrom('keyward_movements')
    .select(['owner', 'lineage'])
    .where('lease_until', '<=', at.getTime())
    .orderBy('lease_until')
    .limit(limit)
    .execute()
  const accounts = new Map<string, Account>()
  for (const row of rows) {
    const [owner, lineage] = [String(textOf(row.owner)), String(textOf(row.lineage))]
    accounts.set(JSON.stringify([owner, lineage]), { owner, lineage: lineage === '' ? null : lineage })
  }
  return Array.from(accounts.values())
}

/** @returns How many were closed: none where somebody else has locked the account, and it is not waited for. */
async function closeSome(
  transaction: Transaction<Tables>,
  account: Account,
  { at, most, skipLocked }: { readonly at: Date; readonly most: number; readonly skipLocked: boolean },
): Promise<number> {
  let state = await lockAccount(transaction, account, { skipLocked })
  if (state === undefined) return 0
  const lapsed = await lockLapsed(transaction, account, at, most)
  if (lapsed.length === 0) return 0
  const movements: Movement[] = []
  for (const { reservation } of lapsed) {
    const { taken, afterLease, requestId } = reservation
    const end = afterLease === 'charge' ? ({ to: 'settled', amount: taken } as const) : REFUNDED
    const closed = planClosing(state, reservation, { ...end, overshoot: 'cap', requestId, at })
    state = closed.state
    if (closed.movement !== undefined) movements.push(closed.movement)
  }
  await writeAccount(transaction, account, state, true)
  for (const rows of chunks(movements.map((movement) => encodeMovement(account, movement))))
    await transaction.insertInto('keyward_movements').values(rows).execute()
  await writeEnds(transaction, account, lapsed)
  return lapsed.length
}

const REFUNDED = { to: 'refunded', amount: 0 } as const

/**
 * Rows are looked for without a lock, and locked by their key: some servers lock what a search passes on its way, which may
 * be another account's. Nothing but a renewal can come in between.
 */
async function lockLapsed(
  transaction: Transaction<Tables>,
  account: Account,
  at: Date,
  most: number,
): Promise<readonly LapsedDebit[]> {
  const rows = transaction
    .selectFrom('keyward_movements')
    .select(MOVEMENT_COLUMNS)
    .where('owner', '=', account.owner)
    .where('lineage', '=', lineageOf(account))
  const found = await rows.where('lease_until', '<=', at.getTime()).orderBy('lease_until').limit(most).execute()
  const operations = found.map(({ operation }) => String(textOf(operation)))
  if (operations.length === 0) return []
  const locked = await rows.where('operation', 'in', operations).orderBy('sequence').forUpdate().execute()
  return locked.flatMap((row) => decodeLapsed(row, at))
}

function decodeLapsed(row: Row, at: Date): readonly LapsedDebit[] {
  const reservation = decodeReservation(row)
  const operation = textOf(row['operation'])
  if (reservation?.state !== 'open' || reservation.leaseUntil === null || operation === undefined) return []
  return reservation.leaseUntil.getTime() <= at.getTime() ? [{ operation, reservation }] : []
}

/** Writes down how the debits ended, and voids what shows the same tokens. */
async function writeEnds(
  transaction: Transaction<Tables>,
  account: Account,
  lapsed: readonly LapsedDebit[],
): Promise<void> {
  const ofKind = (kind: Reservation['afterLease']) =>
    lapsed.filter(({ reservation }) => reservation.afterLease === kind).map(({ operation }) => operation)
  const update = transaction
    .updateTable('keyward_movements')
    .set({ token: null, lease_until: null })
    .where('owner', '=', account.owner)
    .where('lineage', '=', lineageOf(account))
  const [charged, refunded] = [ofKind('charge'), ofKind('refund')]
  if (charged.length > 0) await update.set({ state: 'settled' }).where('operation', 'in', charged).execute()
  if (refunded.length > 0)
    await update.set({ state: 'refunded', taken: 0 }).where('operation', 'in', refunded).execute()
  await transaction
    .updateTable('keyward_claims')
    .set({ token: null })
    .where('id', 'in', lapsed.map(({ operation }) => operation).sort())
    .where('state', '=', 'open')
    .execute()
}
