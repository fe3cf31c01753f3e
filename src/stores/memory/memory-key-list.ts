import { foldName } from '../../model/folded-name.ts'
import type { KeyRecord } from '../../model/key-record.ts'
import type { InstantCondition, KeyOrder, KeyQuery } from '../../model/key-store.ts'

/** Picks a page out of all records, each with its last use. */
export function pageOfKeys(records: readonly KeyRecord[], query: KeyQuery): readonly KeyRecord[] {
  const { owner, beforeId, limit, conditions, search, order } = query
  return records
    .filter((record) => owner === undefined || record.owner === owner)
    .filter((record) => beforeId === undefined || record.id < beforeId)
    .filter((record) => conditions.every((condition) => holds(condition, record[condition.field])))
    .filter((record) => search === undefined || isFound(record, search))
    .map((record) => ({ record, place: placeOf(record, order) }))
    .filter(({ place }) => order?.after === undefined || compare(place, afterOf(order)) > 0)
    .sort((one, other) => compare(one.place, other.place))
    .slice(0, limit)
    .map(({ record }) => record)
}

function isFound({ id, owner, start, name }: KeyRecord, search: string): boolean {
  return (
    foldName(name).startsWith(foldName(search)) ||
    start?.startsWith(search) ||
    owner.startsWith(search) ||
    id === search
  )
}

/** Where a record stands: members are compared one after the other, in code points; a use counts backwards. */
interface Place {
  readonly rank: string | number
  readonly id: string
  readonly isDescending: boolean
}

function placeOf({ id, name, lastUsedAt }: KeyRecord, order: KeyOrder | undefined): Place {
  switch (order?.by) {
    case undefined:
      return { rank: 0, id, isDescending: true }
    case 'oldest':
      return { rank: 0, id, isDescending: false }
    case 'name':
      return { rank: foldName(name), id, isDescending: false }
    case 'lastUsed':
      return { rank: -(lastUsedAt?.getTime() ?? Number.NEGATIVE_INFINITY), id, isDescending: true }
  }
}

function afterOf(order: KeyOrder): Place {
  const id = order.after?.id ?? ''
  switch (order.by) {
    case 'oldest':
      return { rank: 0, id, isDescending: false }
    case 'name':
      return { rank: order.after?.foldedName ?? '', id, isDescending: false }
    case 'lastUsed':
      return { rank: -(order.after?.lastUsedAt?.getTime() ?? Number.NEGATIVE_INFINITY), id, isDescending: true }
  }
}

function compare(one: Place, other: Place): number {
  const byRank = compareValues(one.rank, other.rank)
  if (byRank !== 0) return byRank
  const byId = compareValues(one.id, other.id)
  return one.isDescending ? -byId : byId
}

function compareValues(one: string | number, other: string | number): number {
  if (one === other) return 0
  if (typeof one === 'number' || typeof other === 'number') return one < other ? -1 : 1
  return compareCodePoints(one, other)
}

/** As databases order bytes of UTF-8: JavaScript's own order puts what lies outside the first plane before U+E000. */
function compareCodePoints(one: string, other: string): number {
  const others = other[Symbol.iterator]()
  for (const character of one) {
    const { value } = others.next()
    if (value === undefined) return 1
    const difference = (character.codePointAt(0) ?? 0) - (value.codePointAt(0) ?? 0)
    if (difference !== 0) return difference
  }
  return others.next().done === true ? 0 : -1
}

function holds({ test, at }: InstantCondition, value: Date | null): boolean {
  switch (test) {
    case 'null':
      return value === null
    case 'set':
      return value !== null
    case 'after':
      return value !== null && value > at
    case 'notAfter':
      return value !== null && value <= at
    case 'nullOrAfter':
      return value === null || value > at
    case 'nullOrNotAfter':
      return value === null || value <= at
  }
}
