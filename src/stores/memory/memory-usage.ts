import { addCounts, type MutableCounts, noCounts } from '../../model/usage-counts.ts'
import type { UsageBatch, UsageInterval, UsageRow, UsageScope, UsageStore } from '../../model/usage-store.ts'

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

  async readUsage({ scopes, names, limit, ...stretch }: Parameters<UsageStore['readUsage']>[0]) {
    const wanted = new Set(scopes.map(nameOf))
    const found = this.#within(stretch).filter(
      ({ row }) => wanted.has(nameOf(row.scope)) && (names === undefined || names.includes(row.name)),
    )
    return found.map(rowOf).sort(byInstant).slice(0, limit)
  }

  async rankUsage({ scope, limit, ...stretch }: Parameters<UsageStore['rankUsage']>[0]) {
    const sums = new Map<string, Cell & { latest: number }>()
    for (const { row, label, counts } of this.#within(stretch).filter(
      ({ row }) => nameOf(row.scope) === nameOf(scope),
    )) {
      const at = row.at.getTime()
      const sum = sums.get(row.name) ?? { row, label: null, counts: noCounts(), latest: Number.NEGATIVE_INFINITY }
      sums.set(row.name, sum)
      addCounts(sum.counts, counts)
      if (label !== null && at > sum.latest) Object.assign(sum, { label, latest: at })
    }
    const ranked = Array.from(sums.values(), (sum) => ({ ...rowOf(sum), owner: null, at: new Date(stretch.from) }))
    return ranked
      .sort((one, other) => other.requests - one.requests || (one.name < other.name ? -1 : 1))
      .slice(0, limit)
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

function byInstant(one: UsageRow, other: UsageRow): number {
  return one.at.getTime() - other.at.getTime()
}
