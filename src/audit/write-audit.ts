import type { AuditEntry } from '../model/audit-entry.ts'

/** How an export is written: JSON Lines, or CSV (RFC 4180) with a line of names. */
export type AuditFormat = 'jsonl' | 'csv'

const COLUMNS = [
  ...(['owner', 'sequence', 'at', 'action', 'keyId', 'actor', 'address', 'requestId', 'details'] as const),
  ...(['previousHash', 'hash'] as const),
] satisfies readonly (keyof AuditEntry)[]

/** What an export begins with. */
export function writeHead(format: AuditFormat): string {
  return format === 'csv' ? csvLine(COLUMNS) : ''
}

/** Writes an entry, with the end of its line. */
export function writeEntry(format: AuditFormat, entry: AuditEntry): string {
  const cells = COLUMNS.map((column) => [column, column === 'at' ? entry.at.toISOString() : entry[column]] as const)
  if (format === 'jsonl') return `${JSON.stringify(Object.fromEntries(cells))}\n`
  return csvLine(cells.map(([, value]) => textOf(value)))
}

function textOf(value: string | number | null | object): string {
  if (value === null) return ''
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function csvLine(cells: readonly string[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`
}

/**
 * What a spreadsheet takes for the beginning of a formula (OWASP ASVS 5.0, 1.2.10), its full-width forms among it, also
 * after white space.
 */
const FORMULA = /^[\s\0]*[=+\-@＝＋－＠]|^[\t\r\n\0]/

/** A cell in quotation marks (RFC 4180 section 2.7), which no spreadsheet takes for a formula: it then begins with an apostrophe. */
function csvCell(text: string): string {
  return `"${(FORMULA.test(text) ? `'${text}` : text).replaceAll('"', '""')}"`
}
