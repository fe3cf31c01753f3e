import type { Kysely } from 'kysely'
import type { AuditDraft } from '../../model/audit-entry.ts'
import type { Policy } from '../../model/policy.ts'
import { appendAudit, lockHeads } from './audit-chains.ts'
import { decodePolicy, encodePolicy } from './policy-row.ts'
import { type SqlDatabase, transact } from './sql-database.ts'
import { checkIndexed } from './stored-text.ts'
import type { Tables } from './tables.ts'

/** All stored policies, in order of name. */
export async function listPolicies(db: Kysely<Tables>): Promise<readonly Policy[]> {
  return (await db.selectFrom('keyward_policies').selectAll().orderBy('name').execute()).map(decodePolicy)
}

/** Stores a policy and its audit entry in one transaction, if the stored version is exactly one below. */
export async function setPolicy(database: SqlDatabase, policy: Policy, audit: AuditDraft): Promise<boolean> {
  const { dialect } = database
  const row = encodePolicy(policy)
  checkIndexed(row.name, audit.owner)
  return transact(database, async (transaction) => {
    const heads = await lockHeads(transaction, dialect, new Set([audit.owner]))
    const stored = await transaction
      .selectFrom('keyward_policies')
      .select('version')
      .where('name', '=', row.name)
      .forUpdate()
      .executeTakeFirst()
    if (Number(stored?.version ?? 0) !== row.version - 1) return false
    if (stored === undefined) await transaction.insertInto('keyward_policies').values(row).execute()
    else await transaction.updateTable('keyward_policies').set(row).where('name', '=', row.name).execute()
    await appendAudit(transaction, dialect, [audit], heads)
    return true
  })
}
