import type { AuditDraft, AuditEntry } from '../../model/audit-entry.ts'
import type {
  AuditEnds,
  AuditLink,
  AuditPurge,
  AuditPurgeOutcome,
  AuditQuery,
  PlacedAudit,
} from '../../model/audit-trail.ts'
import { comparisonsOfAudit } from '../sql/audit-comparisons.ts'
import {
  AUDIT_COLUMNS,
  decodeAudit,
  decodeEnds,
  decodeHead,
  decodeLink,
  decodePlaced,
  endOfPurge,
  linkAudit,
  viewEnd,
} from '../sql/audit-row.ts'
import { type Row, textOf } from '../sql/row-reader.ts'
import type { SqliteConnection } from './connection.ts'

const INSERT_ENTRY = `
  INSERT INTO keyward_audit (${AUDIT_COLUMNS.join(', ')}) VALUES (${AUDIT_COLUMNS.map(() => '?').join(', ')})`

const RAISE_HEAD = `
  INSERT INTO keyward_audit_heads (owner, sequence, hash, reached_at) VALUES (?, ?, ?, ?)
  ON CONFLICT (owner) DO UPDATE SET
    sequence = excluded.sequence, hash = excluded.hash, reached_at = excluded.reached_at`

const MOVE_ANCHOR = RAISE_HEAD.replace('keyward_audit_heads', 'keyward_audit_anchors')

const FIND_ENDS = `
  SELECT 'head' AS which, sequence, hash, reached_at FROM keyward_audit_heads WHERE owner = ?
  UNION ALL SELECT 'anchor', sequence, hash, reached_at FROM keyward_audit_anchors WHERE owner = ?`

/** How many of the oldest entries are looked at for their owners: distinct values of all old ones would take reading them. */
const OLDEST = 500

/** Adds an entry to its owner's chain. Only within a transaction: the write lock keeps the chain without gaps. */
export function appendAudit(connection: SqliteConnection, draft: AuditDraft): void {
  const head = connection.get('SELECT * FROM keyward_audit_heads WHERE owner = ?', draft.owner)
  const row = linkAudit(draft, decodeHead(head, draft.owner))
  connection.run(INSERT_ENTRY, ...AUDIT_COLUMNS.map((column) => row[column]))
  connection.run(RAISE_HEAD, row.owner, row.sequence, row.hash, row.reached_at)
}

/** An owner's entries after a sequence number, in order of their chain. */
export function listAudit(
  connection: SqliteConnection,
  owner: string,
  afterSequence: number,
  limit: number,
): readonly AuditEntry[] {
  return readChain(connection, owner, afterSequence, limit).map(decodeAudit)
}

/** The same entries as they are stored, damaged ones among them. */
export function listAuditLinks(
  connection: SqliteConnection,
  owner: string,
  afterSequence: number,
  limit: number,
): readonly AuditLink[] {
  return readChain(connection, owner, afterSequence, limit).map(decodeLink)
}

/** Lists entries, newest first. @throws {StoreUnavailableError} When one of the page is damaged, naming it. */
export function queryAudit(connection: SqliteConnection, query: AuditQuery): readonly PlacedAudit[] {
  const comparisons = comparisonsOfAudit(query)
  const { before } = query
  const conditions = comparisons.map(({ column, operator }) => `${column} ${operator} ?`)
  const values = comparisons.map(({ value }) => value)
  if (before !== undefined) {
    conditions.push('(reached_at, owner, sequence) < (?, ?, ?)')
    values.push(before.reachedAt.getTime(), before.owner, before.sequence)
  }
  const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
  const order = 'ORDER BY reached_at DESC, owner DESC, sequence DESC LIMIT ?'
  return connection.all(`SELECT * FROM keyward_audit ${where} ${order}`, ...values, query.limit).map(decodePlaced)
}

/** Both ends of an owner's chain, in one statement: one snapshot. */
export function findAuditEnds(connection: SqliteConnection, owner: string): AuditEnds {
  return decodeEnds(connection.all(FIND_ENDS, owner, owner), owner)
}

/** Owners of the oldest entries that were reached before an instant. */
export function listAuditOwners(connection: SqliteConnection, before: Date, limit: number): readonly string[] {
  const rows = connection.all(
    'SELECT owner FROM keyward_audit WHERE reached_at < ? ORDER BY reached_at, owner, sequence LIMIT ?',
    before.getTime(),
    Math.max(limit, OLDEST),
  )
  return Array.from(new Set(rows.flatMap((row) => textOf(row['owner']) ?? []))).slice(0, limit)
}

/** Removes an owner's oldest entries and moves its anchor. Only within a transaction. */
export function purgeAudit(
  connection: SqliteConnection,
  { owner, before, expectedAnchorSequence, limit }: AuditPurge,
): AuditPurgeOutcome {
  const anchor = decodeHead(connection.get('SELECT * FROM keyward_audit_anchors WHERE owner = ?', owner), owner)
  if (anchor.sequence !== expectedAnchorSequence) return { outcome: 'superseded' }
  const { entries, end } = endOfPurge(readChain(connection, owner, anchor.sequence, limit), before)
  if (end === undefined) return { outcome: 'purged', entries: 0, anchor: viewEnd(anchor) }
  connection.run('DELETE FROM keyward_audit WHERE owner = ? AND sequence <= ?', owner, end.sequence)
  connection.run(MOVE_ANCHOR, owner, end.sequence, end.hash, end.reached_at)
  return { outcome: 'purged', entries, anchor: viewEnd(end) }
}

function readChain(connection: SqliteConnection, owner: string, afterSequence: number, limit: number): readonly Row[] {
  const query = 'SELECT * FROM keyward_audit WHERE owner = ? AND sequence > ? ORDER BY sequence LIMIT ?'
  return connection.all(query, owner, afterSequence, limit)
}
