import type { AuditPurge, AuditPurgeOutcome } from '../../model/audit-trail.ts'
import { lockHeads } from './audit-chains.ts'
import { readChain } from './audit-pages.ts'
import { decodeHead, endOfPurge, viewEnd } from './audit-row.ts'
import { type SqlDatabase, transact } from './sql-database.ts'
import { checkIndexed } from './stored-text.ts'

/**
 * Removes an owner's oldest entries and moves its anchor, in one transaction, under the lock of the head of the chain: of
 * several that purge at once, one finds the anchor that it expects.
 */
export async function purgeAudit(database: SqlDatabase, purge: AuditPurge): Promise<AuditPurgeOutcome> {
  const { owner, before, expectedAnchorSequence, limit } = purge
  const { dialect } = database
  checkIndexed(owner)
  return transact(database, async (transaction) => {
    await lockHeads(transaction, dialect, new Set([owner]))
    const stored = await transaction
      .selectFrom('keyward_audit_anchors')
      .selectAll()
      .where('owner', '=', owner)
      .executeTakeFirst()
    const anchor = decodeHead(stored, owner)
    if (anchor.sequence !== expectedAnchorSequence) return { outcome: 'superseded' }
    const rows = await readChain(transaction, owner, anchor.sequence, limit)
    const { entries, end } = endOfPurge(rows, before)
    if (end === undefined) return { outcome: 'purged', entries: 0, anchor: viewEnd(anchor) }
    await transaction
      .deleteFrom('keyward_audit')
      .where('owner', '=', owner)
      .where('sequence', '<=', end.sequence)
      .execute()
    await transaction
      .insertInto('keyward_audit_anchors')
      .values({ owner, ...end })
      .modifyEnd(dialect.overwrite('owner', ['sequence', 'hash', 'reached_at']))
      .execute()
    return { outcome: 'purged', entries, anchor: viewEnd(end) }
  })
}
