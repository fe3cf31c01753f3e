import { StoreUnavailableError } from '../../model/errors.ts'
import type { Account } from '../../model/ledger.ts'
import { decodeReservation } from '../sql/movement-row.ts'
import { type Row, RowReader } from '../sql/row-reader.ts'
import type { SqliteConnection } from './connection.ts'
import { end } from './debits.ts'

/** Debits closed in one transaction; between two of them the event loop has its turn. */
const DEBITS_PER_TRANSACTION = 100

const LIST_LAPSED = `
  SELECT * FROM keyward_movements WHERE lease_until <= ? AND state = 'open' ORDER BY lease_until LIMIT ?`

const VOID_CLAIM = `UPDATE keyward_claims SET token = NULL WHERE id = ? AND state = 'open'`

/**
 * Closes open debits whose lease has ended, and voids the claims of the same ids. Where there are none, nothing is locked.
 *
 * @throws {StoreUnavailableError} When rows are damaged and no other could be closed: one that cannot be read stays, and
 * holds up nobody else's.
 */
export async function closeLapsed(connection: SqliteConnection, at: Date, limit: number): Promise<number> {
  let closed = 0
  while (closed < limit && connection.get(LIST_LAPSED, at.getTime(), 1) !== undefined) {
    const most = Math.min(limit - closed, DEBITS_PER_TRANSACTION)
    const { count, failure } = await connection.write(() => closeSome(connection, at, most))
    closed += count
    if (closed === 0 && failure !== undefined) throw failure
    if (count < most) break
  }
  return closed
}

interface ClosedSome {
  readonly count: number
  readonly failure: StoreUnavailableError | undefined
}

function closeSome(connection: SqliteConnection, at: Date, most: number): ClosedSome {
  let count = 0
  let failure: StoreUnavailableError | undefined
  for (const row of connection.all(LIST_LAPSED, at.getTime(), most)) {
    try {
      closeOne(connection, row, at)
      count += 1
    } catch (error) {
      if (!(error instanceof StoreUnavailableError)) throw error
      failure = error
    }
  }
  return { count, failure }
}

/** Reads everything before it writes anything. */
function closeOne(connection: SqliteConnection, row: Row, at: Date): void {
  const known = decodeReservation(row)
  if (known === undefined) throw new StoreUnavailableError('A movement that is no debit has a lease.')
  const reader = new RowReader(row, 'movement whose lease has ended')
  const lineage = reader.text('lineage')
  const account: Account = { owner: reader.text('owner'), lineage: lineage === '' ? null : lineage }
  const operation = reader.text('operation')
  const { taken, afterLease, requestId } = known
  const how = afterLease === 'charge' ? ({ to: 'settled', amount: taken } as const) : REFUNDED
  end(connection, known, { account, operation, ...how, overshoot: 'cap', requestId, at }, null)
  connection.run(VOID_CLAIM, operation)
}

const REFUNDED = { to: 'refunded', amount: 0 } as const
