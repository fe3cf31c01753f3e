import type { InstantCondition } from '../../model/key-store.ts'
import type { KeyRow } from './key-row.ts'

/** A comparison of a key's column, as data: each driver writes it in its own way. */
export interface Comparison {
  readonly column: keyof KeyRow
  readonly operator: '<=' | '>' | 'IS' | 'IS NOT'
  /** `null` for `IS` and `IS NOT`. */
  readonly value: number | null
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
  null: ['IS', false],
  set: ['IS NOT', false],
  after: ['>', false],
  notAfter: ['<=', false],
  nullOrAfter: ['>', true],
  nullOrNotAfter: ['<=', true],
}

/** Writes conditions on instants as comparisons. */
export function comparisonsOf(conditions: readonly InstantCondition[]): readonly Comparison[] {
  return conditions.map(({ field, test, at }) => {
    const [operator, orNull] = TESTS[test]
    const value = operator === 'IS' || operator === 'IS NOT' ? null : at.getTime()
    return { column: INSTANT_COLUMNS[field], operator, value, orNull }
  })
}
