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
import {
  ALERT_COLUMNS,
  comparisonsOfAlerts,
  decodeAlert,
  decodeClaimed,
  encodeAlert,
  encodeDelivery,
} from '../sql/alert-row.ts'
import { placesOf, planNetworks } from '../sql/network-outcomes.ts'
import { textOf } from '../sql/row-reader.ts'
import { appendAudit } from './audit-chain.ts'
import type { SqliteConnection } from './connection.ts'
import type { DoWork } from './sqlite-ledger.ts'

const INSERT = `
  INSERT INTO keyward_alerts (${ALERT_COLUMNS.join(', ')}) VALUES (${ALERT_COLUMNS.map(() => '?').join(', ')})`

const UPDATE = `
  UPDATE keyward_alerts SET ${ALERT_COLUMNS.map((column) => `${column} = ?`).join(', ')} WHERE id = ? AND version = ?`

const INSERT_DELIVERY = `
  INSERT INTO keyward_alert_deliveries (id, body, created_at, next_at, attempts, token) VALUES (?, ?, ?, ?, ?, ?)`

const FIND_RESOLVED = 'SELECT id FROM keyward_alerts WHERE resolved_at < ? ORDER BY resolved_at LIMIT ?'
const FIND_STALE = 'SELECT id FROM keyward_alert_deliveries WHERE created_at < ? LIMIT ?'

const CLAIM = 'UPDATE keyward_alert_deliveries SET next_at = ?, attempts = attempts + 1, token = ? WHERE id = ?'

const FIND_DUE = 'SELECT * FROM keyward_alert_deliveries WHERE next_at <= ? ORDER BY next_at, id LIMIT ?'

const TAKE_TURN = `
  INSERT INTO keyward_alert_turns (name, next_at, place) VALUES (?, ?, '')
  ON CONFLICT (name) DO UPDATE SET next_at = excluded.next_at WHERE next_at <= ? OR next_at > ?`

const KEEP_PLACE = `
  INSERT INTO keyward_alert_turns (name, next_at, place) VALUES (?, 0, ?)
  ON CONFLICT (name) DO UPDATE SET place = excluded.place`

const COUNT_NETWORKS = `
  INSERT INTO keyward_alert_lineages (lineage, networks) VALUES (?, ?)
  ON CONFLICT (lineage) DO UPDATE SET networks = excluded.networks`

/** Keeps alerts in a SQLite database. */
export class SqliteAlerts implements AlertStore {
  readonly #do: DoWork

  constructor(doWork: DoWork) {
    this.#do = doWork
  }

  async openAlerts(openings: readonly AlertOpening[]): Promise<readonly boolean[]> {
    return this.#do((connection) => connection.write(() => openings.map((opening) => openAlert(connection, opening))))
  }

