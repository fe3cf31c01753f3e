import { sql, type Transaction } from 'kysely'
import {
  type AlertChange,
  type AlertOpening,
  type AlertQuery,
  type AlertRecord,
  type AlertStore,
  type ClaimedDelivery,
  type DeliveryDraft,
  holdOf,
  type NetworkOutcome,
  type NetworkUse,
  type Turn,
} from '../../model/alert-store.ts'
import { comparisonsOfAlerts, decodeAlert, decodeClaimed, encodeAlert, encodeDelivery } from './alert-row.ts'
import { appendAudit, lockHeads } from './audit-chains.ts'
import { chunks } from './chunks.ts'
import { noteNetworks } from './note-networks.ts'
import { textOf } from './row-reader.ts'
import type { DoWork } from './sql-claim-store.ts'
import { transact } from './sql-database.ts'
import { checkIndexed } from './stored-text.ts'
import type { Tables } from './tables.ts'

/** Keeps alerts on a database server. */
export class SqlAlerts implements AlertStore {
  readonly #do: DoWork

  constructor(doWork: DoWork) {
    this.#do = doWork
  }

  async openAlerts(openings: readonly AlertOpening[]): Promise<readonly boolean[]> {
    if (openings.length === 0) return []
    checkIndexed(...openings.map(({ alert }) => alert.owner))
    return this.#do((database) => transact(database, (transaction) => openAlerts(transaction, openings)))
  }

  async changeAlert({ alert, delivery, audit }: AlertChange): Promise<boolean> {
    return this.#do((database) =>
      transact(database, async (transaction) => {
        const { dialect } = database
        const heads = audit === null ? undefined : await lockHeads(transaction, dialect, new Set([audit.owner]))
        const { numUpdatedRows } = await transaction
          .updateTable('keyward_alerts')
          .set(encodeAlert(alert))
          .where('id', '=', alert.id)
          .where('version', '=', alert.version - 1)
          .executeTakeFirstOrThrow()
        if (numUpdatedRows === 0n) return false
        await keepDeliveries(transaction, [delivery])
        if (audit !== null && heads !== undefined) await appendAudit(transaction, dialect, [audit], heads)
        return true
      }),
    )
  }

  async findAlert(id: string): Promise<AlertRecord | undefined> {
    return this.#do(async ({ db }) => {
      const row = await db.selectFrom('keyward_alerts').selectAll().where('id', '=', id).executeTakeFirst()
      return row && decodeAlert(row)
    })
  }

  async listAlerts(query: AlertQuery): Promise<readonly AlertRecord[]> {
    return this.#do(async ({ db }) => {
      let select = db.selectFrom('keyward_alerts').selectAll()
      for (const { column, operator, value } of comparisonsOfAlerts(query))
        select = select.where(column, operator, value)
      if (query.state === 'unresolved') select = select.where('held', 'is not', null)
      return (await select.orderBy('id', 'desc').limit(query.limit).execute()).map(decodeAlert)
    })
  }

  async removeResolved(before: Date, limit: number): Promise<number> {
    return this.#do((database) =>
      transact(database, async (transaction) => {
        const alerts = await transaction
          .selectFrom('keyward_alerts')
          .select('id')
          .where('resolved_at', '<', before.getTime())
          .orderBy('resolved_at')
          .limit(limit)
          .forUpdate()
          .skipLocked()
          .execute()
        const deliveries = await transaction
          .selectFrom('keyward_alert_deliveries')
          .select('id')
          .where('created_at', '<', before.getTime())
          .limit(limit)
          .forUpdate()
          .skipLocked()
          .execute()
        for (const [table, rows] of [
          ['keyward_alerts', alerts],
          ['keyward_alert_deliveries', deliveries],
        ] as const)
          if (rows.length > 0) await transaction.deleteFrom(table).where('id', 'in', rows.map(idOf)).execute()
        return alerts.length
      }),
    )
  }

  async noteNetworks(uses: readonly NetworkUse[], most: number): Promise<readonly NetworkOutcome[]> {
    if (uses.length === 0) return []
    checkIndexed(...uses.map(({ lineage }) => lineage))
    return this.#do((database) =>
      transact(database, async (transaction) => {
        const plan = await noteNetworks(transaction, database.dialect, uses, most)
        await openAlerts(transaction, plan.openings)
        return plan.outcomes
      }),
    )
  }

  async claimDeliveries(at: Date, leaseUntil: Date, token: string, limit: number): Promise<readonly ClaimedDelivery[]> {
    return this.#do((database) =>
      transact(database, async (transaction) => {
        const due = await transaction
          .selectFrom('keyward_alert_deliveries')
          .selectAll()
          .where('next_at', '<=', at.getTime())
          .orderBy('next_at')
          .orderBy('id')
          .limit(limit)
          .forUpdate()
          .skipLocked()
          .execute()
        if (due.length === 0) return []
        await transaction
          .updateTable('keyward_alert_deliveries')
          .set({ next_at: leaseUntil.getTime(), token, attempts: sql<number>`attempts + 1` })
          .where('id', 'in', due.map(idOf))
          .execute()
        return due.map(decodeClaimed)
      }),
    )
  }

  async endDelivery(id: string, token: string, nextAt: Date | null): Promise<boolean> {
    return this.#do(async ({ db }) => {
      if (nextAt === null) {
        const remove = db.deleteFrom('keyward_alert_deliveries').where('id', '=', id).where('token', '=', token)
        return (await remove.executeTakeFirstOrThrow()).numDeletedRows > 0n
      }
      const put = db
        .updateTable('keyward_alert_deliveries')
        .set({ next_at: nextAt.getTime(), token: null })
        .where('id', '=', id)
        .where('token', '=', token)
      return (await put.executeTakeFirstOrThrow()).numUpdatedRows > 0n
    })
  }

  async takeTurn({ name, at, nextAt, latest }: Turn): Promise<boolean> {
    return this.#do(async ({ db, dialect }) => {
      const first = { name, next_at: 0, place: '' }
      await db.insertInto('keyward_alert_turns').values(first).modifyEnd(dialect.keepFirst('name')).execute()
      const { numUpdatedRows } = await db
        .updateTable('keyward_alert_turns')
        .set({ next_at: nextAt.getTime() })
        .where('name', '=', name)
        .where((where) => where.or([where('next_at', '<=', at.getTime()), where('next_at', '>', latest.getTime())]))
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    })
  }

  async keepPlace(name: string, place: string): Promise<void> {
    await this.#do(async ({ db, dialect }) => {
      const row = { name, next_at: 0, place }
      await db
        .insertInto('keyward_alert_turns')
        .values(row)
        .modifyEnd(dialect.overwrite('name', ['place']))
        .execute()
    })
  }

  async findPlace(name: string): Promise<string> {
    return this.#do(async ({ db }) => {
      const row = await db.selectFrom('keyward_alert_turns').select('place').where('name', '=', name).executeTakeFirst()
      return textOf(row?.place) ?? ''
    })
  }
}

