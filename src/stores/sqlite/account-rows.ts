import type { Account, AccountState, Movement } from '../../model/ledger.ts'
import { decodeAccount, encodeAccount, lineageOf } from '../sql/account-row.ts'
import {
  decodeMovement,
  encodeMovement,
  MOVEMENT_COLUMNS,
  type MovementRow,
  type ReservationColumns,
} from '../sql/movement-row.ts'
import type { Row } from '../sql/row-reader.ts'
import type { SqliteConnection } from './connection.ts'

const FIND_ACCOUNT = 'SELECT * FROM keyward_accounts WHERE owner = ? AND lineage = ?'

const PUT_ACCOUNT = `
  INSERT INTO keyward_accounts (owner, lineage, balance, reserved, sequence, refill, refill_at)
  VALUES (?, ?, ?, ?, ?, ?, ?)
  ON CONFLICT (owner, lineage) DO UPDATE SET balance = excluded.balance, reserved = excluded.reserved,
    sequence = excluded.sequence, refill = excluded.refill, refill_at = excluded.refill_at`

const INSERT_MOVEMENT = `
  INSERT INTO keyward_movements (${MOVEMENT_COLUMNS.join(', ')}) VALUES (${MOVEMENT_COLUMNS.map(() => '?').join(', ')})`

const LIST_MOVEMENTS = `
  SELECT * FROM keyward_movements WHERE owner = ? AND lineage = ? AND sequence < ? ORDER BY sequence DESC LIMIT ?`

const FIND_OPERATION = 'SELECT * FROM keyward_movements WHERE owner = ? AND lineage = ? AND operation = ?'

const PUT_RESERVATION = `
  UPDATE keyward_movements SET state = ?, token = ?, taken = ?, lease_until = ?, after_lease = ?
  WHERE owner = ? AND lineage = ? AND operation = ?`

/** Reads an account; `undefined` where it is not stored. */
export function findAccount(connection: SqliteConnection, account: Account): AccountState | undefined {
  const row = connection.get(FIND_ACCOUNT, account.owner, lineageOf(account))
  return row && decodeAccount(row)
}

/** Stores what an account has now. Only within the transaction that read it. */
export function putAccount(connection: SqliteConnection, account: Account, state: AccountState): void {
  const { owner, lineage, balance, reserved, sequence, refill, refill_at: refillAt } = encodeAccount(account, state)
  connection.run(PUT_ACCOUNT, owner, lineage, balance, reserved, sequence, refill, refillAt)
}

/** Writes a movement down; `more` is what its row has beside it. */
export function insertMovement(
  connection: SqliteConnection,
  account: Account,
  movement: Movement,
  more: { readonly asked?: string; readonly reservation?: ReservationColumns } = {},
): void {
  const row: MovementRow = encodeMovement(account, movement, more)
  connection.run(INSERT_MOVEMENT, ...MOVEMENT_COLUMNS.map((column) => row[column]))
}

/** An account's movements, newest first, below a sequence. */
export function listMovements(
  connection: SqliteConnection,
  account: Account,
  beforeSequence: number | undefined,
  limit: number,
): readonly Movement[] {
  const below = beforeSequence ?? Number.MAX_SAFE_INTEGER
  return connection.all(LIST_MOVEMENTS, account.owner, lineageOf(account), below, limit).map(decodeMovement)
}

/** The row of an operation: a debit's, which is its reservation, or a deposit's. */
export function findOperation(connection: SqliteConnection, account: Account, operation: string): Row | undefined {
  return connection.get(FIND_OPERATION, account.owner, lineageOf(account), operation)
}

/** Writes down how the debit of an operation stands. */
export function putReservation(
  connection: SqliteConnection,
  account: Account,
  operation: string,
  { state, token, taken, lease_until: leaseUntil, after_lease: afterLease }: ReservationColumns,
): void {
  const key = [account.owner, lineageOf(account), operation]
  connection.run(PUT_RESERVATION, state, token, taken, leaseUntil, afterLease, ...key)
}
