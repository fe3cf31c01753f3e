import type * as z from 'zod'
import type { Observer } from '../events.ts'
import { checkInput } from '../keys/key-input.ts'
import { type Actor, checkReach, type ManageContext, ownerOf } from '../model/actor.ts'
import type { Clock } from '../model/clock.ts'
import { ConfigError, NotFoundError } from '../model/errors.ts'
import type { KeyStore } from '../model/key-store.ts'
import { addCounts, countsOf, INTERVAL_MS, type MutableCounts, noCounts } from '../model/usage-counts.ts'
import type { UsageCounts, UsageInterval, UsageScope, UsageStore, UsageSum } from '../model/usage-store.ts'
import { OTHER } from './other.ts'
import { overheadOf, type UsageOverhead } from './overhead.ts'
import { createUsageCounter, type UsageCounter } from './usage-counter.ts'
import { usageRankingsInput, usageReadInput } from './usage-input.ts'
import { createUsageRetention } from './usage-retention.ts'
import { type Stretch, stretchOf } from './usage-stretch.ts'

/**
 * What to read: of an owner, or of 1 to 100 keys; from `from`, by default 24 hours before `to`, up to `to`, by default now;
 * by minute (where they are at most 2 hours), by hour (at most 4 days) or by day; told apart by key, route or app, at most
 * `limit` of them: 1 to 100, by default 20.
 */
export type UsageReadInput = z.input<typeof usageReadInput>
/** Which apps to rank: of an owner, and when. 1 to 100 of them, by default 50. */
export type UsageRankingsInput = z.input<typeof usageRankingsInput>

/** What was counted in one interval. */
export interface UsagePoint extends UsageCounts {
  /** When it begins. */
  readonly at: Date
}

/** What was counted under one name. */
export interface UsageGroup extends UsageCounts {
  /** Id of the key, the route, or the app; empty where there is none, and `other` for what is not kept apart. */
  readonly name: string
  /** Name of the key, title of the app; `null` where there is none. */
  readonly label: string | null
  readonly series: readonly UsagePoint[]
}

/** What was counted. */
export interface UsageReport {
  /** When the first interval begins: what was asked for is made whole. */
  readonly from: Date
  /** When the last interval ends. */
  readonly to: Date
  readonly interval: UsageInterval
  readonly totals: UsageCounts
  /** One point for each interval, oldest first. */
  readonly series: readonly UsagePoint[]
  /** Those with the most requests first; empty without `by`. */
  readonly groups: readonly UsageGroup[]
  /** Time that requests spent in this library; only for who acts for every owner, and of all requests. */
  readonly overhead: UsageOverhead | null
}

/** An app, and its place among those of its time. */
export interface Ranking {
  /** From 1. */
  readonly rank: number
  /** Origin and path of its referer; without one, its title. */
  readonly app: string
  readonly referer: string | null
  readonly title: string | null
  /** How many requests came from it. */
  readonly requests: number
  /** Credits that they have spent. */
  readonly credits: number
  /** How many keys it was used with. */
  readonly keys: number
  /** How many requests came from it in the stretch of the same length before. */
  readonly previousRequests: number
  /** How many times as many as before, less 1; `null` where there were none. */
  readonly change: number | null
}

/** Apps with the most requests first. */
export interface Rankings {
  readonly from: Date
  readonly to: Date
  readonly items: readonly Ranking[]
}

/**
 * Reads what requests were counted. Each is in the store within 5 seconds; what a process has not written yet is lost when
 * it is killed.
 *
 * All calls throw `InvalidInputError` for input that breaks a rule, `NotFoundError` for another owner's than the actor's,
 * `ConfigError` where nothing is counted, and `StoreUnavailableError` when the store fails.
 */
export interface Usage {
  /** Whether requests are counted: the store keeps counts, and `usage` is not `false`. */
  readonly isAvailable: boolean
  /** Reads totals, a series, and what they are made of; for an actor of one owner, that owner's. */
  read(input?: UsageReadInput, context?: ManageContext): Promise<UsageReport>
  /** Ranks apps by their requests; for an actor of one owner, those that its keys were used with. */
  rankings(input?: UsageRankingsInput, context?: ManageContext): Promise<Rankings>
  /** Writes what this process has counted and not written yet. Never rejects: what could not be written waits for the next time. */
  flush(): Promise<void>
}

