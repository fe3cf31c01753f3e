import { type ExpressionBuilder, type Kysely, sql } from 'kysely'
import type { AuditEntry } from '../../model/audit-entry.ts'
import type { AuditEnds, AuditLink, AuditPlace, AuditQuery, PlacedAudit } from '../../model/audit-trail.ts'
import { comparisonsOfAudit } from './audit-comparisons.ts'
import { decodeAudit, decodeEnds, decodeLink, decodePlaced } from './audit-row.ts'
import { type Row, textOf } from './row-reader.ts'
import type { Tables } from './tables.ts'

/** Lists entries, newest first. @throws {StoreUnavailableError} When one of the page is damaged, naming it. */
export async function queryAudit(db: Kysely<Tables>, query: AuditQuery): Promise<readonly PlacedAudit[]> {
  const { before } = query
  let select = db.selectFrom('keyward_audit').selectAll()
  for (const { column, operator, value } of comparisonsOfAudit(query)) select = select.where(column, operator, value)
  if (before !== undefined) select = select.where((where) => isBefore(where, before))
  const rows = await select
    .orderBy('reached_at', 'desc')
    .orderBy('owner', 'desc')
    .orderBy('sequence', 'desc')
    .limit(query.limit)
    .execute()
  return rows.map(decodePlaced)
}

function isBefore(where: ExpressionBuilder<Tables, 'keyward_audit'>, { reachedAt, owner, sequence }: AuditPlace) {
  const sameInstant = where('reached_at', '=', reachedAt.getTime())
  return where.or([
    where('reached_at', '<', reachedAt.getTime()),
    where.and([sameInstant, where('owner', '<', owner)]),
    where.and([sameInstant, where('owner', '=', owner), where('sequence', '<', sequence)]),
  ])
}

/** An owner's entries after a sequence number, in order of their chain. */
export async function listAudit(
  db: Kysely<Tables>,
  owner: string,
  afterSequence: number,
  limit: number,
): Promise<readonly AuditEntry[]> {
  return (await readChain(db, owner, afterSequence, limit)).map(decodeAudit)
}

/** The same entries as they are stored, damaged ones among them. */
export async function listAuditLinks(
  db: Kysely<Tables>,
  owner: string,
  afterSequence: number,
  limit: number,
): Promise<readonly AuditLink[]> {
  return (await readChain(db, owner, afterSequence, limit)).map(decodeLink)
}

/** Rows of an owner after a sequence number, in order of their chain. */
export async function readChain(
  db: Kysely<Tables>,
  owner: string,
  afterSequence: number,
  limit: number,
): Promise<readonly Row[]> {
  return db
    .selectFrom('keyward_audit')
    .selectAll()
    .where('owner', '=', owner)
    .where('sequence', '>', afterSequence)
    .orderBy('sequence')
    .limit(limit)
    .execute()
}

/** Both ends of an owner's chain, in one statement: one snapshot. */
export async function findAuditEnds(db: Kysely<Tables>, owner: string): Promise<AuditEnds> {
  const end = (table: 'keyward_audit_heads' | 'keyward_audit_anchors', which: string) =>
    db
      .selectFrom(table)
      .select([sql.lit(which).as('which'), 'sequence', 'hash', 'reached_at'])
      .where('owner', '=', owner)
  return decodeEnds(
    await end('keyward_audit_heads', 'head').unionAll(end('keyward_audit_anchors', 'anchor')).execute(),
    owner,
  )
}

/** How many of the oldest entries are looked at for their owners: distinct values of all old ones would take reading them. */
const OLDEST = 500

/** Owners of the oldest entries that were reached before an instant. */
export async function listAuditOwners(db: Kysely<Tables>, before: Date, limit: number): Promise<readonly string[]> {
  const rows = await db
    .selectFrom('keyward_audit')
    .select('owner')
    .where('reached_at', '<', before.getTime())
    .orderBy('reached_at')
    .orderBy('owner')
    .orderBy('sequence')
    .limit(Math.max(limit, OLDEST))
    .execute()
  return Array.from(new Set(rows.flatMap((row) => textOf(row.owner) ?? []))).slice(0, limit)
}
