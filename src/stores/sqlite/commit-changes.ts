import type { ChangeOutcome, CommitOptions, KeyChange } from '../../model/key-store.ts'
import { encodeKey, type KeyRow } from '../sql/key-row.ts'
import { appendAudit } from './audit-chain.ts'
import type { SqliteConnection } from './connection.ts'
import { keyValues, PUT_KEY, PUT_USE } from './key-row.ts'
import { keepFence } from './outbox.ts'
import { isTaken } from './sqlite-failure.ts'

/** Applies changes in one transaction. A change that is superseded or a duplicate leaves nothing; the others go on. */
export async function commitChanges(
  connection: SqliteConnection,
  changes: readonly KeyChange[],
  { keepFences = false }: CommitOptions,
): Promise<readonly ChangeOutcome[]> {
  const encoded = changes.map((change) => change.put.map(encodeKey))
  return connection.write(() =>
    changes.map((change, index) => {
      const outcome = tryChange(connection, change, encoded[index] ?? [])
      if (keepFences && outcome === 'committed' && !change.unseen) keepFence(connection, change)
      return outcome
    }),
  )
}

function tryChange(connection: SqliteConnection, change: KeyChange, rows: readonly KeyRow[]): ChangeOutcome {
  connection.run('SAVEPOINT keyward_change')
  const outcome = applyChange(connection, change, rows)
  if (outcome !== 'committed') connection.run('ROLLBACK TO keyward_change')
  connection.run('RELEASE keyward_change')
  return outcome
}

function applyChange(connection: SqliteConnection, change: KeyChange, rows: readonly KeyRow[]): ChangeOutcome {
  if (!raiseVersion(connection, change)) return 'superseded'
  for (const row of rows) if (!putKey(connection, row)) return 'duplicate'
  for (const id of change.remove) removeKey(connection, change, id)
  appendAudit(connection, change.audit)
  return 'committed'
}

function raiseVersion(connection: SqliteConnection, { owner, lineage, expectedVersion }: KeyChange): boolean {
  if (expectedVersion === 0) {
    const insert = 'INSERT INTO keyward_lineages (id, owner, version) VALUES (?, ?, 1) ON CONFLICT (id) DO NOTHING'
    return connection.run(insert, lineage, owner) === 1
  }
  const update = 'UPDATE keyward_lineages SET version = version + 1 WHERE id = ? AND owner = ? AND version = ?'
  return connection.run(update, lineage, owner, expectedVersion) === 1
}

/** @returns Whether id and digest were free: an id of another lineage is taken, and so is a purged one. */
function putKey(connection: SqliteConnection, row: KeyRow): boolean {
  if (connection.get('SELECT 1 FROM keyward_tombstones WHERE id = ?', row.id) !== undefined) return false
  try {
    if (connection.run(PUT_KEY, ...keyValues(row)) !== 1) return false
    connection.run(PUT_USE, row.id, row.owner)
    return true
  } catch (error) {
    if (isTaken(error)) return false
    throw error
  }
}

function removeKey(connection: SqliteConnection, { lineage, audit }: KeyChange, id: string): void {
  const buried = connection.run(
    `INSERT INTO keyward_tombstones (id, owner, lineage, name, start, purged_at)
     SELECT id, owner, lineage, name, start, ? FROM keyward_keys WHERE id = ? AND lineage = ?`,
    audit.at.getTime(),
    id,
    lineage,
  )
  if (buried === 0) return
  connection.run('DELETE FROM keyward_keys WHERE id = ?', id)
  connection.run('DELETE FROM keyward_key_uses WHERE key_id = ?', id)
}
