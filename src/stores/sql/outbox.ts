import type { Kysely, Transaction } from 'kysely'
import type { Fence } from '../../model/key-store.ts'
import { chunks } from './chunks.ts'
import { decodeFence } from './fence-row.ts'
import { type SqlDatabase, transact } from './sql-database.ts'
import type { SqlDialect } from './sql-dialect.ts'
import type { Tables } from './tables.ts'

/** Leaves fences in the outbox, in the transaction of their changes; one that is there is raised and keeps its place. */
export async function keepFences(
  transaction: Transaction<Tables>,
  dialect: SqlDialect,
  fences: readonly Fence[],
): Promise<void> {
  const raise = dialect.raise('keyward_outbox', 'lineage', 'version')
  for (const rows of chunks(fences))
    await transaction.insertInto('keyward_outbox').values(rows).modifyEnd(raise).execute()
}

/** The fences that are still to be written, oldest change first. */
export async function listFences(db: Kysely<Tables>, limit: number): Promise<readonly Fence[]> {
  const columns = ['owner', 'lineage', 'version'] as const
  const rows = await db.selectFrom('keyward_outbox').select(columns).orderBy('sequence').limit(limit).execute()
  return rows.map(decodeFence)
}

/** Removes fences that are at most at the version given: one that was raised meanwhile stays. */
export async function removeFences(database: SqlDatabase, fences: readonly Fence[]): Promise<void> {
  if (fences.length === 0) return
  // In one order by all, so that two who remove the same never wait for each other.
  const sorted = fences.toSorted((one, other) => (one.lineage < other.lineage ? -1 : 1))
  await transact(database, async (transaction) => {
    for (const some of chunks(sorted))
      await transaction
        .deleteFrom('keyward_outbox')
        .where((where) =>
          where.or(
            some.map(({ lineage, version }) =>
              where.and([where('lineage', '=', lineage), where('version', '<=', version)]),
            ),
          ),
        )
        .execute()
  })
}
