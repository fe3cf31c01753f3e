import { noCounts } from '../../model/usage-counts.ts'
import type { UsageBatch, UsageRow } from '../../model/usage-store.ts'

/** A full UTC day, and so a full hour and minute. */
const DAY = Date.UTC(2026, 0, 5)

/** An instant so many minutes after a day began. */
export function minute(minutes: number): Date {
  return new Date(DAY + minutes * 60_000)
}

/** A row of one request, by nobody in particular. */
export function sampleRow(row: Partial<UsageRow> = {}): UsageRow {
  return {
    ...{ interval: 'minute', at: minute(0), scope: { kind: 'all' }, owner: null, by: 'none', name: '', label: null },
    ...noCounts(),
    ...{ requests: 1, succeeded: 1 },
    ...row,
  }
}

/** A row of a key of an owner, by app. */
export function appRow(keyId: string, owner: string, app: string, row: Partial<UsageRow> = {}): UsageRow {
  return sampleRow({ scope: { kind: 'key', keyId }, owner, by: 'app', name: app, ...row })
}

let writers = 0

/** A batch of a writer of its own. */
export function sampleBatch(rows: readonly UsageRow[], batch: Partial<UsageBatch> = {}): UsageBatch {
  writers += 1
  return { writer: `writer ${writers}`, sequence: 1, at: minute(0), rows, ...batch }
}
