import { MAX_CREDITS } from '../../model/ledger.ts'
import type { LabelQuery, UsageBatch, UsageInterval, UsageQuery, UsageStore } from '../../model/usage-store.ts'
import type { Row } from '../sql/row-reader.ts'
import {
  COUNT_COLUMNS,
  decodeRank,
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

const sumOf = (column: string) => `min(${MAX_CREDITS}, sum(${column})) AS ${column}`
const SUMS = COUNT_COLUMNS.map(sumOf).join(', ')
/**
 * The latest row of each name that has a label is looked for where rows of one name lie together, which SQLite does not
 * choose by itself: a name without a label would be looked for in all rows of the stretch.
 */
const latestOf = (column: 'label' | 'at') => `(
  SELECT ${column} FROM keyward_usage INDEXED BY keyward_usage_by_name
  WHERE span = ? AND scope = ? AND dimension = ? AND name = one.value AND at >= ? AND at < ? AND label IS NOT NULL
  ORDER BY at DESC LIMIT 1)`
const FIND_LABELS = `SELECT one.value AS name, ${latestOf('label')} AS label, ${latestOf('at')} AS at FROM json_each(?) AS one`

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

  async readUsage(query: UsageQuery) {
    // The plus keeps it from the index of instants, which has those of every scope.
    return this.#ask(
      query,
      (within) => `SELECT * FROM ${within} ORDER BY +at`,
      (row) => decodeUsage(row, query),
    )
  }

  async sumUsage(query: UsageQuery) {
    const select = (within: string) => `SELECT at, name, ${SUMS} FROM ${within} GROUP BY at, name ORDER BY at`
    return this.#ask(query, select, decodeSum)
  }

  async rankUsage(query: UsageQuery) {
    const sums = ['requests', 'credits'].map(sumOf).join(', ')
    const select = (within: string) =>
      `SELECT name, ${sums} FROM ${within} GROUP BY name ORDER BY sum(requests) DESC, name`
    return this.#ask(query, select, decodeRank)
  }

  async findLabels({ interval, scopes, by, from, to, names }: LabelQuery) {
    const labels = new Map<string, string>()
    const latest = new Map<string, number>()
    return this.#do((connection) => {
      for (const scope of scopes) {
        const within = [interval, encodeScope(scope), by, from.getTime(), to.getTime()]
        for (const row of connection.all(FIND_LABELS, ...within, ...within, JSON.stringify(names))) {
          const [name, at] = [String(row['name']), Number(row['at'])]
          if (typeof row['label'] !== 'string' || at < (latest.get(name) ?? at)) continue
          labels.set(name, row['label'])
          latest.set(name, at)
        }
      }
      return labels
    })
  }

  async #ask<T>(
    { interval, scopes, by, from, to, names, limit }: UsageQuery,
    select: (within: string) => string,
    decode: (row: Row) => T,
  ): Promise<readonly T[]> {
    if (names?.length === 0) return []
    const found = padded(scopes.map(encodeScope))
    const named = padded(names ?? [])
    const within = `keyward_usage WHERE span = ? AND scope IN (${marks(found)}) AND dimension = ? AND at >= ? AND at < ?
      ${names === undefined ? '' : `AND name IN (${marks(named)})`}`
    const values = [interval, ...found, by, from.getTime(), to.getTime(), ...named, limit]
    return this.#do((connection) => connection.all(`${select(within)} LIMIT ?`, ...values).map(decode))
  }

  async countAppKeys({ owner, apps, interval, from, to }: Parameters<UsageStore['countAppKeys']>[0]) {
    const names = padded(apps)
    const sql = `
      SELECT name, count(DISTINCT scope) AS many FROM keyward_usage
      WHERE span = ? AND dimension = 'app' AND name IN (${marks(names)})
      AND at >= ? AND at < ? AND ${owner === undefined ? 'owner IS NOT NULL' : 'owner = ?'} GROUP BY name`
    const values = [interval, ...names, from.getTime(), to.getTime(), ...(owner === undefined ? [] : [owner])]
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

/** A list of one of a few lengths, with its last value again: each length makes a statement, and statements are kept. */
function padded(values: readonly string[]): readonly string[] {
  const length = [0, 1, 10, 30, 100].find((each) => each >= values.length) ?? values.length
  return Array.from({ length }, (_, index) => values[index] ?? values.at(-1) ?? '')
}

function marks(values: readonly unknown[]): string {
  return values.map(() => '?').join(', ')
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
