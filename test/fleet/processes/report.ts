/** Says in one line what a test has measured; `docs/guarantees.md` quotes it. */
export function report(what: string, numbers: Readonly<Record<string, string | number>>): void {
  const said = Object.entries(numbers).map(([name, value]) => `${name} ${value}`)
  process.stdout.write(`    ${what}: ${said.join(', ')}\n`)
}

/** The value below which a part of all values lie, such as 0.99; the largest for 1. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? Number.NaN
}
