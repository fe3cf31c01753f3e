import type { AuditQuery } from '../../model/audit-trail.ts'

/** A comparison with a column of an audit entry. */
export interface AuditComparison {
  readonly column: 'owner' | 'key_id' | 'action' | 'reached_at'
  readonly operator: '=' | '>=' | '<' | '<='
  readonly value: string | number
}

/** What a query asks of every entry, as comparisons that must all hold; its place in the list aside. */
export function comparisonsOfAudit({ owner, keyId, action, from, to, before }: AuditQuery): readonly AuditComparison[] {
  const comparisons: AuditComparison[] = []
  if (owner !== undefined) comparisons.push({ column: 'owner', operator: '=', value: owner })
  if (keyId !== undefined) comparisons.push({ column: 'key_id', operator: '=', value: keyId })
  if (action !== undefined) comparisons.push({ column: 'action', operator: '=', value: action })
  if (from !== undefined) comparisons.push({ column: 'reached_at', operator: '>=', value: from.getTime() })
  if (to !== undefined) comparisons.push({ column: 'reached_at', operator: '<', value: to.getTime() })
  // Follows from the place, and is what lets an index begin there: no database does it for a comparison of rows alone.
  if (before !== undefined)
    comparisons.push({ column: 'reached_at', operator: '<=', value: before.reachedAt.getTime() })
  return comparisons
}