/** Whoever opens the same alert meanwhile breaks the unique key of the hold: then all of it is done again, and finds it held. */
async function openAlerts(
  transaction: Transaction<Tables>,
  openings: readonly AlertOpening[],
): Promise<readonly boolean[]> {
  if (openings.length === 0) return []
  const holds = openings.map(({ alert }) => holdOf(alert))
  const rows = await transaction.selectFrom('keyward_alerts').select('held').where('held', 'in', holds).execute()
  const held = new Set(rows.map((row) => textOf(row.held)))
  const areOpened = holds.map((hold) => {
    const isFree = !held.has(hold)
    held.add(hold)
    return isFree
  })
  const opened = openings.filter((_, index) => areOpened[index])
  for (const some of chunks(opened.map(({ alert }) => encodeAlert(alert))))
    await transaction.insertInto('keyward_alerts').values(some).execute()
  await keepDeliveries(
    transaction,
    opened.map(({ delivery }) => delivery),
  )
  return areOpened
}

async function keepDeliveries(
  transaction: Transaction<Tables>,
  deliveries: readonly (DeliveryDraft | null)[],
): Promise<void> {
  const kept = deliveries.filter((delivery) => delivery !== null)
  for (const some of chunks(kept.map(encodeDelivery)))
    await transaction.insertInto('keyward_alert_deliveries').values(some).execute()
}

function idOf({ id }: { readonly id: unknown }): string {
  return String(textOf(id))
}
