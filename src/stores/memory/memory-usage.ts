import { addCounts, type MutableCounts, noCounts } from '../../model/usage-counts.ts'
import type {
  LabelQuery,
  UsageBatch,
  UsageInterval,
  UsageQuery,
  UsageRow,
  UsageScope,
  UsageStore,
  UsageSum,
} from '../../model/usage-store.ts'

/** A row that is added to. */
interface Cell {
  readonly row: UsageRow
  label: string | null
  readonly counts: MutableCounts
}

/** Counts of requests in this process's memory. Reading looks at every row. */
export class MemoryUsage implements UsageStore {
  readonly #cells = new Map<string, Cell>()
  readonly #writers = new Map<string, { readonly sequence: number; readonly at: Date }>()

  async addUsage({ writer, sequence, at, rows }: UsageBatch): Promise<void> {
    if ((this.#writers.get(writer)?.sequence ?? 0) >= sequence) return
    this.#writers.set(writer, { sequence, at: new Date(at) })
    for (const row of structuredClone(rows)) {
      const id = JSON.stringify([row.interval, row.at.getTime(), nameOf(row.scope), row.by, row.name])
      const cell = this.#cells.get(id) ?? { row, label: null, counts: noCounts() }
      this.#cells.set(id, cell)
      cell.label = row.label ?? cell.label
      addCounts(cell.counts, row)
    }
  }

  async readUsage(query: UsageQuery) {
    return this.#asked(query).map(rowOf).sort(byInstant).slice(0, query.limit)
  }

  async sumUsage(query: UsageQuery) {
    const sums = new Map<string, UsageSum & MutableCounts>()
    for (const { row, counts } of this.#asked(query)) {
      const { at, name } = row
      const place = JSON.stringify([at.getTime(), name])
      const sum = sums.get(place) ?? { at: new Date(at), name, ...noCounts() }
      sums.set(place, sum)
      addCounts(sum, counts)
    }
    return Array.from(sums.values()).sort(byInstant).slice(0, query.limit)
  }

  async rankUsage(query: UsageQuery) {
    const ranks = new Map<string, MutableCounts>()
    for (const { row, counts } of this.#asked(query)) {
      const rank = ranks.get(row.name) ?? noCounts()
      ranks.set(row.name, rank)
      addCounts(rank, counts)
    }
    return Array.from(ranks, ([name, { requests, credits }]) => ({ name, requests, credits }))
      .sort((one, other) => other.requests - one.requests || (one.name < other.name ? -1 : 1))
      .slice(0, query.limit)
  }

  async findLabels(query: LabelQuery) {
    const cells = this.#asked(query).sort(({ row: one }, { row: other }) => byInstant(one, other))
    return new Map(cells.flatMap(({ row: { name }, label }) => (label === null ? [] : [[name, label] as const])))
  }

  async countAppKeys({ owner, apps, interval, from, to }: Parameters<UsageStore['countAppKeys']>[0]) {
    const keys = new Map<string, Set<string>>()
    for (const { row } of this.#within({ interval, by: 'app', from, to })) {
      if (row.scope.kind !== 'key' || !apps.includes(row.name)) continue
      if (owner !== undefined && row.owner !== owner) continue
      const known = keys.get(row.name) ?? new Set()
      keys.set(row.name, known.add(row.scope.keyId))
    }
    return new Map(Array.from(keys, ([app, { size }]) => [app, size]))
  }

  async purgeUsage(interval: UsageInterval, before: Date, limit: number): Promise<number> {
    if (interval === 'minute')
      for (const [writer, { at }] of this.#writers) if (at < before) this.#writers.delete(writer)
    let removed = 0
    for (const [id, { row }] of this.#cells) {
      if (removed >= limit) break
      if (row.interval !== interval || row.at >= before) continue
      this.#cells.delete(id)
      removed += 1
    }
    return removed
  }

  #asked({ scopes, names, ...stretch }: Omit<UsageQuery, 'limit'>): Cell[] {
    const wanted = new Set(scopes.map(nameOf))
    return this.#within(stretch).filter(
      ({ row }) => wanted.has(nameOf(row.scope)) && (names === undefined || names.includes(row.name)),
    )
  }

  #within({ interval, by, from, to }: Pick<UsageRow, 'interval' | 'by'> & { from: Date; to: Date }): Cell[] {
    return Array.from(this.#cells.values()).filter(
      ({ row }) => row.interval === interval && row.by === by && row.at >= from && row.at < to,
    )
  }
}

function rowOf({ row, label, counts }: Cell): UsageRow {
  return structuredClone({ ...row, ...counts, label })
}

function nameOf(scope: UsageScope): string {
  if (scope.kind === 'all') return 'all'
  return scope.kind === 'owner' ? `owner:${scope.owner}` : `key:${scope.keyId}`
}

function byInstant(one: { readonly at: Date }, other: { readonly at: Date }): number {
  return one.at.getTime() - other.at.getTime()
}
