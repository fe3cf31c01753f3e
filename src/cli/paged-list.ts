import type { Work } from './session.ts'
import { readWhole } from './session.ts'
import { type Column, tableText } from './table.ts'
import { jsonText } from './visible-text.ts'

/** How many entries a page has: what the library gives at most. */
const PAGE = 100
const MAX_LIMIT = 1_000_000

/** Options of a command that lists. */
export interface ListOptions {
  readonly limit?: string
  readonly all?: boolean
  readonly cursor?: string
}

/** A page of anything. */
interface Page<T> {
  readonly items: readonly T[]
  readonly nextCursor: string | null
}

/** How a list is shown. */
export interface ListView<T> {
  readonly columns: readonly Column<T>[]
  /** What is said where there is nothing. */
  readonly empty: string
  /** Makes what JSON shows of an entry. Default: the entry. */
  json?(item: T): unknown
}

/**
 * Lists page by page, and holds one page at a time: a table of each, or one JSON document `{ items, nextCursor }`, written as
 * it is read.
 *
 * @param read - Reads a page of at most so many entries: a whole number from 1 to 100.
 */
export async function listPages<T>(
  work: Work,
  { limit, all = false, cursor: first }: ListOptions,
  view: ListView<T>,
  read: (page: { readonly limit: number; readonly cursor: string | undefined }) => Promise<Page<T>>,
): Promise<void> {
  const most = all ? Number.POSITIVE_INFINITY : readWhole('--limit', limit ?? '50', [1, MAX_LIMIT])
  const { terminal, isJson } = work
  let count = 0
  let cursor = first
  let nextCursor: string | null = null
  do {
    await work.checkInterrupted()
    const page = await read({ limit: Math.min(PAGE, most - count), cursor })
    if (isJson) await terminal.out(jsonPart(page.items, count, view))
    else if (page.items.length > 0) await terminal.out(tablePart(work, view, page.items, count > 0))
    count += page.items.length
    nextCursor = page.nextCursor
    cursor = nextCursor ?? undefined
  } while (nextCursor !== null && count < most)

  if (isJson)
    await terminal.out(`${count === 0 ? '{ "items": [' : '\n  '}],\n  "nextCursor": ${jsonText(nextCursor)}\n}\n`)
  else if (count === 0) await terminal.say(`${view.empty}\n`)
  else if (nextCursor !== null)
    await terminal.say(`\nThere are more: --limit ${Math.max(count, 50) * 2}, --all, or --cursor ${nextCursor}\n`)
}

function jsonPart<T>(items: readonly T[], before: number, { json = (item) => item }: ListView<T>): string {
  const texts = items.map((item) => `\n    ${jsonText(json(item)).replaceAll('\n', '\n    ')}`)
  if (texts.length === 0) return ''
  return `${before === 0 ? '{\n  "items": [' : ','}${texts.join(',')}`
}

/** Later pages go on under the first one's titles. */
function tablePart<T>({ terminal }: Work, view: ListView<T>, items: readonly T[], isLater: boolean): string {
  const text = tableText(terminal, view.columns, items)
  return isLater ? text.slice(text.indexOf('\n') + 1) : text
}
