import { addCounts, noCounts } from '../../model/usage-counts.ts'
import type {
  UsageCounts,
  UsageDimension,
  UsageInterval,
  UsageRank,
  UsageRow,
  UsageScope,
  UsageSum,
} from '../../model/usage-store.ts'
import { type Row, RowReader } from './row-reader.ts'

/** Columns of counted requests. Instants are milliseconds since the Unix epoch. */
export interface UsageColumns {
  readonly span: UsageInterval
  /** `all`, `owner:…` or `key:…`. */
  readonly scope: string
  readonly dimension: UsageDimension
  readonly at: number
  readonly name: string
  /** `null` but in rows of a key's scope. */
  readonly owner: string | null
  readonly label: string | null
  readonly requests: number
  readonly refused: number
  readonly succeeded: number
  readonly redirected: number
  readonly client_errors: number
  readonly server_errors: number
  readonly credits: number
}

/** Columns that hold counts. */
export const COUNT_COLUMNS = [
  ...(['requests', 'refused', 'succeeded', 'redirected', 'client_errors', 'server_errors', 'credits'] as const),
] satisfies readonly (keyof UsageColumns)[]

/** Columns of the primary key, in its order. */
export const USAGE_KEY = ['span', 'scope', 'dimension', 'at', 'name'] as const satisfies readonly (keyof UsageColumns)[]

/** Writes a scope as the column has it. */
export function encodeScope(scope: UsageScope): string {
  if (scope.kind === 'all') return 'all'
  return scope.kind === 'owner' ? `owner:${scope.owner}` : `key:${scope.keyId}`
}

/** Writes rows as columns, in the order of the primary key: two writers at once then never wait for each other in a circle. */
export function encodeUsage(rows: readonly UsageRow[]): readonly UsageColumns[] {
  return rows
    .map((row) => ({
      span: row.interval,
      scope: encodeScope(row.scope),
      dimension: row.by,
      at: row.at.getTime(),
      name: row.name,
      owner: row.owner,
      label: row.label,
      requests: row.requests,
      refused: row.refused,
      succeeded: row.succeeded,
      redirected: row.redirected,
      client_errors: row.clientErrors,
      server_errors: row.serverErrors,
      credits: row.credits,
    }))
    .sort(byKey)
}

function byKey(one: UsageColumns, other: UsageColumns): number {
  for (const column of USAGE_KEY) if (one[column] !== other[column]) return one[column] < other[column] ? -1 : 1
  return 0
}

/** Reads a row. @throws {StoreUnavailableError} When it is damaged. */
export function decodeUsage(row: Row, { interval, by }: Pick<UsageRow, 'interval' | 'by'>): UsageRow {
  const reader = new RowReader(row, 'counts of requests')
  return {
    interval,
    at: reader.instant('at'),
    scope: decodeScope(reader.text('scope')),
    owner: reader.textOrNull('owner'),
    by,
    name: reader.text('name'),
    label: reader.textOrNull('label'),
    ...decodeCounts(reader),
  }
}

/** Reads a sum by instant and name. @throws {StoreUnavailableError} When it is damaged. */
export function decodeSum(row: Row): UsageSum {
  const reader = new RowReader(row, 'sums of requests')
  return { at: reader.instant('at'), name: reader.text('name'), ...decodeCounts(reader) }
}

/** Reads a sum by name. @throws {StoreUnavailableError} When it is damaged. */
export function decodeRank(row: Row): UsageRank {
  const reader = new RowReader(row, 'sums of requests')
  return {
    name: reader.text('name'),
    requests: reader.integer('requests'),
    credits: reader.integer('credits'),
  }
}

function decodeCounts(reader: RowReader): UsageCounts {
  const counts = noCounts()
  addCounts(counts, {
    requests: reader.integer('requests'),
    refused: reader.integer('refused'),
    succeeded: reader.integer('succeeded'),
    redirected: reader.integer('redirected'),
    clientErrors: reader.integer('client_errors'),
    serverErrors: reader.integer('server_errors'),
    credits: reader.integer('credits'),
  })
  return counts
}

function decodeScope(text: string): UsageScope {
  if (text.startsWith('owner:')) return { kind: 'owner', owner: text.slice('owner:'.length) }
  return text.startsWith('key:') ? { kind: 'key', keyId: text.slice('key:'.length) } : { kind: 'all' }
}
