import type { Transaction } from 'kysely'
import type { NetworkUse } from '../../model/alert-store.ts'
import { chunks } from './chunks.ts'
import { type NetworkPlan, placesOf, planNetworks } from './network-outcomes.ts'
import { textOf } from './row-reader.ts'
import type { SqlDialect } from './sql-dialect.ts'
import type { Tables } from './tables.ts'

/**
 * Keeps networks of lineages, under a lock of each lineage, in order: of two processes that bring a lineage's first
 * networks at once, one brings the second. Opens no alert.
 */
export async function noteNetworks(
  transaction: Transaction<Tables>,
  dialect: SqlDialect,
  uses: readonly NetworkUse[],
  most: number,
): Promise<NetworkPlan> {
  const counts = await lockLineages(transaction, dialect, uses)
  const known = await transaction
    .selectFrom('keyward_alert_networks')
    .select(['lineage', 'network'])
    .where((where) =>
      where.or(
        placesOf(uses).map(({ lineage, network }) =>
          where.and([where('lineage', '=', lineage), where('network', '=', network)]),
        ),
      ),
    )
    .execute()
  const readable = known.map(({ lineage, network }) => ({
    lineage: String(textOf(lineage)),
    network: String(textOf(network)),
  }))
  const plan = planNetworks(uses, readable, counts, most)
  for (const rows of chunks(plan.rows)) await transaction.insertInto('keyward_alert_networks').values(rows).execute()
  for (const [lineage, networks] of plan.counts)
    await transaction.updateTable('keyward_alert_lineages').set({ networks }).where('lineage', '=', lineage).execute()
  return plan
}

async function lockLineages(
  transaction: Transaction<Tables>,
  dialect: SqlDialect,
  uses: readonly NetworkUse[],
): Promise<ReadonlyMap<string, number>> {
  const lineages = Array.from(new Set(uses.map(({ lineage }) => lineage))).sort()
  const none = lineages.map((lineage) => ({ lineage, networks: 0 }))
  for (const rows of chunks(none))
    await transaction
      .insertInto('keyward_alert_lineages')
      .values(rows)
      .modifyEnd(dialect.keepFirst('lineage'))
      .execute()
  const rows = await transaction
    .selectFrom('keyward_alert_lineages')
    .selectAll()
    .where('lineage', 'in', lineages)
    .orderBy('lineage')
    .forUpdate()
    .execute()
  return new Map(rows.map(({ lineage, networks }) => [String(textOf(lineage)), Number(networks)]))
}
