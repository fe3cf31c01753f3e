import type { InstantCondition, KeyOrder, KeyQuery } from '../../model/key-store.ts'
import { comparisonsOf } from './key-conditions.ts'
import { encodeUse, READ_COLUMNS } from './key-row.ts'
import { type KeySearch, searchOf } from './key-search.ts'
import type { PageSyntax } from './page-syntax.ts'
import { type Row, RowReader } from './row-reader.ts'
import { allOf, join, oneOf, type Parts } from './statement-parts.ts'

/**
 * How many keys are read and sorted to make a page. Where more can be on it, the list is walked in its order instead until
 * the page is full: of 1,000,000 keys spread evenly that is then one in 200, and 10,000 are walked for a page of 50.
 */
const MOST_SORTED = 5_000
/** How many keys a walk passes. Where that does not fill a page, keys do not lie evenly, as those that were revoked do by last use. */
const MOST_WALKED = 10_000
/** How many keys are sorted for such a page. Where there are more, the walk goes on to its end. */
const MOST_SORTED_AT_LAST = 50_000

/** How many keys a part of a query can find, counted up to a bound. */
type KeyCounts = Readonly<Record<(typeof COUNTS)[number], number>>
const COUNTS = ['of_owner', 'by_name', 'by_others', 'by_state'] as const

/** A list's page: what to ask for it, statement by statement, each knowing what those before it found. */
export type PageReading = Generator<Parts, readonly Row[], readonly Row[]>

/**
 * Reads a page: yields statements, takes their rows, and ends with the rows of the page. Every plan finds the same page:
 * what was counted only says which is short.
 */
export function readPage(query: KeyQuery, syntax: PageSyntax): PageReading {
  return new KeyPage(query, syntax).read()
}

class KeyPage {
  readonly #query: KeyQuery
  readonly #syntax: PageSyntax
  readonly #order: Order
  readonly #after: Place | undefined
  readonly #search: KeySearch | undefined
  readonly #byState: Parts | undefined

  constructor(query: KeyQuery, syntax: PageSyntax) {
    this.#query = query
    this.#syntax = syntax
    this.#order = ORDERS[query.order?.by ?? 'newest']
    this.#after = placeOf(query)
    this.#search = searchOf(query, syntax)
    this.#byState = narrowState(query)
  }

