import { type Observer, tell } from '../events.ts'
import type { Clock } from '../model/clock.ts'
import { InvalidInputError } from '../model/errors.ts'
import { INTERVAL_MS, type MutableCounts, noCounts } from '../model/usage-counts.ts'
import type { UsageBatch, UsageRow, UsageStore } from '../model/usage-store.ts'
import type { App } from './app-reader.ts'
import { CheckTimes } from './check-times.ts'
import { Minute } from './minute.ts'
import { rowsOfMinute } from './minute-rows.ts'
import { NameBudget } from './name-budget.ts'
import { countRequest, NamedCounts, Tally } from './tally.ts'

/** How long a counted request may wait before its batch is sent: with the time to write it, it is in the store within 5 seconds. */
const FLUSH_INTERVAL_MS = 4_000
/** Rows that are sent at once. */
const BATCH_ROWS = 1_000
/** Keys that are told apart, in all minutes that wait together; of more, only the owner is. */
const MAX_TALLIES = 100_000
/** Names of routes and apps of single keys that may wait; requests with more are counted without. */
const MAX_NAMES = 200_000
/** Minutes that may wait while the store is away; of more, the oldest are dropped. */
const MAX_MINUTES = 30

/** A request whose response is known. */
export interface CountedRequest {
  readonly key: { readonly id: string; readonly owner: string; readonly name: string }
  /** How usage calls the route; the empty string for none. */
  readonly route: string
  readonly app: App | undefined
  /** HTTP status of the response. */
  readonly status: number
  readonly isRefused: boolean
  /** Credits that it has spent. */
  readonly credits: number
}

/** Counts requests in this process, and writes the counts in batches. */
export interface UsageCounter {
  /** Counts a request. Takes a few hundred nanoseconds at most, whatever the store does. */
  count(request: CountedRequest): void
  /** How long checks take: written with what is counted. */
  readonly checkTimes: CheckTimes
  /** Writes what waits. Never rejects: what could not be written waits for the next time. */
  flush(): Promise<void>
  /** Writes what waits, once, and nothing afterwards. */
  close(): Promise<void>
}

/** What the counter is given by the room. */
export interface UsageCounterRooms {
  readonly store: Pick<UsageStore, 'addUsage'>
  readonly clock: Clock
  readonly observer: Observer | undefined
  /** Keys that are told apart between two flushes; default 100,000. */
  readonly maxKeys?: number
}

