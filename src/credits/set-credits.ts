import type * as z from 'zod'
import type { AccountState, Deposit, Refill } from '../model/ledger.ts'
import type { setCreditsInput } from './credit-input.ts'
import { firstRefillAt } from './refill.ts'

type SetCredits = z.output<typeof setCreditsInput>

/** What setting an account comes to. */
export interface PlannedSet extends Pick<Deposit, 'change' | 'operation' | 'expectedRefillAt' | 'refill'> {
  /** For the audit entry: what changes, as it was and as it is. */
  readonly details: object
}

/** Whether an account is already as it shall be. */
export function changesNothing({ balance, refill }: AccountState, input: SetCredits): boolean {
  return (
    (input.balance === undefined || input.balance === balance) &&
    (input.refill === undefined || areSame(input.refill, refill))
  )
}

/**
 * Plans to set an account. A refill is set only under the instant that was read: one that is made meanwhile comes first.
 *
 * @param isGuarded - Whether nothing can be moved meanwhile. If not, the balance before is known to the ledger alone.
 */
export function planSet(before: AccountState, input: SetCredits, isGuarded: boolean, at: Date): PlannedSet {
  const { balance, refill: rule } = input
  const planned = {
    change: balance === undefined ? { add: 0 } : { to: balance },
    operation: null,
    details: {
      before: {
        ...(balance !== undefined && isGuarded && { balance: before.balance }),
        ...(rule !== undefined && { refill: before.refill }),
      },
      after: { ...(balance !== undefined && { balance }), ...(rule !== undefined && { refill: rule }) },
      reason: input.reason ?? null,
    },
  }
  if (rule === undefined) return { ...planned, expectedRefillAt: undefined, refill: undefined }
  return {
    ...planned,
    expectedRefillAt: before.refillAt ?? undefined,
    refill: { rule, nextAt: nextRefillAt(before, rule, at) },
  }
}

/** A rule with the same rhythm goes on in it: on a clock that was set back, no period comes twice. */
function nextRefillAt({ refill, refillAt }: AccountState, rule: Refill | null, at: Date): Date | null {
  if (rule === null) return null
  return refill?.every === rule.every && refillAt !== null ? refillAt : firstRefillAt(rule.every, at)
}

function areSame(one: Refill | null, other: Refill | null): boolean {
  return one?.amount === other?.amount && one?.mode === other?.mode && one?.every === other?.every
}
