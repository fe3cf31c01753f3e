import { stateOf } from '../keys/judge.ts'
import type { AlertRecord, AlertStore } from '../model/alert-store.ts'
import type { KeyStore } from '../model/key-store.ts'
import type { AlertBook } from './alert-book.ts'
import { accountOf, balanceOf, judgeBalance } from './credit-rule.ts'
import { judgeAge, judgeExpiry, type KeyTerms } from './key-rules.ts'
import { NETWORK_ALERT_MS } from './network-rule.ts'
import { findingOf, type SpikeCheck, type SpikeFindings } from './spike-check.ts'

/** Alerts that are read at once. */
const PAGE = 50
/** Pages of a check: with more unresolved alerts than 1,000 it takes several checks to see all of them. */
const PAGES = 20
/** Where the sweep has got to is kept under this name. */
const PLACE = 'unresolved'
/** How long what an alert warns of must not be seen before it ends, where it may come and go: 15 minutes, in milliseconds. */
const CALM_MS = 15 * 60_000

/** What is seen of an alert now: what it warns of, nothing of it, nothing of it and for good, or neither. */
type Sight = 'seen' | 'calm' | 'gone' | 'between'

/** What the sweep looks with. */
export interface SweepRooms {
  readonly store: KeyStore
  readonly alerts: AlertStore
  readonly book: AlertBook
  readonly terms: KeyTerms
  /** Credits below which a balance is low; `undefined` where nobody asks. */
  readonly creditsBelow: number | undefined
  readonly spikes: SpikeCheck | undefined
}

/**
 * Looks at unresolved alerts, newest first, from where the last check has stopped: resolves those that no longer hold, and
 * opens those again that were snoozed until now and still do.
 */
export async function sweepUnresolved(rooms: SweepRooms, isStopped: () => boolean): Promise<void> {
  const { alerts } = rooms
  let place = await alerts.findPlace(PLACE)
  const begunAt = place
  for (let page = 0; page < PAGES && !isStopped(); page++) {
    const beforeId = place === '' ? undefined : place
    const found = await alerts.listAlerts({ state: 'unresolved', beforeId, limit: PAGE })
    const activities = await judgeSpikes(rooms, found)
    for (const alert of found) await settle(rooms, alert, await look(rooms, alert, activities))
    place = found.length < PAGE ? '' : (found.at(-1)?.id ?? '')
    if (place === '') break
  }
  if (place !== begunAt) await alerts.keepPlace(PLACE, place)
}

async function judgeSpikes({ spikes, store }: SweepRooms, found: readonly AlertRecord[]) {
  const keyIds = found.flatMap(({ kind, keyId }) => (isSpike(kind) && keyId !== null ? [keyId] : []))
  if (spikes === undefined || keyIds.length === 0) return undefined
  return spikes.judge(Array.from(new Set(keyIds)), store.clock.now())
}

async function look(
  rooms: SweepRooms,
  alert: AlertRecord,
  activities: ReadonlyMap<string, SpikeFindings> | undefined,
): Promise<Sight> {
  const { store, terms, creditsBelow } = rooms
  const now = store.clock.now()
  if (alert.kind === 'credits_low') {
    if (creditsBelow === undefined || store.ledger === undefined) return 'gone'
    const { isLow, isClear } = judgeBalance(balanceOf(await store.ledger.findAccount(accountOf(alert))), creditsBelow)
    return isLow ? 'seen' : isClear ? 'gone' : 'calm'
  }
  const record = alert.keyId === null ? undefined : await store.findById(alert.keyId)
  if (record === undefined) return 'gone'
  switch (alert.kind) {
    case 'expiry_near':
      return judgeExpiry(record, terms, now) === undefined ? 'gone' : 'seen'
    case 'rotation_due':
      return judgeAge(record, terms, now) === undefined ? 'gone' : 'seen'
    case 'new_network': {
      const isOver = now >= alert.openedAt.getTime() + NETWORK_ALERT_MS
      return isOver || stateOf(record, now) !== 'active' ? 'gone' : 'seen'
    }
    case 'rate_spike':
    case 'error_spike':
      return lookAtSpike(alert, rooms.spikes, activities)
  }
}

/** What was agreed on when it was opened holds, unless what is usual has risen above that meanwhile. */
function lookAtSpike(
  alert: AlertRecord,
  spikes: SpikeCheck | undefined,
  activities: ReadonlyMap<string, SpikeFindings> | undefined,
): Sight {
  if (spikes === undefined) return 'gone'
  const found = findingOf(alert, activities?.get(alert.keyId ?? ''))
  if (found === undefined || found.isCalm) return 'calm'
  const { clearsBelow, opensAbove } = alert.details
  if (typeof clearsBelow === 'number' && found.observed <= clearsBelow) return 'calm'
  const isAbove = typeof opensAbove === 'number' && found.observed > opensAbove
  return found.isSpike || isAbove ? 'seen' : 'between'
}

async function settle({ store, book }: SweepRooms, alert: AlertRecord, sight: Sight): Promise<void> {
  const now = store.clock.now()
  const at = new Date(now)
  const calmMs = alert.calmSince === null ? 0 : now - alert.calmSince.getTime()
  if (sight === 'gone' || (sight === 'calm' && calmMs >= CALM_MS)) {
    const ended = { state: 'resolved', resolvedAt: at, snoozedUntil: null } as const
    await book.change(alert, ended, at, 'alert.resolved')
  } else if (sight !== 'calm' && alert.state === 'snoozed' && (alert.snoozedUntil?.getTime() ?? 0) <= now) {
    await book.change(alert, { state: 'open', snoozedUntil: null, calmSince: null }, at, 'alert.opened')
  } else if (sight === 'calm' && alert.calmSince === null) {
    await book.change(alert, { calmSince: at }, at)
  } else if (sight !== 'calm' && alert.calmSince !== null) {
    await book.change(alert, { calmSince: null }, at)
  }
}

function isSpike(kind: AlertRecord['kind']): boolean {
  return kind === 'rate_spike' || kind === 'error_spike'
}
