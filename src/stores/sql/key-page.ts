import type { InstantCondition, KeyOrder, KeyQuery } from '../../model/key-store.ts'
import { comparisonsOf } from './key-conditions.ts'
import { encodeUse } from './key-row.ts'
import { type KeySearch, searchOf } from './key-search.ts'
import type { PageSyntax } from './page-syntax.ts'
import { allOf, join, oneOf, type Parts } from './statement-parts.ts'

/**
 * How many keys are read and sorted to make a page. Where more can be on it, the list is walked in its order instead until
 * the page is full: of 1,000,000 keys spread evenly that is then one in 200, and 20,000 are walked for a page of 100.
 */
const MOST_SORTED = 5_000

/** How many keys, at most {@link MOST_SORTED} and one, a part of a query can find. */
export interface KeyCounts {
  readonly of_owner: number
  readonly by_name: number
  readonly by_others: number
  readonly by_state: number
}

/** Writes the pages of a list. Every plan finds the same page: what was counted only says which is short. */
export class KeyPage {
  /** Counts what {@link KeyCounts} holds; `undefined` where there is nothing to choose from. */
  readonly count: Parts | undefined
  readonly #query: KeyQuery
  readonly #syntax: PageSyntax
  readonly #search: KeySearch | undefined
  readonly #byState: Parts | undefined

  constructor(query: KeyQuery, syntax: PageSyntax) {
    this.#query = query
    this.#syntax = syntax
    this.#search = searchOf(query, syntax)
    this.#byState = narrowState(query)
    this.count = this.#search === undefined && this.#byState === undefined ? undefined : this.#writeCount()
  }

