import { addCounts, INTERVAL_MS, type MutableCounts, noCounts } from '../model/usage-counts.ts'
import { OTHER } from './other.ts'

/** New names that a scope gets rows for: so many a minute and so many a day, the ones with most requests first. */
const NEW_A_MINUTE = 20
const NEW_A_DAY = 300
/** Names beyond these that are at least a hundredth of a scope's requests at the time, and so many of them: so many a day. */
const BUSY_PART = 0.01
const BUSY_REQUESTS = 5
const BUSY_A_DAY = 300
/** Scopes whose names are remembered; of more, the one that was idle for longest is forgotten. */
const MAX_SCOPES = 10_000

/** A scope's names of a day. */
interface Known {
  readonly day: number
  readonly names: Set<string>
  minute: number
  newInMinute: number
  newInDay: number
  busyInDay: number
}

/** What a scope's requests are counted under. */
export interface Choice {
  readonly chosen: ReadonlyMap<string, MutableCounts>
  /** What has no name of its own; `undefined` where everything has. */
  readonly other: MutableCounts | undefined
}

/**
 * Chooses which names a scope gets rows for, so that nobody who invents names fills the store: a name that had its row
 * today keeps it, new ones get one while there is room, and one that is a fair part of the scope's requests has room of
 * its own. All others are counted together.
 */
export class NameBudget {
  readonly #scopes = new Map<string, Known>()

  /** @param scope - Names the scope and what its requests are told apart by. */
  choose(scope: string, minuteAt: number, names: ReadonlyMap<string, MutableCounts>, rest?: MutableCounts): Choice {
    const known = this.#known(scope, minuteAt)
    const others = noCounts()
    if (rest !== undefined) addCounts(others, rest)
    const chosen = new Map<string, MutableCounts>()
    const fresh: [string, MutableCounts][] = []
    for (const entry of names) {
      if (entry[0] === OTHER) addCounts(others, entry[1])
      else if (known.names.has(entry[0])) chosen.set(...entry)
      else fresh.push(entry)
    }
    if (fresh.length > 0) {
      let requests = rest?.requests ?? 0
      for (const counts of names.values()) requests += counts.requests
      const busy = Math.max(BUSY_REQUESTS, requests * BUSY_PART)
      fresh.sort(([, one], [, other]) => other.requests - one.requests)
      for (const [name, counts] of fresh) {
        if (takeRoom(known, counts.requests >= busy)) {
          known.names.add(name)
          chosen.set(name, counts)
        } else addCounts(others, counts)
      }
    }
    return { chosen, other: others.requests > 0 ? others : undefined }
  }

  #known(scope: string, minuteAt: number): Known {
    const day = Math.floor(minuteAt / INTERVAL_MS.day)
    let known = this.#scopes.get(scope)
    if (known === undefined || known.day !== day)
      known = { day, names: new Set(), minute: minuteAt, newInMinute: 0, newInDay: 0, busyInDay: 0 }
    this.#scopes.delete(scope)
    this.#scopes.set(scope, known)
    if (this.#scopes.size > MAX_SCOPES) {
      for (const oldest of this.#scopes.keys()) {
        this.#scopes.delete(oldest)
        break
      }
    }
    if (known.minute !== minuteAt) Object.assign(known, { minute: minuteAt, newInMinute: 0 })
    return known
  }
}

function takeRoom(known: Known, isBusy: boolean): boolean {
  if (known.newInMinute < NEW_A_MINUTE && known.newInDay < NEW_A_DAY) {
    known.newInMinute += 1
    known.newInDay += 1
    return true
  }
  if (!isBusy || known.busyInDay >= BUSY_A_DAY) return false
  known.busyInDay += 1
  return true
}
