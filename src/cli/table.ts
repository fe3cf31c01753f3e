import CliTable from 'cli-table3'
import type { Terminal } from './terminal.ts'
import { shortened, visible } from './visible-text.ts'

/** A column of a table, or a field of a view. */
export interface Column<T> {
  readonly title: string
  /** What stands in it. It is made harmless and short afterwards. */
  text(row: T): string
  /** Colours the text, once it is harmless. */
  paint?(text: string, row: T): string
  readonly align?: 'right'
  /** The most characters that are shown on a screen: a whole number; default 32. Pipes get the whole text. */
  readonly maxCharacters?: number
}

const MAX_CHARACTERS = 32
const NO_LINES = {
  ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '', bottom: '', 'bottom-mid': '', 'bottom-left': '' },
  ...{ 'bottom-right': '', left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '  ' },
}

/** Lays rows out in columns, with a line of titles. */
export function tableText<T>(terminal: Terminal, columns: readonly Column<T>[], rows: readonly T[]): string {
  const head = columns.map(({ title }) => terminal.style('dim', title.toUpperCase()))
  const body = rows.map((row) => columns.map((column) => cell(terminal, column, row)))
  return layOut(
    [head, ...body],
    columns.map(({ align }) => align ?? 'left'),
  )
}

/** Lays out the fields of one thing, a line each. */
export function fieldsText(terminal: Terminal, fields: readonly (readonly [title: string, text: string])[]): string {
  return layOut(
    fields.map(([title, text]) => [terminal.style('dim', title), visible(text)]),
    ['left', 'left'],
  )
}

function cell<T>(terminal: Terminal, { text, paint, maxCharacters = MAX_CHARACTERS }: Column<T>, row: T): string {
  const harmless = visible(text(row))
  const shown = terminal.isScreen ? shortened(harmless, maxCharacters) : harmless
  return paint === undefined ? shown : paint(shown, row)
}

function layOut(rows: readonly (readonly string[])[], colAligns: ('left' | 'right')[]): string {
  const table = new CliTable({
    chars: NO_LINES,
    style: { 'padding-left': 0, 'padding-right': 0, head: [], border: [], compact: true },
    colAligns,
  })
  for (const row of rows) table.push(row.map((content) => ({ content })))
  const lines = table.toString().split('\n')
  return `${lines.map((line) => line.trimEnd()).join('\n')}\n`
}
