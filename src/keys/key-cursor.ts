import * as z from 'zod'
import { InvalidInputError } from '../model/errors.ts'
import { foldName } from '../model/folded-name.ts'
import type { KeyRecord } from '../model/key-record.ts'
import type { KeyQuery } from '../model/key-store.ts'
import { isKeyId } from './key-id.ts'
import type { keySort } from './key-input.ts'

type KeySort = z.output<typeof keySort>

const id = z.custom<string>(isKeyId)
/** What a cursor holds, by sort: the place of the last key of its page. It names no owner: the list that is asked does. */
const CURSORS = {
  newest: z.tuple([z.literal('newest'), id]),
  oldest: z.tuple([z.literal('oldest'), id]),
  name: z.tuple([z.literal('name'), id, z.string().max(512).refine(isStorable)]),
  lastUsed: z.tuple([z.literal('lastUsed'), id, z.int().min(-8.64e15).max(8.64e15).nullable()]),
} as const

/** Writes the place after which the next page of a sort begins. */
export function writeCursor(sort: KeySort, last: Pick<KeyRecord, 'id' | 'name' | 'lastUsedAt'>): string {
  switch (sort) {
    case 'newest':
    case 'oldest':
      return encode([sort, last.id])
    case 'name':
      return encode([sort, last.id, foldName(last.name)])
    case 'lastUsed':
      return encode([sort, last.id, last.lastUsedAt?.getTime() ?? null])
  }
}

/**
 * Says where a page begins, and in which order it goes on.
 *
 * @throws {InvalidInputError} For what {@link writeCursor} has not written for this sort.
 */
export function placeOf(sort: KeySort, cursor: string | undefined): Pick<KeyQuery, 'beforeId' | 'order'> {
  switch (sort) {
    case 'newest':
      return { beforeId: read(CURSORS.newest, cursor)?.[1] }
    case 'oldest': {
      const place = read(CURSORS.oldest, cursor)
      return { beforeId: undefined, order: { by: sort, after: place && { id: place[1] } } }
    }
    case 'name': {
      const place = read(CURSORS.name, cursor)
      return { beforeId: undefined, order: { by: sort, after: place && { id: place[1], foldedName: place[2] } } }
    }
    case 'lastUsed': {
      const place = read(CURSORS.lastUsed, cursor)
      const after = place && { id: place[1], lastUsedAt: place[2] === null ? null : new Date(place[2]) }
      return { beforeId: undefined, order: { by: sort, after } }
    }
  }
}

function encode(place: readonly (string | number | null)[]): string {
  return btoa(Array.from(new TextEncoder().encode(JSON.stringify(place)), (byte) => String.fromCharCode(byte)).join(''))
}

function read<T extends z.ZodType>(rule: T, cursor: string | undefined): z.output<T> | undefined {
  if (cursor === undefined) return undefined
  try {
    const bytes = Uint8Array.from(atob(cursor), (character) => character.charCodeAt(0))
    const place: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    return rule.parse(place)
  } catch {
    throw new InvalidInputError([{ path: ['cursor'], message: 'is not a cursor of this list' }])
  }
}

/** Whether every store can compare with it. */
function isStorable(text: string): boolean {
  return !/[\0\ud800-\udfff]/u.test(text)
}