/** What the room is given by the composition. */
export interface UsageRooms {
  readonly store: KeyStore
  readonly clock: Clock
  readonly isEnabled: boolean
  readonly observer: Observer | undefined
  readonly ready: () => Promise<void>
}

/** The room, and what goes on behind it. */
export interface UsageRoom {
  readonly usage: Usage
  /** `undefined` where nothing is counted. */
  readonly counter: UsageCounter | undefined
  /** Begins to purge. */
  start(): void
  /** Writes what waits, and ends the purge. Never rejects. */
  close(): Promise<void>
}

/** Rows that are read at once: those of 100 keys or names, 1,500 of each. */
const MAX_ROWS = 150_000

/** Creates the room. */
export function createUsage({ store: keys, clock, isEnabled, observer, ready }: UsageRooms): UsageRoom {
  const store = isEnabled ? keys.usage : undefined
  const counter = store && createUsageCounter({ store, clock, observer })
  const retention = store && createUsageRetention(store, clock)

  async function opened(): Promise<UsageStore> {
    await ready()
    if (store === undefined)
      throw new ConfigError('usage: takes a store that counts requests, and usage not to be false')
    return store
  }

  const usage: Usage = {
    isAvailable: store !== undefined,
    async read(input = {}, context) {
      const { owner: asked, keyIds, by, limit, ...rest } = checkInput(usageReadInput, input)
      const owner = reachOf(asked, context?.actor)
      const stretch = stretchOf(rest, clock.now())
      const from = await opened()
      // What a purged key has used is still counted, for who acts for every owner.
      if (keyIds !== undefined && owner !== undefined) await checkKeys(keys, keyIds, owner)
      const scopes = scopesOf(owner, keyIds)
      const rows = await from.sumUsage({ ...stretch, by: 'none', scopes, limit: MAX_ROWS })
      const series = seriesOf(rows, stretch)
      return {
        from: stretch.from,
        to: stretch.to,
        interval: stretch.interval,
        totals: totalOf(series),
        series,
        groups: by === undefined ? [] : await groupsOf(from, stretch, scopes, by, limit),
        overhead: owner === undefined && keyIds === undefined ? await overheadOf(from, stretch) : null,
      }
    },

    async rankings(input = {}, context) {
      const { owner: asked, limit, ...rest } = checkInput(usageRankingsInput, input)
      const owner = reachOf(asked, context?.actor)
      const stretch = stretchOf(rest, clock.now())
      const from = await opened()
      const scopes = scopesOf(owner, undefined)
      // What has no app, and what is not kept apart, are no apps.
      const ranked = await from.rankUsage({ ...stretch, by: 'app', scopes, limit: limit + 2 })
      const apps = ranked.filter(({ name }) => name !== '' && name !== OTHER).slice(0, limit)
      const names = apps.map(({ name }) => name)
      const labels = await from.findLabels({ ...stretch, by: 'app', scopes, names })
      const { keyCounts, before } = await aroundApps(from, stretch, owner, names)
      return {
        from: stretch.from,
        to: stretch.to,
        items: apps.map(({ name, requests, credits }, index) => {
          const previousRequests = before.get(name) ?? 0
          const isReferer = /^https?:\/\//.test(name)
          return {
            ...{ rank: index + 1, app: name, referer: isReferer ? name : null, title: labels.get(name) ?? null },
            ...{ requests, credits, keys: keyCounts.get(name) ?? 0, previousRequests },
            change: previousRequests === 0 ? null : requests / previousRequests - 1,
          }
        }),
      }
    },

    flush: async () => counter?.flush(),
  }

  return {
    usage,
    counter,
    start: () => retention?.start(),
    async close() {
      await retention?.close()
      await counter?.close()
    },
  }
}

