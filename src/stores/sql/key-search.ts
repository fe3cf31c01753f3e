import { foldName } from '../../model/folded-name.ts'
import type { KeyQuery } from '../../model/key-store.ts'
import type { PageSyntax } from './page-syntax.ts'
import { allOf, oneOf, type Parts } from './statement-parts.ts'

/** A text that a column begins with. */
interface Beginning {
  readonly column: 'name_folded' | 'start' | 'owner'
  readonly text: string
}

/** What a search asks, written in two ways: as ranges that an index has, and as tests of a row that is at hand. */
export interface KeySearch {
  /** Whether a key's name begins with it, by the index of names: where the list has an owner, by that of the owner's. */
  readonly byName: Parts
  /** What else it may find, by indexes of every owner's. */
  readonly others: readonly Parts[]
  /** Whether a key is found, without an index. */
  readonly isFound: Parts
  /** Whether a key's name does not begin with it, without an index. */
  readonly isNotNamed: Parts
}

/** Writes the search of a list; `undefined` where there is none, or where every key of the list's owner is found. */
export function searchOf({ search, owner }: KeyQuery, syntax: PageSyntax): KeySearch | undefined {
  if (search === undefined || owner?.startsWith(search)) return undefined
  const name: Beginning = { column: 'name_folded', text: foldName(search) }
  const others: readonly Beginning[] = [
    { column: 'start', text: search },
    ...(owner === undefined ? [{ column: 'owner', text: search } as const] : []),
  ]
  const ofOwner: readonly Parts[] = owner === undefined ? [] : [['k.owner = ', { value: owner }]]
  const isId: Parts = ['k.id = ', { value: search }]
  return {
    byName: allOf([...ofOwner, inRange(name)]),
    others: [...others.map(inRange), isId],
    isFound: oneOf([...[name, ...others].map((each) => begins(each, '=', syntax)), isId]),
    isNotNamed: begins(name, '<>', syntax),
  }
}

/** Compared with the cut, not with LIKE: every character stands for itself. */
function begins({ column, text }: Beginning, operator: '=' | '<>', { lengthOf }: PageSyntax): Parts {
  return [`substr(k.${column}, 1, `, { value: lengthOf(text) }, `) ${operator} `, { value: text }]
}

function inRange({ column, text }: Beginning): Parts {
  const end = endOfRange(text)
  const from: Parts = [`k.${column} >= `, { value: text }]
  return end === undefined ? from : allOf([from, [`k.${column} < `, { value: end }]])
}

const LAST_CODE_POINT = 0x10_ffff
const FIRST_SURROGATE = 0xd800
const LAST_SURROGATE = 0xdfff

/** The first text, in the order of code points, that comes after all that begin with this one. */
function endOfRange(text: string): string | undefined {
  const points = Array.from(text, (character) => character.codePointAt(0) ?? 0)
  while (points.at(-1) === LAST_CODE_POINT) points.pop()
  const last = points.pop()
  if (last === undefined) return undefined
  const next = last + 1 === FIRST_SURROGATE ? LAST_SURROGATE + 1 : last + 1
  return String.fromCodePoint(...points, next)
}
