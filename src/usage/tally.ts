import { addCounts, type MutableCounts, noCounts } from '../model/usage-counts.ts'

/** Names that a tally keeps apart before those with the fewest requests are counted together: then half as many are left. */
const MAX_NAMES = 1_000

/** Counts under names, bounded: however many names come, those with many requests are among those that are kept. */
export class NamedCounts {
  readonly counts = new Map<string, MutableCounts>()
  /** Labels of names that have one. */
  readonly labels = new Map<string, string>()
  /** What was counted of names that are not kept; `undefined` where all are. */
  rest: MutableCounts | undefined

  /** The counts of a name, to be counted on at once. */
  of(name: string): MutableCounts {
    const known = this.counts.get(name)
    if (known !== undefined) return known
    if (this.counts.size >= MAX_NAMES) this.#prune()
    const counts = noCounts()
    this.counts.set(name, counts)
    return counts
  }

  /** Counts the names with the fewest requests together. */
  #prune(): void {
    const sorted = Array.from(this.counts).sort(([, one], [, other]) => one.requests - other.requests)
    this.rest ??= noCounts()
    for (const [name, counts] of sorted.slice(0, MAX_NAMES / 2)) {
      addCounts(this.rest, counts)
      this.counts.delete(name)
      this.labels.delete(name)
    }
  }
}

/** What was counted of one key, or of several that are not told apart. */
export class Tally {
  /** `undefined` for keys that are not told apart. */
  readonly keyId: string | undefined
  readonly owner: string
  /** Name that the key was given. */
  readonly label: string | null
  readonly counts: MutableCounts = noCounts()
  /** Requests with a route that has a name. */
  readonly routes = new NamedCounts()
  /** Requests with an app; made with the first. */
  apps: NamedCounts | undefined

  constructor(keyId: string | undefined, owner: string, label: string | null) {
    this.keyId = keyId
    this.owner = owner
    this.label = label
  }
}

/** Adds a request that was answered with a status. */
export function countRequest(counts: MutableCounts, status: number, isRefused: boolean, credits: number): void {
  counts.requests += 1
  if (isRefused) counts.refused += 1
  if (status < 300) counts.succeeded += 1
  else if (status < 400) counts.redirected += 1
  else if (status < 500) counts.clientErrors += 1
  else counts.serverErrors += 1
  if (credits > 0) counts.credits += credits
}
