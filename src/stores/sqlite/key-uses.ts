import type { KeyUse } from '../../model/key-store.ts'
import type { SqliteConnection } from './connection.ts'

/** Uses written in one transaction; between two of them the event loop has its turn. */
const USES_PER_TRANSACTION = 1_000

const RAISE_LAST_USE = `
  INSERT INTO keyward_key_uses (key_id, owner, last_used_at)
  SELECT id, owner, ? FROM keyward_keys WHERE id = ?
  ON CONFLICT (key_id) DO UPDATE SET last_used_at = excluded.last_used_at
  WHERE excluded.last_used_at > last_used_at`

/** Raises last-used instants, in rows of their own. Where it fails midway, some are raised and some are not. */
export async function recordUses(connection: SqliteConnection, uses: readonly KeyUse[]): Promise<void> {
  for (let start = 0; start < uses.length; start += USES_PER_TRANSACTION) {
    await connection.write(() => {
      for (const { keyId, usedAt } of uses.slice(start, start + USES_PER_TRANSACTION))
        connection.run(RAISE_LAST_USE, usedAt.getTime(), keyId)
    })
  }
}
