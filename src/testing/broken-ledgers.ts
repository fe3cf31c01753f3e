import type { Clock } from '../model/clock.ts'
import type { KeyStore } from '../model/key-store.ts'
import { type Account, type Debit, type Ledger, MAX_CREDITS } from '../model/ledger.ts'
import { memory } from '../stores/memory/memory-store.ts'
import type { BrokenStore } from './broken-stores.ts'

/** Stores whose ledger is broken on purpose, each with the sentence of `ledgerContract` that finds it out. */
export const brokenLedgers: readonly BrokenStore[] = [
  broken(
    'grants what is not there',
    'takes nothing where the balance is lower, and stores nothing of it',
    (ledger) => ({
      async reserve(debit) {
        const outcome = await ledger.reserve(debit)
        return outcome.outcome === 'insufficient' ? { outcome: 'reserved', balance: 0 } : outcome
      },
    }),
  ),

  broken('reads the balance, then takes', 'grants 20 of 40 debits at once on a balance of 20', (ledger) => ({
    async reserve(debit) {
      const { balance = 0 } = (await ledger.findAccount(debit.account)) ?? {}
      await nextTurn()
      const outcome = await ledger.reserve(debit)
      const isLate = outcome.outcome === 'insufficient' && balance >= debit.amount
      return isLate ? { outcome: 'reserved', balance: balance - debit.amount } : outcome
    },
  })),

  broken('shows what it is about to take', 'never shows a balance below nothing, whatever is going on', (ledger) => {
    let pending = 0
    return {
      async reserve(debit) {
        pending += debit.amount
        await nextTurn()
        pending -= debit.amount
        return ledger.reserve(debit)
      },
      async findAccount(account) {
        const state = await ledger.findAccount(account)
        return state && { ...state, balance: state.balance - pending }
      },
    }
  }),

  broken(
    'takes again when another attempt follows',
    'resumes a debit that is open, and takes nothing again: the token is the new one',
    (ledger) => {
      let attempts = 0
      return { reserve: (debit) => ledger.reserve({ ...debit, operation: `${debit.operation} ${attempts++}` }) }
    },
  ),

  broken('keeps the first lease', 'gives a debit that is resumed its new lease', (ledger) => {
    const leases = new Map<string, Date | null>()
    return {
      reserve(debit) {
        if (!leases.has(debit.operation)) leases.set(debit.operation, debit.leaseUntil)
        return ledger.reserve({ ...debit, leaseUntil: leases.get(debit.operation) ?? null })
      },
    }
  }),

  broken(
    'resumes at what the debit asks for',
    'resumes a debit that is settled, at what it was charged: with a lease it is open again',
    (ledger) => ({
      async reserve(debit) {
        const outcome = await ledger.reserve(debit)
        return outcome.outcome === 'resumed' ? { ...outcome, taken: debit.amount } : outcome
      },
    }),
  ),

  broken(
    'lets a refunded debit go on for free',
    'takes a debit anew that was refunded, and only if it can',
    (ledger) => {
      const known = new Set<string>()
      return {
        async reserve(debit) {
          const { balance = 0 } = (await ledger.findAccount(debit.account)) ?? {}
          if (known.has(debit.operation)) return { outcome: 'resumed', balance, taken: debit.amount }
          known.add(debit.operation)
          return ledger.reserve(debit)
        },
      }
    },
  ),

  broken('forgets a debit of nothing', 'writes down a debit of nothing too, which can be settled', (ledger) => ({
    async reserve(debit) {
      if (debit.amount > 0) return ledger.reserve(debit)
      return { outcome: 'reserved', balance: (await ledger.findAccount(debit.account))?.balance ?? 0 }
    },
  })),

  broken(
    'names operations whatever their case',
    'names operations by their exact text, within an account',
    (ledger) => ({
      reserve: (debit) => ledger.reserve({ ...debit, operation: debit.operation.toLowerCase() }),
      close: (closing) => ledger.close({ ...closing, operation: closing.operation.toLowerCase() }),
    }),
  ),

  broken(
    'debits though a refill is due',
    'asks for a refill from its instant on, before anything is taken',
    (ledger) => ({
      reserve: (debit) => ledger.reserve({ ...debit, at: new Date(0) }),
    }),
  ),

  broken('asks no token', 'closes for nobody who has not the token of the debit, in its account', (ledger) => {
    const tokens = new Map<string, string>()
    return {
      reserve(debit) {
        tokens.set(debit.operation, debit.token)
        return ledger.reserve(debit)
      },
      close: (closing) => ledger.close({ ...closing, token: tokens.get(closing.operation) ?? closing.token }),
    }
  }),

  broken(
    'writes a settlement at no difference',
    'writes nothing where a debit is settled at what it took',
    (ledger) => ({
      async close(closing) {
        const before = await ledger.findAccount(closing.account)
        const outcome = await ledger.close(closing)
        if ((await ledger.findAccount(closing.account))?.sequence === before?.sequence)
          await deposit(ledger, closing.account, { add: 0 })
        return outcome
      },
    }),
  ),

  broken('loses what was missing', 'takes no more than there is, and writes down what was missing', (ledger) => ({
    listMovements: async (...page) =>
      (await ledger.listMovements(...page)).map((movement) => ({ ...movement, shortfall: 0 })),
  })),

  broken('charges above the cap', 'takes no more than it took where overshoot is capped', (ledger) => ({
    close: (closing) => ledger.close({ ...closing, overshoot: 'charge' }),
  })),

  broken('settles once', 'settles again, at the new amount, for whoever has the token', (ledger) => {
    const settled = new Set<string>()
    return {
      async close(closing) {
        if (settled.has(closing.operation)) return { outcome: 'refused' }
        settled.add(closing.operation)
        return ledger.close(closing)
      },
    }
  }),

  broken('refunds again', 'refunds a debit whole, open or settled, and once', (ledger) => ({
    async close(closing) {
      const outcome = await ledger.close(closing)
      if (outcome.outcome === 'closed' || closing.to === 'settled') return outcome
      await deposit(ledger, closing.account, { add: 5 })
      return { outcome: 'closed', balance: 0, charged: 0, shortfall: 0 }
    },
  })),

  broken(
    'counts settled debits as reserved',
    'gives back what a settled debit took too much, and writes it down',
    (ledger) => {
      let reserved = 0
      return {
        reserve(debit) {
          if (debit.leaseUntil !== null) reserved += debit.amount
          return ledger.reserve(debit)
        },
        async findAccount(account) {
          const state = await ledger.findAccount(account)
          return state && { ...state, reserved }
        },
      }
    },
  ),

  broken('renews for anybody', 'renews the lease of an open debit, and only for whoever has its token', (ledger) => ({
    async renew(...renewal) {
      await ledger.renew(...renewal)
      return true
    },
  })),

  broken('ends leases too early', 'closes an open debit when its lease has ended, and not before', (ledger) => ({
    closeLapsed: (at, limit) => ledger.closeLapsed(new Date(at.getTime() + 1), limit),
  })),

  broken('charges whatever lapses', 'charges a lapsed debit as it is, or refunds it, as it says', (ledger) => ({
    reserve: (debit) => ledger.reserve({ ...debit, afterLease: 'charge' }),
  })),

  broken(
    'leaves a lapsed debit its token',
    'voids the token of a debit that lapsed; another attempt takes it over, or anew',
    (ledger) => {
      const debits: Debit[] = []
      return {
        reserve(debit) {
          debits.push(debit)
          return ledger.reserve(debit)
        },
        async closeLapsed(at, limit) {
          const closed = await ledger.closeLapsed(at, limit)
          for (const debit of debits) await ledger.reserve({ ...debit, leaseUntil: null })
          return closed
        },
      }
    },
  ),

  broken('closes all that lapsed', 'closes at most so many at a time, of all accounts', (ledger) => ({
    closeLapsed: (at) => ledger.closeLapsed(at, 1_000),
  })),

  broken(
    'moves a repeated deposit',
    'moves an operation once, and answers a repetition with the account',
    (ledger) => ({
      deposit: (asked) => ledger.deposit({ ...asked, operation: null, expectedSequence: undefined }),
    }),
  ),

  broken(
    'takes another deposit for a repetition',
    'refuses an operation that was used for something else',
    (ledger) => ({
      async deposit(asked) {
        const outcome = await ledger.deposit(asked)
        const state = await ledger.findAccount(asked.account)
        return outcome.outcome === 'reused' && state ? { outcome: 'repeated', state } : outcome
      },
    }),
  ),

  broken(
    'ignores the sequence that is expected',
    'moves only at the sequence that is expected, 0 where there is no account',
    (ledger) => ({ deposit: (asked) => ledger.deposit({ ...asked, expectedSequence: undefined }) }),
  ),

  broken('makes a refill whenever it is asked', 'makes a refill once, however many try', (ledger) => ({
    deposit: (asked) => ledger.deposit({ ...asked, expectedRefillAt: undefined }),
  })),

  broken('forgets the rule', 'keeps the rule of an account’s refill until it is given another', (ledger) => ({
    deposit: (asked) => ledger.deposit({ ...asked, refill: asked.refill ?? { rule: null, nextAt: null } }),
  })),

  broken('fills up to the brim', 'holds the most credits that there are, and not one more', (ledger) => ({
    async deposit(asked) {
      const outcome = await ledger.deposit(asked)
      return outcome.outcome === 'overflow' ? ledger.deposit({ ...asked, change: { to: MAX_CREDITS } }) : outcome
    },
  })),

  broken(
    'audits nothing',
    'joins the audit entry to its owner’s chain where credits move, and nowhere else',
    (ledger) => ({ deposit: (asked) => ledger.deposit({ ...asked, audit: null }) }),
  ),

  broken(
    'audits what was not moved',
    'joins the audit entry to its owner’s chain where credits move, and nowhere else',
    (ledger, store) => ({
      async deposit(asked) {
        const outcome = await ledger.deposit(asked)
        const policy = { name: crypto.randomUUID(), windows: [], version: 1, updatedAt: null }
        if (outcome.outcome !== 'moved' && asked.audit !== null) await store.setPolicy(policy, asked.audit)
        return outcome
      },
    }),
  ),

  broken('joins owner and lineage', 'never mixes two accounts, however alike their names are', (ledger) => {
    const join = ({ owner, lineage }: Account): Account => ({ owner: `${owner}:${lineage ?? ''}`, lineage: null })
    return {
      findAccount: (account) => ledger.findAccount(join(account)),
      reserve: (debit) => ledger.reserve({ ...debit, account: join(debit.account) }),
      deposit: (asked) => ledger.deposit({ ...asked, account: join(asked.account) }),
      listMovements: (account, ...page) => ledger.listMovements(join(account), ...page),
    }
  }),

  broken('lists oldest first', 'lists movements newest first, page by page, without a gap or a repeat', (ledger) => ({
    listMovements: async (account, beforeSequence, limit) =>
      [...(await ledger.listMovements(account, beforeSequence, 1_000))].reverse().slice(0, limit),
  })),
]

