import { StoreUnavailableError } from '../../model/errors.ts'
import type { Account, Debit, Movement, MovementKind } from '../../model/ledger.ts'
import { lineageOf } from './account-row.ts'
import { type Row, RowReader, textOf } from './row-reader.ts'

/**
 * Columns of a movement. The last five are not the movement's own: the row of a debit, under its operation, is also the
 * reservation, and these say how it stands. A movement that follows from it has no operation.
 */
export interface MovementRow {
  readonly owner: string
  readonly lineage: string
  readonly sequence: number
  readonly kind: string
  readonly amount: number
  readonly balance: number
  readonly shortfall: number
  /** Unique within an account, where it is not `null`. */
  readonly operation: string | null
  readonly key_id: string | null
  readonly request_id: string | null
  readonly actor: string | null
  readonly reason: string | null
  readonly at: number
  /** What a deposit asked for, as `describeChange` writes it. */
  readonly asked: string | null
  readonly state: 'open' | 'settled' | 'refunded' | null
  readonly token: string | null
  readonly taken: number | null
  /** Only where `state` is `open`. */
  readonly lease_until: number | null
  readonly after_lease: string | null
}

/** Every column of {@link MovementRow}. */
export const MOVEMENT_COLUMNS = [
  ...(['owner', 'lineage', 'sequence', 'kind', 'amount', 'balance', 'shortfall', 'operation', 'key_id'] as const),
  ...(['request_id', 'actor', 'reason', 'at', 'asked', 'state', 'token', 'taken', 'lease_until'] as const),
  'after_lease',
] satisfies readonly (keyof MovementRow)[]

/** How the debit of a row stands. */
export interface Reservation {
  /** `open` has a lease; a debit without one is settled from the start. */
  readonly state: 'open' | 'settled' | 'refunded'
  /** `null`: nobody may close it. */
  readonly token: string | null
  /** Credits that it has taken so far: 0 to `MAX_CREDITS`. */
  readonly taken: number
  readonly leaseUntil: Date | null
  readonly afterLease: Debit['afterLease']
  readonly keyId: string | null
  readonly requestId: string | null
}

/** What a reservation is in the row of its operation. */
export type ReservationColumns = Pick<MovementRow, 'state' | 'token' | 'taken' | 'lease_until' | 'after_lease'>

const KINDS: readonly string[] = [
  ...(['debit', 'settlement', 'refund', 'top_up', 'set', 'refill'] satisfies MovementKind[]),
]

const NO_RESERVATION: ReservationColumns = {
  ...{ state: null, token: null, taken: null, lease_until: null, after_lease: null },
}

/** A movement's row; `asked` and the reservation are of those that have them. */
export function encodeMovement(
  account: Account,
  movement: Movement,
  { asked = null, reservation = NO_RESERVATION }: { asked?: string | null; reservation?: ReservationColumns } = {},
): MovementRow {
  const { sequence, kind, amount, balance, shortfall, operation, actor, reason } = movement
  return {
    ...{ owner: account.owner, lineage: lineageOf(account) },
    ...{ sequence, kind, amount, balance, shortfall, operation },
    ...{ key_id: movement.keyId, request_id: movement.requestId, actor, reason, at: movement.at.getTime() },
    ...{ asked, ...reservation },
  }
}

/** How a debit stands that was just made, or that another attempt takes over. */
export function reservationOf({ token, leaseUntil, afterLease }: Debit, taken: number): ReservationColumns {
  const state = leaseUntil === null ? 'settled' : 'open'
  return { state, token, taken, lease_until: leaseUntil?.getTime() ?? null, after_lease: afterLease }
}

/** @throws {StoreUnavailableError} Naming account and sequence, when the row is damaged. */
export function decodeMovement(row: Row): Movement {
  const name = nameOf(row)
  const reader = new RowReader(row, name)
  const kind = reader.text('kind')
  if (!KINDS.includes(kind)) throw new StoreUnavailableError(`The store's ${name} cannot be read: kind is damaged.`)
  return {
    sequence: reader.integer('sequence'),
    kind: kind as MovementKind,
    amount: reader.integer('amount'),
    balance: reader.integer('balance'),
    shortfall: reader.integer('shortfall'),
    operation: reader.textOrNull('operation'),
    keyId: reader.textOrNull('key_id'),
    requestId: reader.textOrNull('request_id'),
    actor: reader.textOrNull('actor'),
    reason: reader.textOrNull('reason'),
    at: reader.instant('at'),
  }
}

/**
 * Reads how the debit of a row stands; `undefined` for a row of another kind, whose operation is a deposit's.
 *
 * @throws {StoreUnavailableError} Naming account and sequence, when the row is damaged.
 */
export function decodeReservation(row: Row): Reservation | undefined {
  const name = nameOf(row)
  const reader = new RowReader(row, name)
  const state = reader.textOrNull('state')
  if (state === null) return undefined
  const afterLease = reader.text('after_lease')
  const taken = reader.integer('taken')
  const isKnown = state === 'open' || state === 'settled' || state === 'refunded'
  if (!isKnown || taken < 0 || !(afterLease === 'charge' || afterLease === 'refund'))
    throw new StoreUnavailableError(`The store's ${name} cannot be read: its state is damaged.`)
  return {
    ...{ state, taken, afterLease, token: reader.textOrNull('token'), leaseUntil: reader.instantOrNull('lease_until') },
    ...{ keyId: reader.textOrNull('key_id'), requestId: reader.textOrNull('request_id') },
  }
}

function nameOf(row: Row): string {
  return `movement ${row['sequence']} of ${textOf(row['owner'])}`
}
