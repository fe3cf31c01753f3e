import { sql } from 'kysely'
import type { KeyUse } from '../../model/key-store.ts'
import { chunks } from './chunks.ts'
import { type SqlDatabase, transact } from './sql-database.ts'

/** Raises last-used instants, in rows of their own. Where it fails midway, some are raised and some are not. */
export async function recordUses(database: SqlDatabase, uses: readonly KeyUse[]): Promise<void> {
  const latest = new Map<string, number>()
  for (const { keyId, usedAt } of uses)
    latest.set(keyId, Math.max(latest.get(keyId) ?? Number.NEGATIVE_INFINITY, usedAt.getTime()))
  // In one order by all, so that two who write at once never wait for each other.
  const sorted = Array.from(latest, ([keyId, usedAt]) => ({ keyId, usedAt })).sort((one, other) =>
    one.keyId < other.keyId ? -1 : 1,
  )
  for (const some of chunks(sorted)) await raiseUses(database, some)
}

async function raiseUses(
  database: SqlDatabase,
  uses: readonly { readonly keyId: string; readonly usedAt: number }[],
): Promise<void> {
  const { types, raise } = database.dialect
  const used = uses.map(
    ({ keyId, usedAt }) =>
      sql`select cast(${keyId} as ${types.text}) as key_id, cast(${usedAt} as ${types.integer}) as used_at`,
  )
  // Joined with the keys: a use of a key that was purged meanwhile leaves nothing.
  const statement = sql`
    insert into keyward_key_uses (key_id, owner, last_used_at)
    select k.id, k.owner, v.used_at from (${sql.join(used, sql` union all `)}) v
    join keyward_keys k on k.id = v.key_id
    order by k.id
    ${raise('keyward_key_uses', 'key_id', 'last_used_at')}`
  await transact(database, (transaction) => statement.execute(transaction))
}
