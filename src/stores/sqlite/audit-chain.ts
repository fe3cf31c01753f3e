import { createHash } from 'node:crypto'
import {
  AUDIT_CHAIN_START,
  type AuditAction,
  type AuditDraft,
  type AuditEntry,
  auditPayload,
} from '../../model/audit-entry.ts'
import { InvalidInputError } from '../../model/errors.ts'
import type { SqliteConnection } from './connection.ts'
import { MAX_ROW_CHARACTERS, RowReader } from './row-reader.ts'

/** Leaves room for the other columns of a row that can be read back. */
const MAX_DETAILS_CHARACTERS = MAX_ROW_CHARACTERS - 4_096

/** Adds an entry to its owner's chain. Only within a transaction: the write lock keeps the chain without gaps. */
export function appendAudit(connection: SqliteConnection, draft: AuditDraft): void {
  const head = connection.get('SELECT sequence, hash FROM keyward_audit_heads WHERE owner = ?', draft.owner)
  const reader = head && new RowReader(head, `audit head of ${draft.owner}`)
  const sequence = (reader?.integer('sequence') ?? 0) + 1
  const previousHash = reader?.text('hash') ?? AUDIT_CHAIN_START
  const details = JSON.stringify(draft.details)
  if (details.length > MAX_DETAILS_CHARACTERS)
    throw new InvalidInputError([{ path: [], message: 'The details of an audit entry are too long.' }])
  const hash = createHash('sha256')
    .update(auditPayload(draft, details, sequence, previousHash))
    .digest('hex')
  const { owner, action, keyId, actor, address, requestId, at } = draft
  const columns = 'owner, sequence, action, key_id, actor, address, request_id, at, details, previous_hash, hash'
  connection.run(
    `INSERT INTO keyward_audit (${columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ...[owner, sequence, action, keyId, actor, address, requestId, at.getTime(), details, previousHash, hash],
  )
  connection.run(
    `INSERT INTO keyward_audit_heads (owner, sequence, hash) VALUES (?, ?, ?)
     ON CONFLICT (owner) DO UPDATE SET sequence = excluded.sequence, hash = excluded.hash`,
    ...[owner, sequence, hash],
  )
}

/** An owner's entries after a sequence number, in order of their chain. */
export function listAudit(
  connection: SqliteConnection,
  owner: string,
  afterSequence: number,
  limit: number,
): readonly AuditEntry[] {
  const query = 'SELECT * FROM keyward_audit WHERE owner = ? AND sequence > ? ORDER BY sequence LIMIT ?'
  return connection.all(query, owner, afterSequence, limit).map((row) => {
    const reader = new RowReader(row, `audit entry ${row['sequence']} of ${owner}`)
    return {
      action: reader.text('action') as AuditAction,
      owner: reader.text('owner'),
      keyId: reader.textOrNull('key_id'),
      actor: reader.textOrNull('actor'),
      address: reader.textOrNull('address'),
      requestId: reader.textOrNull('request_id'),
      at: reader.instant('at'),
      details: reader.object('details'),
      sequence: reader.integer('sequence'),
      previousHash: reader.text('previous_hash'),
      hash: reader.text('hash'),
    }
  })
}
