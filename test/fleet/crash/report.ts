import { expect } from 'vitest'

/** Prints what `docs/guarantees.md` quotes, where `KEYWARD_NUMBERS` is set. */
export function report(numbers: Readonly<Record<string, number | string>>): void {
  if (!process.env['KEYWARD_NUMBERS']) return
  process.stdout.write(`${expect.getState().currentTestName}: ${JSON.stringify(numbers)}\n`)
}
