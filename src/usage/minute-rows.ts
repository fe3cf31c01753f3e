import { addCounts, beginOf, type MutableCounts, noCounts } from '../model/usage-counts.ts'
import type { UsageDimension, UsageInterval, UsageRow, UsageScope } from '../model/usage-store.ts'
import type { Minute } from './minute.ts'
import type { NameBudget } from './name-budget.ts'
import { OTHER } from './other.ts'
import { NamedCounts, type Tally } from './tally.ts'

const INTERVALS: readonly UsageInterval[] = ['minute', 'hour', 'day']

/** Sums of several keys. */
interface Sum {
  readonly counts: MutableCounts
  readonly keys: NamedSums
  readonly routes: NamedSums
  readonly apps: NamedSums
}

/** Counts by name, as many as the tallies have that they are summed of. */
interface NamedSums {
  readonly counts: Map<string, MutableCounts>
  readonly labels: Map<string, string>
  readonly rest: MutableCounts
}

/** Makes the rows of a minute, part by part: no two of one minute are for the same place in the store. */
export function* rowsOfMinute(minute: Minute, budget: NameBudget): Generator<UsageRow> {
  const all = newSum()
  const owners = new Map<string, Sum>()
  for (const tally of talliesOf(minute)) {
    addTally(all, tally)
    if (tally === minute.rest) continue
    const owner = owners.get(tally.owner) ?? newSum()
    owners.set(tally.owner, owner)
    addTally(owner, tally)
  }
  const write = (scope: UsageScope, owner: string | null) => new ScopeWriter(minute.at, budget, scope, owner)
  const ofAll = write({ kind: 'all' }, null)
  yield* rowsOfSum(ofAll, all)
  for (const [bound, requests] of minute.checkTimes)
    yield* ofAll.row('overhead', String(bound), null, { ...noCounts(), requests })
  for (const [owner, sum] of owners) yield* rowsOfSum(write({ kind: 'owner', owner }, null), sum)
  for (const tally of minute.keys.values()) {
    const { keyId, owner, counts, routes, apps = NO_APPS } = tally
    if (keyId === undefined) continue
    const writer = write({ kind: 'key', keyId }, owner)
    yield* writer.row('none', '', null, counts)
    yield* writer.names('route', counts, routes)
    yield* writer.names('app', counts, apps)
  }
}

const NO_APPS = new NamedCounts()

function* talliesOf({ keys, others, rest }: Minute): Generator<Tally> {
  yield* keys.values()
  yield* others.values()
  if (rest !== undefined) yield rest
}

function* rowsOfSum(writer: ScopeWriter, { counts, keys, routes, apps }: Sum): Generator<UsageRow> {
  yield* writer.row('none', '', null, counts)
  yield* writer.names('key', counts, keys)
  yield* writer.names('route', counts, routes)
  yield* writer.names('app', counts, apps)
}

/** Writes the rows of one scope. */
class ScopeWriter {
  readonly #at: number
  readonly #budget: NameBudget
  readonly #scope: UsageScope
  readonly #owner: string | null

  constructor(at: number, budget: NameBudget, scope: UsageScope, owner: string | null) {
    this.#at = at
    this.#budget = budget
    this.#scope = scope
    this.#owner = owner
  }

  *row(by: UsageDimension, name: string, label: string | null, counts: MutableCounts): Generator<UsageRow> {
    for (const interval of INTERVALS) {
      const at = new Date(beginOf(interval, this.#at))
      yield { interval, at, scope: this.#scope, owner: this.#owner, by, name, label, ...counts }
    }
  }

  /** The names that get rows, what is counted together, and what has no name: the whole less all that has one. */
  *names(
    by: UsageDimension,
    whole: MutableCounts,
    named: Pick<NamedCounts, 'counts' | 'labels' | 'rest'>,
  ): Generator<UsageRow> {
    const { chosen, other } = this.#budget.choose(this.#nameOf(by), this.#at, named.counts, named.rest)
    const nameless = { ...whole }
    for (const [name, counts] of chosen) {
      subtract(nameless, counts)
      yield* this.row(by, name, named.labels.get(name) ?? null, counts)
    }
    if (other !== undefined) {
      subtract(nameless, other)
      yield* this.row(by, OTHER, null, other)
    }
    if (nameless.requests > 0) yield* this.row(by, '', null, nameless)
  }

  #nameOf(by: UsageDimension): string {
    return JSON.stringify([by, ...Object.values(this.#scope)])
  }
}

function newSum(): Sum {
  const named = (): NamedSums => ({ counts: new Map(), labels: new Map(), rest: noCounts() })
  return { counts: noCounts(), keys: named(), routes: named(), apps: named() }
}

function addTally(sum: Sum, { keyId, label, counts, routes, apps }: Tally): void {
  addCounts(sum.counts, counts)
  if (keyId === undefined) addCounts(sum.keys.rest, counts)
  else {
    sum.keys.counts.set(keyId, counts)
    if (label !== null) sum.keys.labels.set(keyId, label)
  }
  addNamed(sum.routes, routes)
  if (apps !== undefined) addNamed(sum.apps, apps)
}

function addNamed(sums: NamedSums, named: NamedCounts): void {
  for (const [name, counts] of named.counts) {
    const sum = sums.counts.get(name) ?? noCounts()
    sums.counts.set(name, sum)
    addCounts(sum, counts)
    const label = named.labels.get(name)
    if (label !== undefined) sums.labels.set(name, label)
  }
  if (named.rest !== undefined) addCounts(sums.rest, named.rest)
}

function subtract(whole: MutableCounts, part: MutableCounts): void {
  whole.requests -= part.requests
  whole.refused -= part.refused
  whole.succeeded -= part.succeeded
  whole.redirected -= part.redirected
  whole.clientErrors -= part.clientErrors
  whole.serverErrors -= part.serverErrors
  whole.credits = Math.max(0, whole.credits - part.credits)
}