function broken(
  name: string,
  caughtBy: string,
  breakIt: (ledger: Ledger, store: KeyStore) => Partial<Ledger>,
): BrokenStore {
  return {
    name,
    caughtBy,
    create(clock: Clock) {
      const store = memory({ losesDataOnExit: true, clock })
      const ledger = store.ledger as Ledger
      return { ...store, ledger: { ...methodsOf(ledger), ...breakIt(ledger, store) } }
    },
  }
}

function methodsOf(ledger: Ledger): Ledger {
  return {
    findAccount: (account) => ledger.findAccount(account),
    reserve: (debit) => ledger.reserve(debit),
    close: (closing) => ledger.close(closing),
    renew: (...renewal) => ledger.renew(...renewal),
    closeLapsed: (at, limit) => ledger.closeLapsed(at, limit),
    deposit: (asked) => ledger.deposit(asked),
    listMovements: (...page) => ledger.listMovements(...page),
  }
}

async function deposit(ledger: Ledger, account: Account, change: { readonly add: number }): Promise<void> {
  const none = { operation: null, reason: null, actor: null, requestId: null, audit: null } as const
  const whatever = { expectedSequence: undefined, expectedRefillAt: undefined, refill: undefined }
  await ledger.deposit({ account, kind: 'refill', change, ...none, ...whatever, at: new Date(0) })
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}
