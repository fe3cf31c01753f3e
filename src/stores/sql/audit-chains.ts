import type { Kysely, Transaction } from 'kysely'
import type { AuditDraft, AuditEntry } from '../../model/audit-entry.ts'
import { type AuditHead, type AuditRow, decodeAudit, decodeHead, EMPTY_CHAIN, linkAudit } from './audit-row.ts'
import { chunks } from './chunks.ts'
import { textOf } from './row-reader.ts'
import type { SqlDialect } from './sql-dialect.ts'
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
    const { owner, sequence, hash } = row
    heads.set(owner, { sequence, hash })
    raised.set(owner, { owner, sequence, hash })
    rows.push(row)
  }
  const overwrite = dialect.overwrite('owner', ['sequence', 'hash'])
  for (const some of chunks(rows)) await transaction.insertInto('keyward_audit').values(some).execute()
  for (const some of chunks(Array.from(raised.values())))
    await transaction.insertInto('keyward_audit_heads').values(some).modifyEnd(overwrite).execute()
}

/** An owner's entries after a sequence number, in order of their chain. */
export async function listAudit(
  db: Kysely<Tables>,
  owner: string,
  afterSequence: number,
  limit: number,
): Promise<readonly AuditEntry[]> {
  const rows = await db
    .selectFrom('keyward_audit')
    .selectAll()
    .where('owner', '=', owner)
    .where('sequence', '>', afterSequence)
    .orderBy('sequence')
    .limit(limit)
    .execute()
  return rows.map(decodeAudit)
}
