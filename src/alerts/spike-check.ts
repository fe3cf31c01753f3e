import { LRUCache } from 'lru-cache'
import { isKeyId } from '../keys/key-id.ts'
import type { AlertKind, AlertRecord } from '../model/alert-store.ts'
import type { KeyStore } from '../model/key-store.ts'
import type { UsageRow, UsageStore } from '../model/usage-store.ts'
import type { AlertDraft } from './alert-book.ts'
import type { BusyKeys } from './busy-keys.ts'
import { nextTurn } from './next-turn.ts'
import { type Activity, judgeErrors, judgeRate, type SpikeFloors, type SpikeVerdict, sum } from './spike-rules.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
/** Minutes that are judged at once. */
const STRETCH_MINUTES = 5
/** A minute is counted out when it has been over for so long: counts are written every 5 seconds. */
const LAG_MS = 10_000
const HOURS = 168
/** Hours back to which the busiest 5 minutes are looked for, without the last one. */
const PEAK_HOURS = 47
/** Keys of each kind that are looked at in a check, those with the most requests first. */
const MOST_KEYS = 1_000
/** Pasts that are remembered, each for the hour that it was read in. */
const MOST_PASTS = 10_000
/** Keys whose usage is asked for at once, and about how many rows: a SQLite store reads in the thread of the requests. */
const KEYS_AT_ONCE = 100
const ROWS_AT_ONCE = 2_000

/** What both rules say of a key. */
export interface SpikeFindings {
  readonly rate: SpikeVerdict | undefined
  readonly errors: SpikeVerdict | undefined
}

/** Judges what keys did in the last minutes by their own past. */
export interface SpikeCheck {
  /**
   * Judges keys that were busy, and says what is to be said of those that spike: those that were busy in this process,
   * and where it looks for all processes, those that have the most requests of all.
   */
  findSpikes(now: number, isForAll: boolean): Promise<readonly AlertDraft[]>
  /** What the rules say of keys, by id; those without a past are missing. */
  judge(keyIds: readonly string[], now: number): Promise<ReadonlyMap<string, SpikeFindings>>
}

/** Creates the check. */
export function createSpikeCheck(store: KeyStore, usage: UsageStore, floors: SpikeFloors, busy: BusyKeys): SpikeCheck {
  const pasts = new LRUCache<string, { readonly hour: number; readonly hours: readonly Activity[] }>({
    max: MOST_PASTS,
  })

  /** The hours before the one that `now` is in, by key. */
  async function readPasts(keyIds: readonly string[], now: number): Promise<ReadonlyMap<string, readonly Activity[]>> {
    const hour = Math.floor(now / HOUR_MS)
    const missing = keyIds.filter((keyId) => pasts.get(keyId)?.hour !== hour)
    const to = hour * HOUR_MS
    const read = await readSeries(missing, 'hour', to - HOURS * HOUR_MS, to)
    for (const keyId of missing) pasts.set(keyId, { hour, hours: read.get(keyId) ?? [] })
    return new Map(keyIds.map((keyId) => [keyId, pasts.get(keyId)?.hours ?? []]))
  }

  /** Activities of keys, one for each minute or hour, gaps filled. */
  async function readSeries(
    keyIds: readonly string[],
    interval: 'minute' | 'hour',
    from: number,
    to: number,
  ): Promise<ReadonlyMap<string, readonly Activity[]>> {
    const step = interval === 'minute' ? MINUTE_MS : HOUR_MS
    const length = Math.round((to - from) / step)
    const series = new Map(keyIds.map((keyId) => [keyId, Array.from({ length }, () => NOTHING)]))
    const atOnce = Math.max(1, Math.min(KEYS_AT_ONCE, Math.floor(ROWS_AT_ONCE / length)))
    for (let start = 0; start < keyIds.length; start += atOnce) {
      if (start > 0) await nextTurn()
      const scopes = keyIds.slice(start, start + atOnce).map((keyId) => ({ kind: 'key', keyId }) as const)
      const stretch = { interval, by: 'none', from: new Date(from), to: new Date(to) } as const
      for (const row of await usage.readUsage({ ...stretch, scopes, limit: scopes.length * length })) {
        const list = row.scope.kind === 'key' ? series.get(row.scope.keyId) : undefined
        const index = Math.round((row.at.getTime() - from) / step)
        if (list?.[index] !== undefined) list[index] = activityOf(row)
      }
    }
    return series
  }

  /** The busiest 5 minutes, which the hours do not show. */
  async function readPeak(keyId: string, end: number): Promise<number> {
    const to = end - HOUR_MS
    const minutes = (await readSeries([keyId], 'minute', to - PEAK_HOURS * HOUR_MS, to)).get(keyId) ?? []
    let [peak, running] = [0, 0]
    for (const [index, { requests }] of minutes.entries()) {
      running += requests - (minutes[index - STRETCH_MINUTES]?.requests ?? 0)
      peak = Math.max(peak, running)
    }
    return peak
  }

  /** What keys did in the last minutes. */
  async function readActive(keyIds: readonly string[], end: number): Promise<ReadonlyMap<string, Activity>> {
    const series = await readSeries(keyIds, 'minute', end - STRETCH_MINUTES * MINUTE_MS, end)
    return new Map(Array.from(series, ([keyId, minutes]) => [keyId, sum(minutes)]))
  }

  async function judgeOne(
    keyId: string,
    now: Activity,
    hours: readonly Activity[],
    end: number,
  ): Promise<SpikeFindings> {
    const rate = judgeRate(now, hours, 0, floors)
    // Only a key that is too busy by its hours is measured by its bursts, which takes many more rows.
    const isSuspect = rate !== undefined && !rate.isCalm
    return {
      rate: isSuspect ? judgeRate(now, hours, await readPeak(keyId, end), floors) : rate,
      errors: judgeErrors(now, hours, floors),
    }
  }

  async function judgeAll(active: ReadonlyMap<string, Activity>, end: number) {
    const hours = await readPasts(Array.from(active.keys()), end)
    const found = new Map<string, SpikeFindings>()
    for (const [keyId, now] of active) found.set(keyId, await judgeOne(keyId, now, hours.get(keyId) ?? [], end))
    return found
  }

  async function describe(
    keyId: string,
    kind: AlertKind,
    found: SpikeVerdict,
    end: number,
  ): Promise<AlertDraft | undefined> {
    const record = await store.findById(keyId)
    if (record === undefined) return undefined
    const minutes = (await readSeries([keyId], 'minute', end - HOUR_MS, end)).get(keyId) ?? []
    return draftSpike({ owner: record.owner, keyId }, kind, found, seriesOf(minutes, kind, end))
  }

  return {
    async findSpikes(now, isForAll) {
      const end = lastMinute(now)
      const from = end - STRETCH_MINUTES * MINUTE_MS
      const stretch = { interval: 'minute', by: 'key', from: new Date(from), to: new Date(end) } as const
      const ranked = isForAll ? await usage.rankUsage({ ...stretch, scopes: [{ kind: 'all' }], limit: MOST_KEYS }) : []
      const named = ranked.map(({ name }) => name).filter(isKeyId)
      const keyIds = Array.from(new Set([...named, ...busy.list(now, MOST_KEYS)]))
      const active = await readActive(keyIds, end)
      const isBusy = ({ requests, errors }: Activity) => requests > floors.requests || errors > floors.errors
      const drafts: AlertDraft[] = []
      for (const [keyId, { rate, errors }] of await judgeAll(
        new Map(Array.from(active).filter(([, activity]) => isBusy(activity))),
        end,
      ))
        for (const [kind, found] of [
          ['rate_spike', rate],
          ['error_spike', errors],
        ] as const) {
          const draft = found?.isSpike ? await describe(keyId, kind, found, end) : undefined
          if (draft !== undefined) drafts.push(draft)
        }
      return drafts
    },

    async judge(keyIds, now) {
      const end = lastMinute(now)
      return judgeAll(await readActive(keyIds, end), end)
    },
  }
}

