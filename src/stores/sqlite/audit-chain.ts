import type { AuditDraft, AuditEntry } from '../../model/audit-entry.ts'
import { AUDIT_COLUMNS, decodeAudit, decodeHead, linkAudit } from '../sql/audit-row.ts'
import type { SqliteConnection } from './connection.ts'

const INSERT_ENTRY = `
  INSERT INTO keyward_audit (${AUDIT_COLUMNS.join(', ')}) VALUES (${AUDIT_COLUMNS.map(() => '?').join(', ')})`

const RAISE_HEAD = `
  INSERT INTO keyward_audit_heads (owner, sequence, hash) VALUES (?, ?, ?)
  ON CONFLICT (owner) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash`

/** Adds an entry to its owner's chain. Only within a transaction: the write lock keeps the chain without gaps. */
export function appendAudit(connection: SqliteConnection, draft: AuditDraft): void {
  const head = connection.get('SELECT sequence, hash FROM keyward_audit_heads WHERE owner = ?', draft.owner)
  const row = linkAudit(draft, decodeHead(head, draft.owner))
  connection.run(INSERT_ENTRY, ...AUDIT_COLUMNS.map((column) => row[column]))
  connection.run(RAISE_HEAD, row.owner, row.sequence, row.hash)
}

/** An owner's entries after a sequence number, in order of their chain. */
export function listAudit(
  connection: SqliteConnection,
  owner: string,
  afterSequence: number,
  limit: number,
): readonly AuditEntry[] {
  const query = 'SELECT * FROM keyward_audit WHERE owner = ? AND sequence > ? ORDER BY sequence LIMIT ?'
  return connection.all(query, owner, afterSequence, limit).map(decodeAudit)
}
