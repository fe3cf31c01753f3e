import type { Account, AccountState } from '../model/ledger.ts'
import type { AlertDraft } from './alert-book.ts'

/** A balance that is above the threshold by this part of it is out of the woods at once. */
const CLEAR_PART = 0.1

/** What a rule says of a balance. */
export interface CreditVerdict {
  readonly isLow: boolean
  /** Whether it is so far above that the alert ends at once; in between it ends after 15 minutes above. */
  readonly isClear: boolean
}

/**
 * Says whether a balance is low: below the threshold. It is clear from a tenth above it on; in between, where refunds
 * of single requests may carry it to and fro, an alert ends only after 15 minutes.
 *
 * @param balance - Credits.
 * @param below - Credits below which a balance is low: a whole number from 1.
 */
export function judgeBalance(balance: number, below: number): CreditVerdict {
  return { isLow: balance < below, isClear: balance - below >= below * CLEAR_PART }
}

/** What an alert about a balance says. @param keyId - A key that has spent of it. */
export function draftCreditsLow(account: Account, keyId: string | null, balance: number, below: number): AlertDraft {
  const { owner, lineage } = account
  return {
    owner,
    keyId: lineage === null ? null : keyId,
    kind: 'credits_low',
    subject: subjectOf(account),
    reason: `${balance} credits are left, fewer than ${below}.`,
    details: { balance, below, account: lineage === null ? 'owner' : 'key' },
  }
}

/** Reads back whose balance an alert is about. */
export function accountOf({ owner, subject }: { readonly owner: string; readonly subject: string }): Account {
  return { owner, lineage: subject.startsWith('lineage ') ? subject.slice('lineage '.length) : null }
}

/** Credits that may be spent; none where nothing was ever moved. */
export function balanceOf(state: AccountState | undefined): number {
  return state?.balance ?? 0
}

function subjectOf({ owner, lineage }: Account): string {
  return lineage === null ? `owner ${owner}` : `lineage ${lineage}`
}
