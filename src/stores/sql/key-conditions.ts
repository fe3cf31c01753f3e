import type { InstantCondition, KeyQuery } from '../../model/key-store.ts'
import type { KeyRow } from './key-row.ts'

/** A comparison of a key's column, as data: each driver writes it in its own way. */
export interface Comparison {
  readonly column: keyof KeyRow
  readonly operator: '=' | '<' | '<=' | '>' | 'is' | 'is not'
  readonly value: string | number | null
  /** Whether a column that is NULL passes as well. */
  readonly orNull: boolean
}

const INSTANT_COLUMNS: Record<InstantCondition['field'], keyof KeyRow> = {
  startsAt: 'starts_at',
  expiresAt: 'expires_at',
  disabledAt: 'disabled_at',
  revokedAt: 'revoked_at',
  deletedAt: 'deleted_at',
}

const TESTS: Record<InstantCondition['test'], readonly [operator: Comparison['operator'], orNull: boolean]> = {
  null: ['is', false],
  set: ['is not', false],
  after: ['>', false],
  notAfter: ['<=', false],
  nullOrAfter: ['>', true],
  nullOrNotAfter: ['<=', true],
}

/** What must hold for a key to be on a page; the page is ordered by id, descending. */
export function comparisonsOf({ owner, beforeId, conditions }: KeyQuery): readonly Comparison[] {
  const comparisons: Comparison[] = []
  if (owner !== undefined) comparisons.push({ column: 'owner', operator: '=', value: owner, orNull: false })
  if (beforeId !== undefined) comparisons.push({ column: 'id', operator: '<', value: beforeId, orNull: false })
  for (const { field, test, at } of conditions) {
    const [operator, orNull] = TESTS[test]
    const value = operator === 'is' || operator === 'is not' ? null : at.getTime()
    comparisons.push({ column: INSTANT_COLUMNS[field], operator, value, orNull })
  }
  return comparisons
}
