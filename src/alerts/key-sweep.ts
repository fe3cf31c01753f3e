import type { AlertStore } from '../model/alert-store.ts'
import type { KeyStore } from '../model/key-store.ts'
import type { AlertBook } from './alert-book.ts'
import { judgeAge, judgeExpiry, type KeyTerms } from './key-rules.ts'
import { nextTurn } from './next-turn.ts'

/** Keys that are read at once: few, because a SQLite store reads in the thread of the requests. */
const PAGE = 200
/** Pages of a check: with more keys than 5,000 it takes several checks to see all of them. */
const PAGES = 25
/** Where the sweep has got to is kept under this name. */
const PLACE = 'keys'

/**
 * Looks at keys, newest first, from where the last check has stopped, and opens alerts for those that end soon or are due to
 * be rotated. Over a million keys it goes round in about three hours; every key is seen, and each is opened once.
 */
export async function sweepKeys(
  store: KeyStore,
  alerts: AlertStore,
  book: AlertBook,
  terms: KeyTerms,
  isStopped: () => boolean,
): Promise<void> {
  if (terms.expiryWithinDays === undefined && terms.rotationAgeDays === undefined) return
  let place = await alerts.findPlace(PLACE)
  const begunAt = place
  for (let page = 0; page < PAGES && !isStopped(); page++) {
    const beforeId = place === '' ? undefined : place
    const records = await store.list({ owner: undefined, beforeId, limit: PAGE, conditions: [] })
    const now = store.clock.now()
    const drafts = records.flatMap((record) => [judgeExpiry(record, terms, now), judgeAge(record, terms, now)])
    await book.open(
      drafts.filter((draft) => draft !== undefined),
      new Date(now),
    )
    place = records.length < PAGE ? '' : (records.at(-1)?.id ?? '')
    if (place === '') break
    await nextTurn()
  }
  if (place !== begunAt) await alerts.keepPlace(PLACE, place)
}
