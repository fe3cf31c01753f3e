/** Prints rows as an aligned table in Markdown, so that what is printed can be pasted into the docs as it is. */
export function printTable(title: string, heads: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join(' | ')} |`
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`
  process.stdout.write(`\n### ${title}\n\n${[line(heads), rule, ...rows.map(line)].join('\n')}\n\n`)
}

/** Writes a number with thousands separated and so many decimals. */
export function number(value: number, decimals = 0): string {
  return value.toLocaleString('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals })
}

/** Prints a measured value beside the bound that it shall keep. */
export function verdict(what: string, value: number, kind: 'at most' | 'at least', bound: number, decimals = 2): void {
  const isKept = kind === 'at most' ? value <= bound : value >= bound
  const target = `${kind} ${number(bound, Number.isInteger(bound) ? 0 : decimals)}`
  process.stdout.write(`- ${what}: **${number(value, decimals)}**, target ${target}: ${isKept ? 'met' : 'missed'}\n`)
}
