import type { Kysely, Transaction } from 'kysely'
import type { Account, AccountState } from '../../model/ledger.ts'
import { decodeAccount, encodeAccount, lineageOf } from './account-row.ts'
import { MOVEMENT_COLUMNS, type ReservationColumns } from './movement-row.ts'
import type { Row } from './row-reader.ts'
import type { Tables } from './tables.ts'

/** Credits of a debit that count as reserved. */
export function heldBy({ state, taken }: Pick<ReservationColumns, 'state' | 'taken'>): number {
  return state === 'open' ? (taken ?? 0) : 0
}

/** Reads an account, and waits for nobody. */
export async function findAccount(db: Kysely<Tables>, account: Account): Promise<AccountState | undefined> {
  const row = await db
    .selectFrom('keyward_accounts')
    .selectAll()
    .where('owner', '=', account.owner)
    .where('lineage', '=', lineageOf(account))
    .executeTakeFirst()
  return row && decodeAccount(row)
}

/**
 * Reads an account and locks its row until the transaction ends; `undefined` where it is not stored: whoever stores it first
 * has it then, and others begin anew.
 *
 * Everything that moves credits or closes debits of an account holds this lock. Locks are taken in one order by all: heads of
 * audit chains, then the account, its movements, and last the idempotency records.
 *
 * @param options.skipLocked - Whether an account that somebody else has locked is left alone: `undefined`, too.
 */
export async function lockAccount(
  transaction: Transaction<Tables>,
  account: Account,
  { skipLocked = false }: { readonly skipLocked?: boolean } = {},
): Promise<AccountState | undefined> {
  const select = transaction
    .selectFrom('keyward_accounts')
    .selectAll()
    .where('owner', '=', account.owner)
    .where('lineage', '=', lineageOf(account))
    .forUpdate()
  const row = await (skipLocked ? select.skipLocked() : select).executeTakeFirst()
  return row && decodeAccount(row)
}

/** Reads the movement of an operation, and locks its row. */
export async function lockOperation(
  transaction: Transaction<Tables>,
  account: Account,
  operation: string,
): Promise<Row | undefined> {
  return transaction
    .selectFrom('keyward_movements')
    .select(MOVEMENT_COLUMNS)
    .where('owner', '=', account.owner)
    .where('lineage', '=', lineageOf(account))
    .where('operation', '=', operation)
    .forUpdate()
    .executeTakeFirst()
}

/** Writes down how the debit of an operation stands, in the row that {@link lockOperation} locked. */
export async function writeReservation(
  transaction: Transaction<Tables>,
  account: Account,
  operation: string,
  reservation: ReservationColumns,
): Promise<void> {
  await transaction
    .updateTable('keyward_movements')
    .set(reservation)
    .where('owner', '=', account.owner)
    .where('lineage', '=', lineageOf(account))
    .where('operation', '=', operation)
    .execute()
}

/** Stores an account that is locked, or that is not stored yet. */
export async function writeAccount(
  transaction: Transaction<Tables>,
  account: Account,
  state: AccountState,
  isStored: boolean,
): Promise<void> {
  const row = encodeAccount(account, state)
  if (!isStored) await transaction.insertInto('keyward_accounts').values(row).execute()
  else {
    const { owner, lineage, ...columns } = row
    await transaction
      .updateTable('keyward_accounts')
      .set(columns)
      .where('owner', '=', owner)
      .where('lineage', '=', lineage)
      .execute()
  }
}