/** What a rule says of the key of an alert: nothing is seen of one that has no past any more. */
export function findingOf({ kind }: AlertRecord, found: SpikeFindings | undefined): SpikeVerdict | undefined {
  return kind === 'rate_spike' ? found?.rate : found?.errors
}

/** What an alert about a spike says. */
function draftSpike(
  { owner, keyId }: { readonly owner: string; readonly keyId: string },
  kind: AlertKind,
  { observed, expected, opensAbove, clearsBelow }: SpikeVerdict,
  series: readonly { readonly at: string; readonly value: number }[],
): AlertDraft {
  const isRate = kind === 'rate_spike'
  const reason = isRate
    ? `${observed} requests in 5 minutes, where the busy hours of its last 7 days let expect ${rounded(expected)}.`
    : `${percent(observed)} of the requests of 5 minutes failed, where its last 7 days let expect ${percent(expected)}.`
  const numbers = { observed: rounded(observed), expected: rounded(expected), opensAbove: rounded(opensAbove) }
  const unit = isRate ? 'requests per 5 minutes' : 'share of errors'
  const details = { ...numbers, clearsBelow: rounded(clearsBelow), unit, series }
  return { owner, keyId, kind, subject: keyId, reason, details }
}

/** The last hour in steps of 5 minutes, oldest first. */
function seriesOf(minutes: readonly Activity[], kind: AlertKind, end: number) {
  return Array.from({ length: minutes.length / STRETCH_MINUTES }, (_, index) => {
    const stretch = sum(minutes.slice(index * STRETCH_MINUTES, (index + 1) * STRETCH_MINUTES))
    const at = new Date(end - (minutes.length - index * STRETCH_MINUTES) * MINUTE_MS).toISOString()
    const share = stretch.requests === 0 ? 0 : stretch.errors / stretch.requests
    return { at, value: kind === 'rate_spike' ? stretch.requests : rounded(share) }
  })
}

const NOTHING: Activity = { requests: 0, errors: 0 }

function activityOf({ requests, clientErrors, serverErrors }: UsageRow): Activity {
  return { requests, errors: clientErrors + serverErrors }
}

/** End of the last minute that is counted out. */
function lastMinute(now: number): number {
  return Math.floor((now - LAG_MS) / MINUTE_MS) * MINUTE_MS
}

function rounded(value: number): number {
  return Math.round(value * 1_000) / 1_000
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