  async changeAlert({ alert, delivery, audit }: AlertChange): Promise<boolean> {
    const row = encodeAlert(alert)
    const values = ALERT_COLUMNS.map((column) => row[column])
    return this.#do((connection) =>
      connection.write(() => {
        if (connection.run(UPDATE, ...values, alert.id, alert.version - 1) !== 1) return false
        keepDelivery(connection, delivery)
        if (audit !== null) appendAudit(connection, audit)
        return true
      }),
    )
  }

  async findAlert(id: string): Promise<AlertRecord | undefined> {
    return this.#do((connection) => {
      const row = connection.get('SELECT * FROM keyward_alerts WHERE id = ?', id)
      return row && decodeAlert(row)
    })
  }

  async listAlerts(query: AlertQuery): Promise<readonly AlertRecord[]> {
    const comparisons = comparisonsOfAlerts(query)
    const conditions = comparisons.map(({ column, operator }) => `${column} ${operator} ?`)
    if (query.state === 'unresolved') conditions.push('held IS NOT NULL')
    const where = conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`
    const values = comparisons.map(({ value }) => value)
    const select = `SELECT * FROM keyward_alerts ${where} ORDER BY id DESC LIMIT ?`
    return this.#do((connection) => connection.all(select, ...values, query.limit).map(decodeAlert))
  }

  async removeResolved(before: Date, limit: number): Promise<number> {
    const values = [before.getTime(), limit]
    return this.#do((connection) => {
      const [alerts, deliveries] = [FIND_RESOLVED, FIND_STALE].map((find) =>
        connection.all(find, ...values).map(({ id }) => textOf(id) ?? ''),
      ) as [string[], string[]]
      if (alerts.length + deliveries.length === 0) return 0
      return connection.write(() => {
        for (const id of deliveries) connection.run('DELETE FROM keyward_alert_deliveries WHERE id = ?', id)
        for (const id of alerts) connection.run('DELETE FROM keyward_alerts WHERE id = ?', id)
        return alerts.length
      })
    })
  }

  async noteNetworks(uses: readonly NetworkUse[], most: number): Promise<readonly NetworkOutcome[]> {
    return this.#do((connection) =>
      connection.write(() => {
        const known = placesOf(uses).filter(({ lineage, network }) =>
          connection.get('SELECT 1 FROM keyward_alert_networks WHERE lineage = ? AND network = ?', lineage, network),
        )
        const lineages = Array.from(new Set(uses.map(({ lineage }) => lineage)))
        const counts = new Map(lineages.map((lineage) => [lineage, countNetworks(connection, lineage)]))
        const plan = planNetworks(uses, known, counts, most)
        for (const { lineage, network, first_at: firstAt } of plan.rows)
          connection.run('INSERT INTO keyward_alert_networks VALUES (?, ?, ?)', lineage, network, firstAt)
        for (const [lineage, count] of plan.counts) connection.run(COUNT_NETWORKS, lineage, count)
        for (const opening of plan.openings) openAlert(connection, opening)
        return plan.outcomes
      }),
    )
  }

  async claimDeliveries(at: Date, leaseUntil: Date, token: string, limit: number): Promise<readonly ClaimedDelivery[]> {
    return this.#do((connection) => {
      if (connection.get(FIND_DUE, at.getTime(), 1) === undefined) return []
      return connection.write(() => {
        const claimed = connection.all(FIND_DUE, at.getTime(), limit).map(decodeClaimed)
        for (const { id } of claimed) connection.run(CLAIM, leaseUntil.getTime(), token, id)
        return claimed
      })
    })
  }

  async endDelivery(id: string, token: string, nextAt: Date | null): Promise<boolean> {
    const where = 'WHERE id = ? AND token = ?'
    return this.#do((connection) =>
      connection.write(() => {
        if (nextAt === null) return connection.run(`DELETE FROM keyward_alert_deliveries ${where}`, id, token) === 1
        const set = `UPDATE keyward_alert_deliveries SET next_at = ?, token = NULL ${where}`
        return connection.run(set, nextAt.getTime(), id, token) === 1
      }),
    )
  }

  async takeTurn({ name, at, nextAt, latest }: Turn): Promise<boolean> {
    const values = [name, nextAt.getTime(), at.getTime(), latest.getTime()]
    return this.#do((connection) => connection.write(() => connection.run(TAKE_TURN, ...values) === 1))
  }

  async keepPlace(name: string, place: string): Promise<void> {
    return this.#do((connection) => connection.write(() => void connection.run(KEEP_PLACE, name, place)))
  }

  async findPlace(name: string): Promise<string> {
    return this.#do((connection) => {
      const row = connection.get('SELECT place FROM keyward_alert_turns WHERE name = ?', name)
      return textOf(row?.['place']) ?? ''
    })
  }
}

/** Only within a transaction. */
function openAlert(connection: SqliteConnection, { alert, delivery }: AlertOpening): boolean {
  const row = encodeAlert(alert)
  if (connection.get('SELECT 1 FROM keyward_alerts WHERE held = ?', holdOf(alert)) !== undefined) return false
  connection.run(INSERT, ...ALERT_COLUMNS.map((column) => row[column]))
  keepDelivery(connection, delivery)
  return true
}

function keepDelivery(connection: SqliteConnection, delivery: DeliveryDraft | null): void {
  if (delivery === null) return
  const { id, body, created_at: createdAt, next_at: nextAt, attempts, token } = encodeDelivery(delivery)
  connection.run(INSERT_DELIVERY, id, body, createdAt, nextAt, attempts, token)
}

function countNetworks(connection: SqliteConnection, lineage: string): number {
  return Number(
    connection.get('SELECT networks FROM keyward_alert_lineages WHERE lineage = ?', lineage)?.['networks'] ?? 0,
  )
}