function reachOf(asked: string | undefined, actor: Actor | undefined): string | undefined {
  const owner = asked ?? ownerOf(actor)
  if (owner !== undefined) checkReach(actor, owner)
  return owner
}

/** @throws {NotFoundError} When a key is not there, or another owner's. */
async function checkKeys(store: KeyStore, keyIds: readonly string[], owner: string): Promise<void> {
  const records = await Promise.all(Array.from(new Set(keyIds), (keyId) => store.findById(keyId)))
  if (records.some((record) => record?.owner !== owner)) throw new NotFoundError('There is no such key or owner.')
}

function scopesOf(owner: string | undefined, keyIds: readonly string[] | undefined): [UsageScope, ...UsageScope[]] {
  const [first, ...more] = [...new Set(keyIds)].map((keyId): UsageScope => ({ kind: 'key', keyId }))
  if (first !== undefined) return [first, ...more]
  return [owner === undefined ? { kind: 'all' } : { kind: 'owner', owner }]
}

function seriesOf(rows: readonly UsageSum[], { instants }: Stretch): readonly UsagePoint[] {
  const points = new Map(instants.map((at) => [at, noCounts()]))
  for (const row of rows) {
    const point = points.get(row.at.getTime())
    if (point !== undefined) addCounts(point, row)
  }
  return Array.from(points, ([at, counts]) => ({ at: new Date(at), ...counts }))
}

function totalOf(parts: readonly UsageCounts[]): MutableCounts {
  const total = noCounts()
  for (const part of parts) addCounts(total, part)
  return total
}

/** The names first, then the series of those that are shown. */
async function groupsOf(
  store: UsageStore,
  stretch: Stretch,
  scopes: readonly [UsageScope, ...UsageScope[]],
  by: 'key' | 'route' | 'app',
  limit: number,
): Promise<readonly UsageGroup[]> {
  const [first] = scopes
  if (first.kind === 'key' && by === 'key') return keyGroups(store, stretch, scopes, limit)
  const ranked = await store.rankUsage({ ...stretch, by, scopes, limit })
  const names = ranked.map(({ name }) => name)
  const labels = await store.findLabels({ ...stretch, by, scopes, names })
  const rows = await store.sumUsage({ ...stretch, by, scopes, names, limit: MAX_ROWS })
  return names.map((name) => {
    const label = labels.get(name) ?? null
    const series = seriesOf(
      rows.filter((row) => row.name === name),
      stretch,
    )
    return { name, label, ...totalOf(series), series }
  })
}

/** Keys that were asked for one by one have their own counts. */
async function keyGroups(
  store: UsageStore,
  stretch: Stretch,
  scopes: readonly UsageScope[],
  limit: number,
): Promise<readonly UsageGroup[]> {
  const rows = await store.readUsage({ ...stretch, by: 'none', scopes, limit: MAX_ROWS })
  const groups = scopes.map((scope): UsageGroup => {
    const name = scope.kind === 'key' ? scope.keyId : ''
    const own = rows.filter((row) => row.scope.kind === 'key' && row.scope.keyId === name)
    const series = seriesOf(own, stretch)
    return { name, label: own.at(-1)?.label ?? null, ...countsOf(totalOf(series)), series }
  })
  return groups.sort((one, other) => other.requests - one.requests || (one.name < other.name ? -1 : 1)).slice(0, limit)
}

/** What rankings show of apps besides their counts. */
async function aroundApps(store: UsageStore, stretch: Stretch, owner: string | undefined, apps: readonly string[]) {
  const before = new Map<string, number>()
  if (apps.length === 0) return { keyCounts: new Map<string, number>(), before }
  const { interval, from, to, instants } = stretch
  const keyCounts = await store.countAppKeys({ owner, apps, interval, from, to })
  const earlier = new Date(from.getTime() - instants.length * INTERVAL_MS[interval])
  const query = { interval, by: 'app', from: earlier, to: from, names: apps, limit: apps.length } as const
  for (const { name, requests } of await store.rankUsage({ ...query, scopes: scopesOf(owner, undefined) }))
    before.set(name, requests)
  return { keyCounts, before }
}
