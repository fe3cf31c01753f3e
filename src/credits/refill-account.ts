import { type Account, type AccountState, type Ledger, MAX_CREDITS } from '../model/ledger.ts'
import { dueRefill, refillChange } from './refill.ts'

/**
 * Makes an account's refills that have come due, all in one movement. Whoever finds one due makes it; of any number
 * who do so at once, one moves credits, and the others find the account refilled.
 *
 * @param state - The account as it was found: its `refillAt` is what the refill is made under.
 * @returns Whether a refill was due: then the account has another state than the one given.
 * @throws {StoreUnavailableError} When the store fails; the refill may have been made then, and is not made twice.
 */
export async function refillIfDue(ledger: Ledger, account: Account, state: AccountState, now: Date): Promise<boolean> {
  const { refill: rule, refillAt, balance } = state
  if (rule === null || refillAt === null) return false
  const due = dueRefill(rule.every, refillAt, now)
  if (due === undefined) return false
  const deposit = {
    account,
    kind: 'refill',
    operation: null,
    expectedSequence: undefined,
    expectedRefillAt: refillAt,
    refill: { rule, nextAt: due.nextAt },
    reason: null,
    actor: null,
    requestId: null,
    at: now,
    audit: null,
  } as const
  const { outcome } = await ledger.deposit({ ...deposit, change: refillChange(rule, due.periods, balance) })
  // Somebody else's credits came in between.
  if (outcome === 'overflow') await ledger.deposit({ ...deposit, change: { atLeast: MAX_CREDITS } })
  return true
}