/** Creates the counter. Its one timer runs only while something waits, and keeps no process alive. */
export function createUsageCounter({ store, clock, observer, maxKeys = MAX_TALLIES }: UsageCounterRooms): UsageCounter {
  /** Drawn with the first batch: Workers draw nothing at random before there is a request. */
  let writer: string | undefined
  const budget = new NameBudget()
  const checkTimes = new CheckTimes()
  let sequence = 0
  let minutes: Minute[] = []
  let minute: Minute | undefined
  let minuteEndsAt = Number.NEGATIVE_INFINITY
  let tallies = 0
  let names = 0
  let dropped = 0
  /** What is being written, and goes on after a failure with the very batch that failed. */
  let batch: UsageBatch | undefined
  let taken: Minute[] = []
  let batches: Iterator<readonly UsageRow[]> | undefined
  let timer: ReturnType<typeof setTimeout> | undefined
  let armedAt = Number.NEGATIVE_INFINITY
  let writing: Promise<void> = Promise.resolve()
  let isFailing = false
  let isClosed = false

  function minuteAt(now: number): Minute {
    if (minute !== undefined && now >= minute.at && now < minuteEndsAt) return minute
    const at = now - (now % INTERVAL_MS.minute)
    minute = minutes.find((each) => each.at === at)
    minuteEndsAt = at + INTERVAL_MS.minute
    if (minute === undefined) {
      minute = new Minute(at)
      minutes.push(minute)
      while (minutes.length > MAX_MINUTES) drop(minutes.shift())
    }
    return minute
  }

  function drop(lost: Minute | undefined): void {
    if (lost === undefined) return
    tallies -= lost.keys.size
    dropped += lost.requests
  }

  function tallyOf(into: Minute, { id, owner, name }: CountedRequest['key']): Tally {
    const known = into.keys.get(id)
    if (known !== undefined) return known
    if (tallies >= maxKeys) return into.otherOf(owner)
    tallies += 1
    const tally = new Tally(id, owner, name)
    into.keys.set(id, tally)
    return tally
  }

  /** A timer that is long overdue ended with its request, as on Workers: then this request writes what waits. */
  function arm(now: number): void {
    if (timer === undefined) {
      if (isClosed) return
      armedAt = now
      timer = setTimeout(flush, FLUSH_INTERVAL_MS)
      Object(timer).unref?.()
    } else if (now - armedAt >= 2 * FLUSH_INTERVAL_MS) {
      void flush()
    }
  }

  /** One after the other: whoever waits for a flush waits for what was being written before, too. */
  function flush(): Promise<void> {
    clearTimeout(timer)
    timer = undefined
    writing = writing.then(write)
    return writing
  }

  async function write(): Promise<void> {
    try {
      const isLate = batches !== undefined
      await writeBatches()
      // What was left from a time that failed is written: now what came since.
      if (isLate) await writeBatches()
      if (isFailing) tell(observer, { type: 'recovered', part: 'usage' })
      isFailing = false
      taken = []
    } catch (cause) {
      if (cause instanceof InvalidInputError) passOver()
      if (!isFailing) tell(observer, { type: 'degraded', part: 'usage', cause })
      isFailing = true
      arm(clock.now())
    }
    if (dropped > 0) tell(observer, { type: 'usage_dropped', requests: dropped })
    dropped = 0
  }

  async function writeBatches(): Promise<void> {
    for (;;) {
      batch ??= nextBatch()
      if (batch === undefined) return
      await store.addUsage(batch)
      batch = undefined
    }
  }

  /** What the store can never take would keep all that follows from it. */
  function passOver(): void {
    for (const { interval, scope, by, requests } of batch?.rows ?? [])
      if (interval === 'minute' && scope.kind === 'key' && by === 'none') dropped += requests
    batch = undefined
  }

  function nextBatch(): UsageBatch | undefined {
    if (batches === undefined) {
      if (minutes.length === 0) return undefined
      taken = minutes
      for (const last of taken.slice(-1)) last.checkTimes = checkTimes.take()
      minutes = []
      minute = undefined
      minuteEndsAt = Number.NEGATIVE_INFINITY
      tallies = 0
      names = 0
      batches = batchesOf(taken, budget)
    }
    const { value, done } = batches.next()
    if (done === true) {
      batches = undefined
      return undefined
    }
    writer ??= crypto.randomUUID()
    sequence += 1
    return { writer, sequence, at: new Date(clock.now()), rows: value }
  }

  function countsOf(named: NamedCounts, name: string): MutableCounts {
    const known = named.counts.get(name)
    if (known !== undefined) return known
    if (names >= MAX_NAMES) {
      named.rest ??= noCounts()
      return named.rest
    }
    names += 1
    return named.of(name)
  }

  function count({ key, route, app, status, isRefused, credits }: CountedRequest): void {
    const now = clock.now()
    const into = minuteAt(now)
    into.requests += 1
    const tally = tallyOf(into, key)
    countRequest(tally.counts, status, isRefused, credits)
    if (route !== '') countRequest(countsOf(tally.routes, route), status, isRefused, credits)
    if (app !== undefined) {
      tally.apps ??= new NamedCounts()
      const { counts, labels } = tally.apps
      countRequest(countsOf(tally.apps, app.name), status, isRefused, credits)
      if (app.label !== null && labels.get(app.name) !== app.label && counts.has(app.name))
        labels.set(app.name, app.label)
    }
    arm(now)
  }

  return {
    count,
    checkTimes,
    flush,
    async close() {
      isClosed = true
      await flush()
      const lost = [...taken, ...minutes].reduce((sum, { requests }) => sum + requests, 0)
      if (lost > 0) tell(observer, { type: 'usage_dropped', requests: lost })
    },
  }
}

/** Batches of rows, each of one minute. */
function* batchesOf(minutes: readonly Minute[], budget: NameBudget): Generator<readonly UsageRow[]> {
  for (const minute of minutes) {
    let rows: UsageRow[] = []
    for (const row of rowsOfMinute(minute, budget)) {
      rows.push(row)
      if (rows.length < BATCH_ROWS) continue
      yield rows
      rows = []
    }
    if (rows.length > 0) yield rows
  }
}
