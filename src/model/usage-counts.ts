import { MAX_CREDITS } from './ledger.ts'
import type { UsageCounts, UsageInterval } from './usage-store.ts'

/** Counts that are counted on. */
export type MutableCounts = { -readonly [Name in keyof UsageCounts]: UsageCounts[Name] }

/** Lengths of the intervals, in milliseconds. */
export const INTERVAL_MS: Readonly<Record<UsageInterval, number>> = {
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
}

/** When the stretch that an instant lies in began, in milliseconds since the Unix epoch. */
export function beginOf(interval: UsageInterval, atMs: number): number {
  return atMs - (((atMs % INTERVAL_MS[interval]) + INTERVAL_MS[interval]) % INTERVAL_MS[interval])
}

/** Counts of nothing. */
export function noCounts(): MutableCounts {
  return { requests: 0, refused: 0, succeeded: 0, redirected: 0, clientErrors: 0, serverErrors: 0, credits: 0 }
}

/** Adds counts to others. Credits end at 2^53 - 1. */
export function addCounts(sum: MutableCounts, more: UsageCounts): void {
  sum.requests += more.requests
  sum.refused += more.refused
  sum.succeeded += more.succeeded
  sum.redirected += more.redirected
  sum.clientErrors += more.clientErrors
  sum.serverErrors += more.serverErrors
  sum.credits = Math.min(MAX_CREDITS, sum.credits + more.credits)
}

/** The counts of something that has more members. */
export function countsOf(whole: UsageCounts): UsageCounts {
  const counts = noCounts()
  addCounts(counts, whole)
  return counts
}
