import { type Kysely, sql, type Transaction } from 'kysely'
import { StoreUnavailableError } from '../../model/errors.ts'
import type { ChangeOutcome, CommitOptions, KeyChange } from '../../model/key-store.ts'
import { appendAudit, lockHeads } from './audit-chains.ts'
import { chunks } from './chunks.ts'
import { encodeKey, type KeyRow, NEVER_USED } from './key-row.ts'
import { keepFences } from './outbox.ts'
import { type ChangePlan, type Lineage, planChanges, type StoredKey, type StoredKeys } from './plan-changes.ts'
import { RowReader, textOf } from './row-reader.ts'
import { type SqlDatabase, transact } from './sql-database.ts'
import type { SqlDialect } from './sql-dialect.ts'
import { checkIndexed } from './stored-text.ts'
import type { Tables } from './tables.ts'

/**
 * Applies changes in one transaction, in a number of statements that does not grow with that of the changes.
 *
 * Locks are taken in one order by all: the heads of the owners' audit chains, then lineages, both sorted. What the locked
 * rows allow is worked out here; the digests and ids of other lineages are not locked, and where one is taken in between,
 * a unique key ends the transaction, and it is worked out anew.
 */
export async function commitChanges(
  database: SqlDatabase,
  changes: readonly KeyChange[],
  options: CommitOptions,
): Promise<readonly ChangeOutcome[]> {
  if (changes.length === 0) return []
  const rows = changes.map((change) => change.put.map(encodeKey))
  for (const { owner, lineage, audit } of changes) checkIndexed(owner, lineage, audit.owner)
  for (const { id, lineage, owner, digest } of rows.flat()) checkIndexed(id, lineage, owner, digest)
  return transact(database, async (transaction) => {
    const heads = await lockHeads(transaction, database.dialect, new Set(changes.map(({ audit }) => audit.owner)))
    const stored = await readStored(transaction, changes, rows.flat())
    const plan = planChanges(stored, changes, rows, options)
    await writePlan(transaction, database.dialect, stored, plan)
    await appendAudit(transaction, database.dialect, plan.audit, heads)
    return plan.outcomes
  })
}

async function readStored(
  transaction: Transaction<Tables>,
  changes: readonly KeyChange[],
  rows: readonly KeyRow[],
): Promise<StoredKeys> {
  const lineages = await lockLineages(transaction, new Set(changes.map(({ lineage }) => lineage)))
  const ids = Array.from(new Set([...rows.map(({ id }) => id), ...changes.flatMap(({ remove }) => remove)]))
  const digests = Array.from(new Set(rows.map(({ digest }) => digest)))
  if (ids.length === 0) return { lineages, keys: [], purged: new Set() }
  // Two indexes, two branches: an OR over both columns would read the whole table on some servers.
  const columns = ['id', 'lineage', 'digest', 'owner', 'name', 'start'] as const
  const byId = transaction.selectFrom('keyward_keys').select(columns).where('id', 'in', ids)
  const byDigest = transaction.selectFrom('keyward_keys').select(columns).where('digest', 'in', digests)
  const found = await (digests.length === 0 ? byId : byId.unionAll(byDigest)).execute()
  const purged = await transaction.selectFrom('keyward_tombstones').select('id').where('id', 'in', ids).execute()
  return { lineages, keys: found.map(decodeStoredKey), purged: new Set(purged.map(({ id }) => String(textOf(id)))) }
}

async function lockLineages(
  transaction: Transaction<Tables>,
  ids: ReadonlySet<string>,
): Promise<ReadonlyMap<string, Lineage>> {
  const rows = await transaction
    .selectFrom('keyward_lineages')
    .selectAll()
    .where('id', 'in', Array.from(ids).sort())
    .orderBy('id')
    .forUpdate()
    .execute()
  return new Map(
    rows.map((row) => {
      const reader = new RowReader(row, `lineage ${textOf(row.id)}`)
      return [reader.text('id'), { owner: reader.text('owner'), version: reader.integer('version') }]
    }),
  )
}

function decodeStoredKey(row: { readonly [column: string]: unknown }): StoredKey {
  const reader = new RowReader(row, `key ${textOf(row['id'])}`)
  return {
    id: reader.text('id'),
    lineage: reader.text('lineage'),
    digest: reader.text('digest'),
    owner: reader.text('owner'),
    name: reader.text('name'),
    start: reader.textOrNull('start'),
  }
}

async function writePlan(
  transaction: Transaction<Tables>,
  dialect: SqlDialect,
  stored: StoredKeys,
  plan: ChangePlan,
): Promise<void> {
  await raiseVersions(transaction, stored.lineages, plan.lineages)
  if (plan.removed.length > 0) await transaction.deleteFrom('keyward_keys').where('id', 'in', plan.removed).execute()
  const known = new Set(stored.keys.map(({ id }) => id))
  for (const rows of chunks(plan.rows)) {
    await transaction.insertInto('keyward_keys').values(rows).execute()
    const unused = rows.filter(({ id }) => !known.has(id))
    const uses = unused.map(({ id, owner }) => ({ key_id: id, owner, last_used_at: NEVER_USED }))
    if (uses.length > 0) await transaction.insertInto('keyward_key_uses').values(uses).execute()
  }
  for (const tombstones of chunks(plan.tombstones)) {
    const ids = tombstones.map(({ id }) => id)
    await transaction.insertInto('keyward_tombstones').values(tombstones).execute()
    await transaction.deleteFrom('keyward_key_uses').where('key_id', 'in', ids).execute()
  }
  await keepFences(transaction, dialect, plan.fences)
}

/** Raises each version from the one that was read: in the UPDATE itself, which no other change can have been before. */
async function raiseVersions(
  transaction: Kysely<Tables>,
  before: ReadonlyMap<string, Lineage>,
  after: ReadonlyMap<string, Lineage>,
): Promise<void> {
  const created: { id: string; owner: string; version: number }[] = []
  const raised = new Map<string, { readonly from: number; readonly by: number; readonly ids: string[] }>()
  for (const [id, { owner, version }] of after) {
    const from = before.get(id)?.version
    if (from === undefined) created.push({ id, owner, version })
    else {
      const group = `${from} ${version - from}`
      const { ids } = raised.get(group) ?? { ids: [] }
      raised.set(group, { from, by: version - from, ids: [...ids, id] })
    }
  }
  for (const rows of chunks(created)) await transaction.insertInto('keyward_lineages').values(rows).execute()
  for (const { from, by, ids } of raised.values()) {
    const { numUpdatedRows } = await transaction
      .updateTable('keyward_lineages')
      .set({ version: sql<number>`version + ${sql.lit(by)}` })
      .where('id', 'in', ids)
      .where('version', '=', from)
      .executeTakeFirstOrThrow()
    if (Number(numUpdatedRows) !== ids.length)
      throw new StoreUnavailableError('A lineage changed while it was locked: the server does not hold its locks.')
  }
}
