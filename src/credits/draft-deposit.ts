import type { ManageContext } from '../model/actor.ts'
import type { Account, Deposit } from '../model/ledger.ts'

/** An account that a call is about, and the key by which it was found; `null` for the pool of an owner. */
export interface FoundAccount {
  readonly account: Account
  readonly keyId: string | null
}

/** Drafts what somebody deposits, with its audit entry: all but what is moved. */
export function draftDeposit(
  kind: 'top_up' | 'set',
  { account, keyId }: FoundAccount,
  { reason, details }: { readonly reason: string | null; readonly details: object },
  context: ManageContext | undefined,
  at: Date,
): Omit<Deposit, 'change' | 'operation'> {
  const actor = context?.actor?.id ?? null
  const requestId = context?.requestId ?? null
  return {
    account,
    kind,
    expectedSequence: context?.ifVersion,
    expectedRefillAt: undefined,
    refill: undefined,
    reason,
    actor,
    requestId,
    at,
    audit: {
      action: kind === 'set' ? 'credits.set' : 'credits.topped_up',
      owner: account.owner,
      keyId,
      actor,
      address: context?.address ?? null,
      requestId,
      at,
      details: { lineage: account.lineage, ...details },
    },
  }
}