  *read(): PageReading {
    if (this.#search === undefined && this.#byState === undefined) return yield this.#page([EVERYTHING])
    const sources = this.#choose(yield* this.#count(MOST_SORTED), MOST_SORTED)
    const last = sources.some(({ isWalked }) => isWalked) ? yield* this.#lastWalked() : undefined
    const rows = yield this.#page(sources, last)
    if (last === undefined || rows.length === this.#query.limit) return rows
    return yield this.#page(this.#choose(yield* this.#count(MOST_SORTED_AT_LAST), MOST_SORTED_AT_LAST))
  }

  /** Writes the query for a page's rows. */
  #page(sources: readonly Source[], last?: Place): Parts {
    const { rank, direction } = this.#order
    const walks = sources.flatMap((source) => this.#ranges(source, last).map((range) => this.#walk(source, range)))
    const ids = join(
      walks.map((walk, index): Parts => ['SELECT * FROM (', ...walk, `) w${index}`]),
      ' UNION ALL ',
    )
    return [
      `SELECT ${READ_COLUMNS} FROM (`,
      ...ids,
      ') p CROSS JOIN keyward_keys k LEFT JOIN keyward_lineages l ON l.id = k.lineage',
      ' LEFT JOIN keyward_key_uses u ON u.key_id = k.id WHERE k.id = p.id',
      ` ORDER BY ${rank === undefined ? '' : `p.place ${direction}, `}p.id ${direction} LIMIT `,
      { value: this.#query.limit },
    ]
  }

  #choose(counts: KeyCounts, mostSorted: number): readonly Source[] {
    const search = this.#search
    const conditions = search === undefined ? [] : [search.isFound]
    if (counts.of_owner <= mostSorted) return [{ ...EVERYTHING, conditions }]
    const found = search === undefined ? Number.POSITIVE_INFINITY : counts.by_name + counts.by_others
    const inState = this.#byState === undefined ? Number.POSITIVE_INFINITY : counts.by_state
    if (this.#byState !== undefined && inState <= mostSorted && inState <= found)
      return [{ among: [this.#byState], conditions, isWalked: false }]
    if (search !== undefined) {
      const { byName, others, isNotNamed } = search
      if (found <= mostSorted) return [{ ...EVERYTHING, among: [byName, ...others] }]
      // In the order of names, those that begin with a text lie together.
      if (this.#query.order?.by === 'name' && counts.by_others <= mostSorted)
        return [
          { ...EVERYTHING, conditions: [byName] },
          { ...EVERYTHING, among: others, conditions: [isNotNamed] },
        ]
    }
    return [{ among: undefined, conditions, isWalked: true }]
  }

  /** Writes the query for ids of a source that can be on the page, with their place in it. */
  #walk(source: Source, range: readonly Parts[]): Parts {
    const { rank, id } = this.#columns(source)
    const { uses } = this.#order
    const isFound = source.among !== undefined
    const tables: Parts = isFound
      ? [...this.#found(source), uses ? ` CROSS JOIN ${TABLES.u}` : '']
      : [uses ? `${TABLES.u} CROSS JOIN ${TABLES.k}` : TABLES.k]
    const joined: readonly Parts[] = uses ? [[isFound ? 'u.key_id = c.id' : 'k.id = u.key_id']] : []
    const tests = isFound ? [] : [...this.#ofOwner(uses ? 'u.owner' : 'k.owner'), ...this.#tests(source)]
    return [
      `SELECT ${id} AS id${rank === undefined ? '' : `, ${rank} AS place`} FROM `,
      ...tables,
      ...whereAll([...joined, ...tests, ...range]),
      ` ORDER BY ${this.#orderBy(source)} LIMIT `,
      { value: this.#query.limit },
    ]
  }

  /**
   * Writes the table of ids that were found, with all that is asked of their keys. It is read before what it is joined
   * with, since it is distinct: a planner that began with the order of the list would pass all of it.
   */
  #found({ among = [], ...source }: Source): Parts {
    const { rank, uses } = this.#order
    const place = rank === undefined || uses ? '' : `, ${rank} AS place`
    const tests = [...this.#ofOwner(this.#syntax.unindexed('k.owner')), ...this.#tests(source)]
    // A union is distinct by itself.
    const distinct = among.length === 1 ? ' DISTINCT' : ''
    const queries = among.map(
      (range): Parts => [`SELECT${distinct} k.id AS id${place} FROM ${TABLES.k}`, ...whereAll([range, ...tests])],
    )
    return ['(', ...join(queries, ' UNION '), ') c']
  }

  #ofOwner(column: string): readonly Parts[] {
    const { owner } = this.#query
    return owner === undefined ? [] : [[`${column} = `, { value: owner }]]
  }

  /** What is asked of each key. */
  #tests({ conditions }: Pick<Source, 'conditions'>): readonly Parts[] {
    const { order, beforeId } = this.#query
    const { unindexed } = this.#syntax
    const before: readonly Parts[] =
      order === undefined || beforeId === undefined ? [] : [[`${unindexed('k.id')} < `, { value: beforeId }]]
    const standing = comparisonsOf(this.#query.conditions).map(({ column, operator, value, orNull }): Parts => {
      const name = unindexed(`k.${column}`)
      if (value === null) return [`${name} ${operator} NULL`]
      const comparison: Parts = [`${name} ${operator} `, { value }]
      return orNull ? [`(${name} IS NULL OR `, ...comparison, ')'] : comparison
    })
    return [...standing, ...conditions, ...before]
  }

  #orderBy(source: Source): string {
    const { rank, id } = this.#columns(source)
    const { direction } = this.#order
    return `${rank === undefined ? '' : `${rank} ${direction}, `}${id} ${direction}`
  }

  /** Where a source has what it is ordered by. */
  #columns({ among }: Source): Pick<Order, 'rank' | 'id'> {
    const { rank, id, uses } = this.#order
    return among === undefined || uses ? { rank, id } : { rank: rank && 'c.place', id: 'c.id' }
  }

  /**
   * Where a walk goes, from the place that the page begins after to the last that may be on it: at ties with the one,
   * between the two, and at ties with the other. Each is a range of one index; of ids that were found it is one
   * condition, so that they are read once, and no range of an index is read for each of them.
   */
  #ranges(source: Source, last: Place | undefined): readonly (readonly Parts[])[] {
    const { rank, id } = this.#columns(source)
    const after = this.#after
    const isFound = source.among !== undefined
    const [follows, precedes] = this.#order.direction === 'ASC' ? ['>', '<'] : ['<', '>']
    const test = (column: string, operator: string, value: string | number): Parts => [
      `${isFound ? this.#syntax.unindexed(column) : column} ${operator} `,
      { value },
    ]
    const fromId = after === undefined ? [] : [test(id, follows, after.id)]
    const toId = last === undefined ? [] : [test(id, `${precedes}=`, last.id)]
    if (rank === undefined) return [[...fromId, ...toId]]
    const fromRank = after === undefined ? [] : [test(rank, follows, after.rank)]
    const toRank = last === undefined ? [] : [test(rank, precedes, last.rank)]
    const tiesBefore = after === undefined ? [] : [[test(rank, '=', after.rank), ...fromId]]
    const tiesAtLast = last === undefined ? [] : [[test(rank, '=', last.rank), ...toId]]
    if (isFound) return after === undefined ? [[]] : [[oneOf([fromRank, ...tiesBefore].map(allOf))]]
    if (last !== undefined && after?.rank === last.rank) return [[test(rank, '=', last.rank), ...fromId, ...toId]]
    return [...tiesBefore, [...fromRank, ...toRank], ...tiesAtLast]
  }

  /** The place of the last key that a walk passes; `undefined` where the list ends before. */
  *#lastWalked(): Generator<Parts, Place | undefined, readonly Row[]> {
    const { rank, id, uses } = this.#order
    const table = uses ? 'u' : 'k'
    for (const range of this.#ranges(EVERYTHING, undefined)) {
      const [row] = yield [
        `SELECT ${id} AS id${rank === undefined ? '' : `, ${rank} AS place`} FROM ${TABLES[table]}`,
        ...whereAll([...this.#ofOwner(`${table}.owner`), ...range]),
        ` ORDER BY ${this.#orderBy(EVERYTHING)} LIMIT 1 OFFSET ${MOST_WALKED}`,
      ]
      if (row === undefined) continue
      const reader = new RowReader(row, 'place in a list')
      if (rank === undefined) return { id: reader.text('id'), rank: 0 }
      return { id: reader.text('id'), rank: uses ? reader.integer('place') : reader.text('place') }
    }
    return undefined
  }

  /** Counts up to a bound, and one. */
  *#count(most: number): Generator<Parts, KeyCounts, readonly Row[]> {
    const { owner } = this.#query
    const count = (name: keyof KeyCounts, ranges: readonly Parts[]): Parts => {
      if (ranges.length === 0) return [`0 AS ${name}`]
      const queries = ranges.map(
        (range): Parts => [
          ...[`SELECT * FROM (SELECT k.id AS id FROM ${TABLES.k} WHERE `, ...range],
          ...[' LIMIT ', { value: most + 1 }, ') q'],
        ],
      )
      return ['(SELECT COUNT(*) FROM (', ...join(queries, ' UNION ALL '), `) ids) AS ${name}`]
    }
    const counts = [
      owner === undefined ? [`${most + 1} AS of_owner`] : count('of_owner', [['k.owner = ', { value: owner }]]),
      count('by_name', this.#search === undefined ? [] : [this.#search.byName]),
      count('by_others', this.#search?.others ?? []),
      count('by_state', this.#byState === undefined ? [] : [this.#byState]),
    ]
    const [row = {}] = yield ['SELECT ', ...join(counts, ', ')]
    const reader = new RowReader(row, 'counts of keys')
    return Object.fromEntries(COUNTS.map((name) => [name, reader.integer(name)])) as KeyCounts
  }
}

/** What a page is made of. */
interface Source {
  /** Ranges of indexes, in which all that can be on the page is; `undefined` goes through the list in its order. */
  readonly among: readonly Parts[] | undefined
  readonly conditions: readonly Parts[]
  /** Whether it goes through the whole list, of which only some are wanted. */
  readonly isWalked: boolean
}

const EVERYTHING: Source = { among: undefined, conditions: [], isWalked: false }

interface Order {
  /** What keys are ranked by before their ids; `undefined` where ids are all. */
  readonly rank: string | undefined
  readonly id: string
  readonly direction: 'ASC' | 'DESC'
  /** Whether the order is that of the rows of uses. */
  readonly uses: boolean
}

const ORDERS: Readonly<Record<'newest' | KeyOrder['by'], Order>> = {
  newest: { rank: undefined, id: 'k.id', direction: 'DESC', uses: false },
  oldest: { rank: undefined, id: 'k.id', direction: 'ASC', uses: false },
  name: { rank: 'k.name_folded', id: 'k.id', direction: 'ASC', uses: false },
  lastUsed: { rank: 'u.last_used_at', id: 'u.key_id', direction: 'DESC', uses: true },
}

function whereAll(conditions: readonly Parts[]): Parts {
  return conditions.length === 0 ? [] : [' WHERE ', ...allOf(conditions)]
}

const TABLES = { k: 'keyward_keys k', u: 'keyward_key_uses u' } as const

/** A place in an order. */
interface Place {
  readonly id: string
  readonly rank: string | number
}

/** The place that the page begins after. */
function placeOf({ order, beforeId }: KeyQuery): Place | undefined {
  if (order === undefined) return beforeId === undefined ? undefined : { id: beforeId, rank: 0 }
  if (order.after === undefined) return undefined
  switch (order.by) {
    case 'oldest':
      return { id: order.after.id, rank: 0 }
    case 'name':
      return { id: order.after.id, rank: order.after.foldedName }
    case 'lastUsed':
      return { id: order.after.id, rank: encodeUse(order.after.lastUsedAt) }
  }
}

/** Conditions that few keys meet, where an index holds just those. */
const NARROW: Partial<Record<InstantCondition['test'], readonly InstantCondition['field'][]>> = {
  set: ['deletedAt', 'revokedAt', 'disabledAt'],
  after: ['startsAt'],
  notAfter: ['expiresAt'],
}

/** The range of an index that has the keys which meet the first such condition of a list. */
function narrowState({ conditions, owner }: KeyQuery): Parts | undefined {
  const narrow = conditions.find(({ field, test }) => NARROW[test]?.includes(field))
  if (narrow === undefined) return undefined
  const [comparison] = comparisonsOf([narrow])
  if (comparison === undefined) return undefined
  const { column, operator, value } = comparison
  const holds: Parts = value === null ? [`k.${column} ${operator} NULL`] : [`k.${column} ${operator} `, { value }]
  const ofOwner: readonly Parts[] =
    owner === undefined || narrow.field === 'startsAt' ? [] : [['k.owner = ', { value: owner }]]
  return allOf([...ofOwner, holds])
}
