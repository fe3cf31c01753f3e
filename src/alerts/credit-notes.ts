import { LRUCache } from 'lru-cache'
import type { Clock } from '../model/clock.ts'
import type { Account, Ledger } from '../model/ledger.ts'
import type { AlertBook } from './alert-book.ts'
import { balanceOf, draftCreditsLow, judgeBalance } from './credit-rule.ts'
import { createFlushTimer } from './flush-timer.ts'

/** An account that was low is looked at again after this time: 1 minute, in milliseconds. */
const AGAIN_MS = 60_000
/** Accounts that may wait; more are noticed at their next debit. */
const MAX_WAITING = 10_000

/** Balances that debits have left low: noticed on the way, looked at a little later. */
export interface CreditNotes {
  /** Makes a ledger that notices what its debits leave. */
  watch(ledger: Ledger): Ledger
  /** Looks at what waits. Never rejects. */
  flush(): Promise<void>
  /** Looks at what waits, once, and at nothing afterwards. */
  close(): Promise<void>
}

interface Low {
  readonly account: Account
  readonly keyId: string | null
}

/** What the notes are given by the composition. */
export interface CreditRooms {
  readonly ledger: Ledger
  readonly clock: Clock
  readonly book: AlertBook
  /** Credits below which a balance is low: a whole number from 1. */
  readonly below: number
  readonly failed: (cause: unknown) => void
}

/** Creates the notes. */
export function createCreditNotes({ ledger, clock, book, below, failed }: CreditRooms): CreditNotes {
  /** Monotonic instants until which accounts are not looked at again. */
  const quiet = new LRUCache<string, number>({ max: MAX_WAITING })
  let waiting = new Map<string, Low>()
  const timer = createFlushTimer(clock, write)

  function note(account: Account, keyId: string | null, balance: number): void {
    if (!judgeBalance(balance, below).isLow || waiting.size >= MAX_WAITING) return
    const name = JSON.stringify([account.owner, account.lineage])
    const monotonic = clock.monotonic()
    if ((quiet.get(name) ?? Number.NEGATIVE_INFINITY) > monotonic) return
    quiet.set(name, monotonic + AGAIN_MS)
    waiting.set(name, { account, keyId })
    timer.arm()
  }

  async function write(): Promise<void> {
    const lows = waiting
    waiting = new Map()
    try {
      for (const { account, keyId } of lows.values()) {
        const balance = balanceOf(await ledger.findAccount(account))
        if (!judgeBalance(balance, below).isLow) continue
        await book.open([draftCreditsLow(account, keyId, balance, below)], new Date(clock.now()))
      }
      if (lows.size > 0) failed(undefined)
    } catch (cause) {
      // Whoever spends of the account next has it looked at again.
      for (const name of lows.keys()) quiet.delete(name)
      failed(cause)
    }
  }

  return {
    watch: (watched) => ({
      findAccount: (account) => watched.findAccount(account),
      async reserve(debit) {
        const outcome = await watched.reserve(debit)
        if (outcome.outcome !== 'refill_due') note(debit.account, debit.keyId, outcome.balance)
        return outcome
      },
      async close(closing) {
        const outcome = await watched.close(closing)
        if (outcome.outcome === 'closed') note(closing.account, closing.account.lineage, outcome.balance)
        return outcome
      },
      renew: (account, operation, token, leaseUntil) => watched.renew(account, operation, token, leaseUntil),
      closeLapsed: (at, limit) => watched.closeLapsed(at, limit),
      deposit: (deposit) => watched.deposit(deposit),
      listMovements: (account, beforeSequence, limit) => watched.listMovements(account, beforeSequence, limit),
    }),
    flush: timer.flush,
    close: timer.close,
  }
}
