import { type AccountState, type Closing, type Deposit, MAX_CREDITS } from './ledger.ts'

/** What a closing does to a balance. */
export interface ClosingEffect {
  /** Credits: what the balance changes by, -{@link MAX_CREDITS} to {@link MAX_CREDITS}. */
  readonly amount: number
  /** Credits that were due beyond the balance. */
  readonly shortfall: number
  /** Credits that the request has cost in all. */
  readonly charged: number
}

/**
 * Says what a closing does to a debit that has taken so much: with no effect on the balance and no shortfall, no movement
 * is written.
 */
export function closeDebit(
  taken: number,
  balance: number,
  { amount, overshoot }: Pick<Closing, 'amount' | 'overshoot'>,
): ClosingEffect {
  if (amount > taken && overshoot === 'cap') return { amount: 0, shortfall: 0, charged: taken }
  // What goes back fits: a balance that was set to the highest there is stays that.
  const change = Math.min(Math.max(taken - amount, 0 - balance), MAX_CREDITS - balance)
  return { amount: change, shortfall: Math.max(amount - taken + change, 0), charged: taken - change }
}

/** The balance after a deposit; `undefined` where it would exceed {@link MAX_CREDITS}. */
export function depositCredits(balance: number, change: Deposit['change']): number | undefined {
  if ('to' in change) return change.to
  if ('atLeast' in change) return Math.max(balance, change.atLeast)
  return change.add > MAX_CREDITS - balance ? undefined : balance + change.add
}

/** Writes down what a deposit asked for: `add 5`, `to 5`, `atLeast 5`. Two of one kind are the same if these are. */
export function describeChange(change: Deposit['change']): string {
  if ('to' in change) return `to ${change.to}`
  return 'add' in change ? `add ${change.add}` : `atLeast ${change.atLeast}`
}

/** Says whether an account is as a deposit expects it to be. */
export function isExpected(
  { sequence, refillAt }: Pick<AccountState, 'sequence' | 'refillAt'>,
  { expectedSequence, expectedRefillAt }: Pick<Deposit, 'expectedSequence' | 'expectedRefillAt'>,
): boolean {
  if (expectedSequence !== undefined && expectedSequence !== sequence) return false
  return expectedRefillAt === undefined || expectedRefillAt.getTime() === refillAt?.getTime()
}
