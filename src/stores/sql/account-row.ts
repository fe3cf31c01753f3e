import { StoreUnavailableError } from '../../model/errors.ts'
import type { Account, AccountState, Refill } from '../../model/ledger.ts'
import { type Row, RowReader, textOf } from './row-reader.ts'

/** Columns of an account. */
export interface AccountRow {
  readonly owner: string
  /** The empty string for the owner's pool: part of the primary key. */
  readonly lineage: string
  readonly balance: number
  readonly reserved: number
  readonly sequence: number
  /** JSON. */
  readonly refill: string | null
  readonly refill_at: number | null
}

/** What an account has that nothing was ever moved on. */
export const EMPTY_ACCOUNT: AccountState = { balance: 0, reserved: 0, sequence: 0, refill: null, refillAt: null }

/** The part of a primary key that says whose credits they are. */
export function lineageOf({ lineage }: Account): string {
  return lineage ?? ''
}

export function encodeAccount(account: Account, state: AccountState): AccountRow {
  return {
    owner: account.owner,
    lineage: lineageOf(account),
    balance: state.balance,
    reserved: state.reserved,
    sequence: state.sequence,
    refill: encodeRefill(state.refill),
    refill_at: state.refillAt?.getTime() ?? null,
  }
}

/** What is stored of a rule: JSON, or nothing. */
function encodeRefill(rule: Refill | null): string | null {
  return rule && JSON.stringify({ amount: rule.amount, mode: rule.mode, every: rule.every })
}

/** @throws {StoreUnavailableError} Naming the account's owner, when its row is damaged. */
export function decodeAccount(row: Row): AccountState {
  const name = `account of ${textOf(row['owner'])}`
  const reader = new RowReader(row, name)
  const [balance, reserved, sequence] = [
    reader.integer('balance'),
    reader.integer('reserved'),
    reader.integer('sequence'),
  ]
  const refill = reader.textOrNull('refill') === null ? null : reader.json('refill')
  if (balance < 0 || reserved < 0 || sequence < 0 || !(refill === null || isRefill(refill)))
    throw new StoreUnavailableError(`The store's ${name} cannot be read: its balance or refill is damaged.`)
  return { balance, reserved, sequence, refill, refillAt: reader.instantOrNull('refill_at') }
}

function isRefill(value: unknown): value is Refill {
  if (typeof value !== 'object' || value === null) return false
  const { amount, mode, every } = value as { amount?: unknown; mode?: unknown; every?: unknown }
  const isPeriod = every === 'day' || every === 'month' || Number.isSafeInteger(every)
  return Number.isSafeInteger(amount) && (mode === 'add' || mode === 'to') && isPeriod
}
