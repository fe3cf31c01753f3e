import type { Fence, KeyChange } from '../../model/key-store.ts'
import { decodeFence } from '../sql/fence-row.ts'
import type { SqliteConnection } from './connection.ts'

const KEEP_FENCE = `
  INSERT INTO keyward_outbox (lineage, owner, version) VALUES (?, ?, ?)
  ON CONFLICT (lineage) DO UPDATE SET version = excluded.version WHERE excluded.version > keyward_outbox.version`

/** Leaves the fence of a change in the outbox. Only within the transaction of the change. */
export function keepFence(connection: SqliteConnection, { lineage, owner, expectedVersion }: KeyChange): void {
  connection.run(KEEP_FENCE, lineage, owner, expectedVersion + 1)
}

/** The fences that are still to be written, oldest change first. */
export function listFences(connection: SqliteConnection, limit: number): readonly Fence[] {
  return connection.all('SELECT * FROM keyward_outbox ORDER BY sequence LIMIT ?', limit).map(decodeFence)
}

/** Removes fences that are at most at the version given: one that was raised meanwhile stays. */
export async function removeFences(connection: SqliteConnection, fences: readonly Fence[]): Promise<void> {
  if (fences.length === 0) return
  const remove = 'DELETE FROM keyward_outbox WHERE lineage = ? AND version <= ?'
  await connection.write(() => {
    for (const { lineage, version } of fences) connection.run(remove, lineage, version)
  })
}
