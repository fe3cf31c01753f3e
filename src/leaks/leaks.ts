import { type Observer, tell } from '../events.ts'
import { changeKeys } from '../keys/bulk.ts'
import type { Committer } from '../keys/committer.ts'
import { auditDifference, draftAudit, guard } from '../keys/key-change.ts'
import { type Key, viewKey } from '../keys/key-view.ts'
import { stateTransitions } from '../keys/transitions.ts'
import { type ManageContext, ownerOf } from '../model/actor.ts'
import { StoreUnavailableError } from '../model/errors.ts'
import type { KeyRecord } from '../model/key-record.ts'
import type { KeyStore } from '../model/key-store.ts'
import type { MaybePromise } from '../model/maybe-promise.ts'
import { cleanPlace, type LeakMatch, type LeakPlace } from './leak-place.ts'

/** An API key that somebody found in the open. */
export interface Leak {
  /** The key as it is now: revoked, unless it was deleted before. */
  readonly key: Key
  /** Whether it was this report that revoked it. */
  readonly isNew: boolean
  /** Whether the gate has acknowledged the revocation: no instance accepts the key any more. */
  readonly fenced: boolean
  /** Where it was found: the first 10 places of the report. */
  readonly places: readonly LeakPlace[]
}

/** What became of a report. */
export interface LeakReport {
  /** For each match, in order, whether its token is an API key that was issued here. */
  readonly known: readonly boolean[]
  /** Each key that was found, once. */
  readonly leaks: readonly Leak[]
}

/** Ends keys that are no secret any more. */
export interface Leaks {
  /**
   * Revokes every API key among the tokens that somebody found in the open: each with its audit entry, `key.revoked` with
   * the reason `leaked` and where it was found, durable and fenced when this resolves. Keys that were revoked or deleted
   * before stay as they are. A token that is no key changes nothing, and is kept nowhere.
   *
   * @param context - Of an actor of one owner, other owners' keys are unknown.
   * @throws {StoreUnavailableError} When the store fails. Part of the keys may be revoked: report all of it again.
   */
  report(matches: readonly LeakMatch[], context?: ManageContext): Promise<LeakReport>
}

/** What the room is given by the composition. */
export interface LeaksRooms {
  readonly store: KeyStore
  readonly committer: Committer
  readonly recognises: (text: string) => boolean
  /** Digests under which a key may be stored. */
  readonly digests: (apiKey: string) => MaybePromise<readonly string[]>
  readonly showsKey: (text: string) => boolean
  readonly observer: Observer | undefined
}

/** Keys that are looked up at once. */
const LOOK_UPS = 16
/** Keys that are revoked in one go: as many as a selection may have. */
const REVOCATIONS = 1_000
const MOST_PLACES = 10

/** Creates the room. */
export function createLeaks(rooms: LeaksRooms): Leaks {
  const { store, committer, observer } = rooms

  /** Finds the record of each token that is a key of this deployment. */
  async function findAll(tokens: readonly string[], only: string | undefined): Promise<Map<string, KeyRecord>> {
    const found = new Map<string, KeyRecord>()
    for (let from = 0; from < tokens.length; from += LOOK_UPS) {
      await Promise.all(
        tokens.slice(from, from + LOOK_UPS).map(async (token) => {
          const record = await store.findByDigest(await rooms.digests(token))
          if (record !== undefined && (only === undefined || record.owner === only)) found.set(token, record)
        }),
      )
    }
    return found
  }

  /** Revokes keys, each with the places where it was found. */
  async function revokeAll(
    records: readonly KeyRecord[],
    places: ReadonlyMap<string, readonly LeakPlace[]>,
    context: ManageContext | undefined,
  ): Promise<readonly Leak[]> {
    const leaks: Leak[] = []
    const planned = new Map<string, { readonly record: KeyRecord; readonly isNew: boolean }>()

    function plan(record: KeyRecord, at: Date) {
      // Deleted is as far as a key can go, and stays so.
      const next = record.deletedAt === null ? stateTransitions.revoke.apply(record, at) : undefined
      const value = next === undefined ? record : { ...next, version: record.version + 1 }
      planned.set(record.id, { record: value, isNew: next !== undefined })
      if (next === undefined) return { value, change: undefined }
      const details = { reason: 'leaked', places: places.get(record.id) ?? [], ...auditDifference(record, next) }
      const audit = draftAudit(stateTransitions.revoke.action, record, context, at, details)
      return { value, change: guard(record, [next], [], audit) }
    }

    for (let from = 0; from < records.length; from += REVOCATIONS) {
      const ids = records.slice(from, from + REVOCATIONS).map(({ id }) => id)
      for (const result of await changeKeys(store, committer, { ids }, [], context, plan)) {
        const outcome = planned.get(result.id)
        // A key that was purged meanwhile has ended, too.
        if (!result.ok && result.code === 'not_found') continue
        if (!result.ok || outcome === undefined) throw new StoreUnavailableError('A leaked key could not be revoked.')
        const { record, isNew } = outcome
        const { id: keyId, owner } = record
        tell(observer, { type: 'leaked', keyId, owner, isNew, fenced: result.fenced })
        leaks.push({
          key: viewKey(record, store.clock.now()),
          isNew,
          fenced: result.fenced,
          places: places.get(keyId) ?? [],
        })
      }
    }
    return leaks
  }

  return {
    async report(matches, context) {
      await committer.ready()
      const tokens = new Set(matches.map(({ token }) => token).filter(rooms.recognises))
      const found = await findAll([...tokens], ownerOf(context?.actor))
      const places = new Map<string, LeakPlace[]>()
      for (const match of matches) {
        const record = found.get(match.token)
        if (record === undefined) continue
        const known = places.get(record.id) ?? []
        if (known.length < MOST_PLACES) known.push(cleanPlace(match, rooms.showsKey))
        places.set(record.id, known)
      }
      const leaks = await revokeAll([...found.values()], places, context)
      return { known: matches.map(({ token }) => found.has(token)), leaks }
    },
  }
}
