import { CommandFailure, exitCodes } from './failure.ts'

const UNITS_MS: Readonly<Record<string, number>> = {
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
}

/**
 * Reads a length of time: `90s`, `15m`, `12h`, `30d`, `2w`, or a number of seconds.
 *
 * @returns Seconds.
 * @throws {CommandFailure} Naming the option and what it takes.
 */
export function readSeconds(option: string, text: string): number {
  const [, amount, unit] = /^(\d{1,9})([smhdw]?)$/.exec(text) ?? []
  if (amount === undefined)
    throw new CommandFailure(`${option} must be a length of time such as 15m, 12h or 30d.`, exitCodes.usage)
  return (Number(amount) * (UNITS_MS[unit || 's'] ?? 0)) / 1_000
}

/**
 * Reads an instant: in ISO 8601 with a time zone, a date (its first moment in UTC), `now`, or a length of time from now.
 *
 * @param direction - Whether a length of time lies ahead or back.
 * @param nowMs - Milliseconds since the Unix epoch.
 * @throws {CommandFailure} Naming the option and what it takes.
 */
export function readInstant(option: string, text: string, direction: 'ahead' | 'back', nowMs: number): Date {
  if (text === 'now') return new Date(nowMs)
  if (/^\d{1,9}[smhdw]$/.test(text)) {
    const ms = readSeconds(option, text) * 1_000
    return new Date(direction === 'ahead' ? nowMs + ms : nowMs - ms)
  }
  const isInstant = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d))?$/.test(text)
  const at = new Date(text)
  if (isInstant && !Number.isNaN(at.getTime())) return at
  const example = direction === 'ahead' ? 'in 30 days: 30d' : '30 days ago: 30d'
  throw new CommandFailure(
    `${option} must be an instant such as 2030-01-31 or 2030-01-31T12:00:00Z, or a length of time (${example}).`,
    exitCodes.usage,
  )
}

/** Shows an instant to the minute, in UTC; a dash where there is none. */
export function showInstant(at: Date | null): string {
  return at === null ? '-' : at.toISOString().slice(0, 16).replace('T', ' ')
}

/** Shows an instant to the second, in UTC, and says so. */
export function showExactly(at: Date | null): string {
  return at === null ? '-' : `${at.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}
