import { MAX_CREDITS } from '../../model/ledger.ts'
import type { UsageBatch, UsageInterval, UsageRow, UsageStore } from '../../model/usage-store.ts'
import {
  COUNT_COLUMNS,
  decodeSum,
  decodeUsage,
  encodeScope,
  encodeUsage,
  USAGE_KEY,
  type UsageColumns,
} from '../sql/usage-row.ts'
import type { SqliteConnection } from './connection.ts'
import type { DoWork } from './sqlite-ledger.ts'

/** Rows written or removed in one transaction, which takes a millisecond or two; between two of them the event loop has its turn. */
const ROWS_PER_TRANSACTION = 100

/** Stands for a batch that was added whole. */
const ALL_ROWS = -1

const COLUMNS = [...USAGE_KEY, 'owner', 'label', ...COUNT_COLUMNS] as const satisfies readonly (keyof UsageColumns)[]

const ADD = `
  INSERT INTO keyward_usage (${COLUMNS.join(', ')}) VALUES (${COLUMNS.map(() => '?').join(', ')})
  ON CONFLICT (${USAGE_KEY.join(', ')}) DO UPDATE SET
  label = coalesce(excluded.label, label),
  ${COUNT_COLUMNS.map((column) => `${column} = min(${MAX_CREDITS}, ${column} + excluded.${column})`).join(', ')}`

const FIND_WRITER = 'SELECT sequence, rows_added FROM keyward_usage_writers WHERE writer = ?'
const PUT_WRITER = `
  INSERT OR REPLACE INTO keyward_usage_writers (writer, sequence, rows_added, at) VALUES (?, ?, ?, ?)`

const SUMS = COUNT_COLUMNS.map((column) => `min(${MAX_CREDITS}, sum(${column})) AS ${column}`).join(', ')
const STRETCH = 'span = ? AND scope = ? AND dimension = ? AND at >= ? AND at < ?'

/**
 * The latest label is that of the row with the latest instant that has one. It is looked for where rows of one name lie
 * together, which SQLite does not choose by itself: a name without a label would be looked for in all rows of the stretch.
 */
const RANK = `
  SELECT ranked.*, (
    SELECT one.label FROM keyward_usage AS one INDEXED BY keyward_usage_by_name
    WHERE one.span = ? AND one.scope = ? AND one.dimension = ? AND one.name = ranked.name
    AND one.at >= ? AND one.at < ? AND one.label IS NOT NULL ORDER BY one.at DESC LIMIT 1
  ) AS label
  FROM (
    SELECT name, ${SUMS} FROM keyward_usage WHERE ${STRETCH}
    GROUP BY name ORDER BY sum(requests) DESC, name LIMIT ?
  ) AS ranked ORDER BY requests DESC, name`

const PURGE = `
  DELETE FROM keyward_usage WHERE (span, scope, dimension, at, name) IN (
    SELECT span, scope, dimension, at, name FROM keyward_usage WHERE span = ? AND at < ? ORDER BY at LIMIT ?)`
const FIND_OLD = 'SELECT 1 FROM keyward_usage WHERE span = ? AND at < ? LIMIT 1'
const PURGE_WRITERS = 'DELETE FROM keyward_usage_writers WHERE at < ?'

/** Counts of requests in a SQLite database. */
export class SqliteUsage implements UsageStore {
  readonly #do: DoWork

  constructor(doWork: DoWork) {
    this.#do = doWork
  }

  /** In parts; how many rows are there already is kept in the transaction that added them. */
  async addUsage(batch: UsageBatch): Promise<void> {
    const rows = encodeUsage(batch.rows)
    return this.#do(async (connection) => {
      while (!(await connection.write(() => addPart(connection, batch, rows)))) {}
    })
  }

  async readUsage({ scopes, names, limit, ...stretch }: Parameters<UsageStore['readUsage']>[0]) {
    const { interval, by, from, to } = stretch
    const marks = (count: number) => Array.from({ length: count }, () => '?').join(', ')
    const named = names === undefined ? '' : `AND name IN (${marks(names.length)})`
    if (names?.length === 0) return []
    // The plus keeps it from the index of instants, which has those of every scope.
    const sql = `
      SELECT * FROM keyward_usage WHERE span = ? AND scope IN (${marks(scopes.length)}) AND dimension = ?
      AND at >= ? AND at < ? ${named} ORDER BY +at LIMIT ?`
    const values = [interval, ...scopes.map(encodeScope), by, from.getTime(), to.getTime(), ...(names ?? []), limit]
    return this.#do((connection) => connection.all(sql, ...values).map((row) => decodeUsage(row, stretch)))
  }

  async rankUsage({ scope, limit, ...stretch }: Parameters<UsageStore['rankUsage']>[0]): Promise<readonly UsageRow[]> {
    const { interval, by, from, to } = stretch
    const within = [interval, encodeScope(scope), by, from.getTime(), to.getTime()]
    const rest = { interval, by, scope, at: new Date(from) }
    return this.#do((connection) =>
      connection.all(RANK, ...within, ...within, limit).map((row) => decodeSum(row, rest)),
    )
  }

  async countAppKeys({ owner, apps, interval, from, to }: Parameters<UsageStore['countAppKeys']>[0]) {
    const sql = `
      SELECT name, count(DISTINCT scope) AS many FROM keyward_usage
      WHERE span = ? AND dimension = 'app' AND name IN (${apps.map(() => '?').join(', ')})
      AND at >= ? AND at < ? AND ${owner === undefined ? 'owner IS NOT NULL' : 'owner = ?'} GROUP BY name`
    const values = [interval, ...apps, from.getTime(), to.getTime(), ...(owner === undefined ? [] : [owner])]
    return this.#do(
      (connection) => new Map(connection.all(sql, ...values).map((row) => [String(row['name']), Number(row['many'])])),
    )
  }

  async purgeUsage(interval: UsageInterval, before: Date, limit: number): Promise<number> {
    const at = before.getTime()
    return this.#do(async (connection) => {
      if (interval === 'minute') await connection.write(() => connection.run(PURGE_WRITERS, at))
      let removed = 0
      while (removed < limit && connection.get(FIND_OLD, interval, at) !== undefined) {
        const most = Math.min(limit - removed, ROWS_PER_TRANSACTION)
        removed += await connection.write(() => connection.run(PURGE, interval, at, most))
      }
      return removed
    })
  }
}

/** Adds the next rows of a batch. @returns Whether all are there. */
function addPart(connection: SqliteConnection, batch: UsageBatch, rows: readonly UsageColumns[]): boolean {
  const { writer, sequence, at } = batch
  const known = connection.get(FIND_WRITER, writer)
  const last = Number(known?.['sequence'] ?? 0)
  if (last > sequence) return true
  const start = last === sequence ? Number(known?.['rows_added']) : 0
  if (start === ALL_ROWS) return true
  const end = Math.min(start + ROWS_PER_TRANSACTION, rows.length)
  for (const row of rows.slice(start, end)) connection.run(ADD, ...COLUMNS.map((column) => row[column]))
  const isWhole = end === rows.length
  connection.run(PUT_WRITER, writer, sequence, isWhole ? ALL_ROWS : end, at.getTime())
  return isWhole
}
