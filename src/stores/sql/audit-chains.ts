import type { Transaction } from 'kysely'
import type { AuditDraft } from '../../model/audit-entry.ts'
import { type AuditHead, type AuditRow, decodeHead, EMPTY_CHAIN, linkAudit } from './audit-row.ts'
import { chunks } from './chunks.ts'
import { textOf } from './row-reader.ts'
import { type SqlDatabase, transact } from './sql-database.ts'
import type { SqlDialect } from './sql-dialect.ts'
import { checkIndexed } from './stored-text.ts'
import type { Tables } from './tables.ts'

/**
 * Locks the ends of owners' chains until the transaction ends, in order of owner; an owner without one gets one. So the
 * entries of an owner are chained one transaction after the other.
 */
export async function lockHeads(
  transaction: Transaction<Tables>,
  dialect: SqlDialect,
  owners: ReadonlySet<string>,
): Promise<Map<string, AuditHead>> {
  const sorted = Array.from(owners).sort()
  const found = await selectHeads(transaction, sorted)
  const missing = sorted.filter((owner) => !found.has(owner))
  if (missing.length === 0) return found
  const empty = missing.map((owner) => ({ owner, ...EMPTY_CHAIN }))
  for (const rows of chunks(empty))
    await transaction.insertInto('keyward_audit_heads').values(rows).modifyEnd(dialect.keepFirst('owner')).execute()
  return selectHeads(transaction, sorted)
}

async function selectHeads(
  transaction: Transaction<Tables>,
  owners: readonly string[],
): Promise<Map<string, AuditHead>> {
  const rows = await transaction
    .selectFrom('keyward_audit_heads')
    .selectAll()
    .where('owner', 'in', owners)
    .orderBy('owner')
    .forUpdate()
    .execute()
  return new Map(
    rows.map((row) => {
      const owner = String(textOf(row.owner))
      return [owner, decodeHead(row, owner)]
    }),
  )
}

/** Adds entries to chains whose heads are locked; `heads` is moved on. */
export async function appendAudit(
  transaction: Transaction<Tables>,
  dialect: SqlDialect,
  drafts: readonly AuditDraft[],
  heads: Map<string, AuditHead>,
): Promise<void> {
  const rows: AuditRow[] = []
  const raised = new Map<string, AuditHead & { readonly owner: string }>()
  for (const draft of drafts) {
    const row = linkAudit(draft, heads.get(draft.owner) ?? EMPTY_CHAIN)
    const { owner, sequence, hash, reached_at } = row
    heads.set(owner, { sequence, hash, reached_at })
    raised.set(owner, { owner, sequence, hash, reached_at })
    rows.push(row)
  }
  const overwrite = dialect.overwrite('owner', ['sequence', 'hash', 'reached_at'])
  for (const some of chunks(rows)) await transaction.insertInto('keyward_audit').values(some).execute()
  for (const some of chunks(Array.from(raised.values())))
    await transaction.insertInto('keyward_audit_heads').values(some).modifyEnd(overwrite).execute()
}

/** Adds entries that belong to no change, in a transaction of their own. */
export async function appendAlone(database: SqlDatabase, drafts: readonly AuditDraft[]): Promise<void> {
  if (drafts.length === 0) return
  const owners = new Set(drafts.map(({ owner }) => owner))
  checkIndexed(...owners)
  await transact(database, async (transaction) => {
    const heads = await lockHeads(transaction, database.dialect, owners)
    await appendAudit(transaction, database.dialect, drafts, heads)
  })
}
