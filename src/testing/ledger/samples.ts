import {
  type Account,
  type AccountState,
  type Closing,
  type ClosingOutcome,
  type Debit,
  type DebitOutcome,
  type Deposit,
  type Ledger,
  MAX_CREDITS,
  type Movement,
} from '../../model/ledger.ts'
import { expectEqual, expectThat } from '../expectations.ts'
import { instant } from '../key-store/samples.ts'

/** The account of most cases: an owner's pool. */
export const POOL: Account = { owner: 'acme', lineage: null }

/** A final debit of 5 credits from {@link POOL}; its operation and token are new each time. */
export function sampleDebit(fields: Partial<Debit> = {}): Debit {
  return {
    account: POOL,
    amount: 5,
    operation: draw(),
    isFirst: false,
    token: draw(),
    leaseUntil: null,
    afterLease: 'charge',
    keyId: 'key_1',
    requestId: 'request 1',
    at: instant(1_000),
    ...fields,
  }
}

/** A debit with a lease of a minute. */
export function meteredDebit(fields: Partial<Debit> = {}): Debit {
  return sampleDebit({ leaseUntil: instant(61_000), ...fields })
}

/** Settles a debit at an amount, charging what is missing. */
export function settling(debit: Debit, amount: number, fields: Partial<Closing> = {}): Closing {
  const { account, operation, token } = debit
  const closing = { account, operation, token, to: 'settled', amount, overshoot: 'charge' } as const
  return { ...closing, requestId: 'request 2', at: instant(2_000), ...fields }
}

/** Refunds a debit. */
export function refunding(debit: Debit, fields: Partial<Closing> = {}): Closing {
  return settling(debit, 0, { to: 'refunded', ...fields })
}

/** Adds 10 credits to {@link POOL}, whatever it has, without an operation or an audit entry. */
export function sampleDeposit(fields: Partial<Deposit> = {}): Deposit {
  return {
    account: POOL,
    kind: 'top_up',
    change: { add: 10 },
    operation: null,
    expectedSequence: undefined,
    expectedRefillAt: undefined,
    refill: undefined,
    reason: null,
    actor: null,
    requestId: null,
    at: instant(),
    audit: null,
    ...fields,
  }
}

/** Deposits, and returns the account after it. */
export async function topUp(ledger: Ledger, add: number, account = POOL): Promise<AccountState> {
  return expectMoved(ledger, sampleDeposit({ account, change: { add } }))
}

/** Makes a deposit that must move. */
export async function expectMoved(ledger: Ledger, deposit: Deposit): Promise<AccountState> {
  const outcome = await ledger.deposit(deposit)
  expectThat(outcome.outcome === 'moved', `a deposit was ${outcome.outcome}`)
  return outcome.state
}

/** Takes credits that must be there. */
export async function expectReserved(ledger: Ledger, debit: Debit, balance: number): Promise<void> {
  expectEqual(await ledger.reserve(debit), { outcome: 'reserved', balance }, `a debit of ${debit.amount}`)
}

/** What a debit that finds its operation is answered. */
export function resumed(balance: number, taken: number): DebitOutcome {
  return { outcome: 'resumed', balance, taken }
}

/** What a closing is answered. */
export function closed(balance: number, charged: number, shortfall = 0): ClosingOutcome {
  return { outcome: 'closed', balance, charged, shortfall }
}

/** What a closing is answered that may not be. */
export const REFUSED: ClosingOutcome = { outcome: 'refused' }

/** An account's movements, oldest first. */
export async function movementsOf(ledger: Ledger, account = POOL): Promise<readonly Movement[]> {
  return [...(await ledger.listMovements(account, undefined, 1_000))].reverse()
}

/**
 * Throws unless an account has this balance and these reserved credits, and its movements are numbered without gaps and
 * sum up to it, each with the balance after it.
 *
 * @returns The movements, oldest first.
 */
export async function expectBooks(
  ledger: Ledger,
  balance: number,
  reserved = 0,
  account = POOL,
): Promise<readonly Movement[]> {
  const state = await ledger.findAccount(account)
  expectEqual([state?.balance, state?.reserved], [balance, reserved], 'balance and reserved credits')
  const movements = await movementsOf(ledger, account)
  expectEqual(state?.sequence, movements.length, 'the sequence of the account, beside its movements')
  let sum = 0
  for (const [index, movement] of movements.entries()) {
    sum += movement.amount
    expectEqual(movement.sequence, index + 1, 'the place of a movement')
    expectEqual(movement.balance, sum, `the balance after movement ${index + 1}`)
    expectThat(sum >= 0 && sum <= MAX_CREDITS, `movement ${index + 1} leaves a balance of ${sum}`)
  }
  expectEqual(sum, balance, 'the sum of the movements')
  return movements
}

/** 43 characters of base64url that were not drawn before. */
export function draw(): string {
  return `${crypto.randomUUID()}${crypto.randomUUID()}`.replaceAll('-', '_').slice(0, 43)
}