  /**
   * Writes the query for the ids of the page, in no order, with their place in it.
   *
   * @param counts - What {@link count} found.
   */
  ids(counts: KeyCounts | undefined): Parts {
    const walks = this.#choose(counts).flatMap((source) => {
      // Ids that were found are looked up one by one: a range that the page begins with would be read for each of them.
      const nameOf = (column: string) => (source.among === undefined ? column : this.#syntax.unindexed(column))
      return this.#places(source, nameOf).map((place) => this.#walk(source, place, nameOf))
    })
    return join(
      walks.map((walk, index): Parts => ['SELECT * FROM (', ...walk, `) w${index}`]),
      ' UNION ALL ',
    )
  }

  /** Order of the page, of rows `p` of {@link ids}. */
  get orderBy(): string {
    const { rank, direction } = this.#order
    return `${rank === undefined ? '' : `p.place ${direction}, `}p.id ${direction}`
  }

  get #order(): Order {
    return ORDERS[this.#query.order?.by ?? 'newest']
  }

  #choose(counts: KeyCounts | undefined): readonly Source[] {
    const search = this.#search
    const isFound = search === undefined ? [] : [search.isFound]
    const everything: Source = { among: undefined, conditions: isFound }
    if (counts === undefined || counts.of_owner <= MOST_SORTED) return [everything]
    const found = search === undefined ? Number.POSITIVE_INFINITY : counts.by_name + counts.by_others
    const inState = this.#byState === undefined ? Number.POSITIVE_INFINITY : counts.by_state
    if (this.#byState !== undefined && inState <= MOST_SORTED && inState <= found)
      return [{ among: this.#byState, conditions: isFound }]
    if (search === undefined) return [everything]
    const others = join(search.others, ' UNION ')
    if (found <= MOST_SORTED) return [{ among: [...search.byName, ' UNION ', ...others], conditions: isFound }]
    // In the order of names, those that begin with a text lie together.
    if (this.#query.order?.by === 'name' && counts.by_others <= MOST_SORTED)
      return [
        { among: undefined, conditions: [search.isNamed] },
        { among: others, conditions: [...isFound, search.isNotNamed] },
      ]
    return [everything]
  }

  #walk({ among, conditions }: Source, place: readonly Parts[], nameOf: NameOf): Parts {
    const { owner, limit } = this.#query
    const { rank, id, uses, direction } = this.#order
    const tables = [
      ...(among === undefined ? [] : ['c']),
      ...(uses ? (among === undefined ? ['u', 'k'] : ['k', 'u']) : ['k']),
    ]
    const from = join(
      tables.map((table): Parts => (table === 'c' ? ['(', ...(among ?? []), ') c'] : [TABLES[table as 'k' | 'u']])),
      ' CROSS JOIN ',
    )
    const all = [
      ...(among === undefined ? [] : [['k.id = c.id']]),
      ...(uses ? [['u.key_id = k.id']] : []),
      ...(owner === undefined
        ? []
        : [[`${nameOf(`${uses && among === undefined ? 'u' : 'k'}.owner`)} = `, { value: owner }]]),
      ...this.#standing(nameOf),
      ...conditions,
      ...place,
    ]
    return [
      `SELECT ${id} AS id${rank === undefined ? '' : `, ${rank} AS place`} FROM `,
      ...from,
      ...(all.length === 0 ? [] : [' WHERE ', ...allOf(all)]),
      ` ORDER BY ${rank === undefined ? '' : `${rank} ${direction}, `}${id} ${direction} LIMIT `,
      { value: limit },
    ]
  }

  /** The query's conditions on instants. */
  #standing(nameOf: NameOf): readonly Parts[] {
    const { conditions, beforeId } = this.#query
    const compared = comparisonsOf(conditions).map(({ column, operator, value, orNull }): Parts => {
      const name = this.#syntax.unindexed(`k.${column}`)
      if (value === null) return [`${name} ${operator} NULL`]
      const comparison: Parts = [`${name} ${operator} `, { value }]
      return orNull ? [`(${name} IS NULL OR `, ...comparison, ')'] : comparison
    })
    return beforeId === undefined ? compared : [...compared, [`${nameOf('k.id')} < `, { value: beforeId }]]
  }

  /**
   * Where the page begins: at ties with the last key of the page before, and after them. Two ranges, each of one index; of
   * ids that were found, one condition, so that they are read once.
   */
  #places({ among }: Source, nameOf: NameOf): readonly (readonly Parts[])[] {
    const { rank, id, direction } = this.#order
    const after = placeOf(this.#query.order)
    if (after === undefined) return [[]]
    const follows = direction === 'ASC' ? '>' : '<'
    const afterId: Parts = [`${nameOf(id)} ${follows} `, { value: after.id }]
    if (rank === undefined) return [[afterId]]
    const isTie: Parts = [`${nameOf(rank)} = `, { value: after.rank }]
    const isAfter: Parts = [`${nameOf(rank)} ${follows} `, { value: after.rank }]
    return among === undefined ? [[isTie, afterId], [isAfter]] : [[oneOf([isAfter, allOf([isTie, afterId])])]]
  }

  #writeCount(): Parts {
    const { owner } = this.#query
    const count = (name: keyof KeyCounts, queries: readonly Parts[]): Parts => {
      if (queries.length === 0) return [`0 AS ${name}`]
      const ids = join(
        queries.map((query): Parts => ['SELECT * FROM (', ...query, ' LIMIT ', { value: MOST_SORTED + 1 }, ') q']),
        ' UNION ALL ',
      )
      return ['(SELECT COUNT(*) FROM (', ...ids, `) ids) AS ${name}`]
    }
    const ofOwner: Parts = ['SELECT k.id AS id FROM keyward_keys k WHERE k.owner = ', { value: owner ?? '' }]
    const counts = [
      owner === undefined ? [`${MOST_SORTED + 1} AS of_owner`] : count('of_owner', [ofOwner]),
      count('by_name', this.#search === undefined ? [] : [this.#search.byName]),
      count('by_others', this.#search?.others ?? []),
      count('by_state', this.#byState === undefined ? [] : [this.#byState]),
    ]
    return ['SELECT ', ...join(counts, ', ')]
  }
}

/** Writes a column where a row is compared: as an index may have it, or as none has. */
type NameOf = (column: string) => string

/** What a walk reads. */
interface Source {
  /** Query for the ids that can be on the page; `undefined` walks the whole list in its order. */
  readonly among: Parts | undefined
  readonly conditions: readonly Parts[]
}

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

const TABLES = { k: 'keyward_keys k', u: 'keyward_key_uses u' } as const

function placeOf(order: KeyOrder | undefined): { readonly id: string; readonly rank: string | number } | undefined {
  if (order?.after === undefined) return undefined
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

/** The query for the ids of keys that meet the first such condition of a list. */
function narrowState({ conditions, owner }: KeyQuery): Parts | undefined {
  const narrow = conditions.find(({ field, test }) => NARROW[test]?.includes(field))
  if (narrow === undefined) return undefined
  const [comparison] = comparisonsOf([narrow])
  if (comparison === undefined) return undefined
  const { column, operator, value } = comparison
  const holds: Parts = value === null ? [`k.${column} ${operator} NULL`] : [`k.${column} ${operator} `, { value }]
  const ofOwner: readonly Parts[] =
    owner === undefined || narrow.field === 'startsAt' ? [] : [['k.owner = ', { value: owner }]]
  return ['SELECT k.id AS id FROM keyward_keys k WHERE ', ...allOf([...ofOwner, holds])]
}
