import type { Account } from '../model/ledger.ts'

/** Whose credits a key spends: the pool of its owner, or those of its own lineage. */
export type AccountMode = 'owner' | 'key'

/** Names the account that a key spends from. Keys of one lineage share theirs, so a rotation moves no credits. */
export function accountOf(mode: AccountMode, { owner, lineage }: { owner: string; lineage: string }): Account {
  return { owner, lineage: mode === 'owner' ? null : lineage }
}
