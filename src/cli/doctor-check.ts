import { describeFailure, reasonOf } from './failure.ts'

/** How a check ended: `warn` works and is probably not meant, `fail` does not work. */
export type CheckStatus = 'ok' | 'warn' | 'fail'

/** What a check has found. */
export interface CheckResult {
  /** What was looked at: stable, for programs. */
  readonly name: string
  readonly status: CheckStatus
  readonly found: string
  /** What to do; `null` where nothing is to be done. */
  readonly advice: string | null
}

/** Something that works. */
export function ok(name: string, found: string): CheckResult {
  return { name, status: 'ok', found, advice: null }
}

/** Something that works, and should be looked at. */
export function warn(name: string, found: string, advice: string): CheckResult {
  return { name, status: 'warn', found, advice }
}

/** Something that does not work. */
export function fail(name: string, found: string, advice: string): CheckResult {
  return { name, status: 'fail', found, advice }
}

/** Something that could not even be looked at. */
export function failed(name: string, error: unknown, advice: string): CheckResult {
  const { message } = describeFailure(error)
  const reason = reasonOf(error)
  return fail(name, reason === undefined || message.includes(reason) ? message : `${message} (${reason})`, advice)
}

/** Runs a check, and takes whatever it throws for one that failed. */
export async function attempt(
  name: string,
  advice: string,
  check: () => Promise<readonly CheckResult[]>,
): Promise<readonly CheckResult[]> {
  try {
    return await check()
  } catch (error) {
    return [failed(name, error, advice)]
  }
}

/** Runs work, and says in milliseconds how long it took. */
export async function timed<T>(work: () => Promise<T>): Promise<{ readonly value: T; readonly tookMs: number }> {
  const begun = performance.now()
  const value = await work()
  return { value, tookMs: Math.max(1, Math.round(performance.now() - begun)) }
}

/** A difference of clocks that is worth a word. */
const CLOCK_MS = 1_000

/** Says what a difference of clocks comes to. */
export function clockCheck(name: string, aheadMs: number, consequence: string): CheckResult {
  const found = `${Math.abs(aheadMs)} ms ${aheadMs < 0 ? 'behind' : 'ahead of'} this machine`
  if (Math.abs(aheadMs) <= CLOCK_MS) return ok(name, found)
  return warn(name, found, `${consequence} Run a time service (chrony, systemd-timesyncd) on both.`)
}
