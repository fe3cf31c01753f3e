import type { Clock } from '../../model/clock.ts'
import { ConfigError } from '../../model/errors.ts'

/** Options of a store on a database server. */
export interface SqlOptions {
  /** Whether `open()` brings the schema up to date or refuses an old one. Default `'auto'`. */
  readonly migrate?: 'auto' | 'check'
  /** What tables, indexes and functions begin with: 1 to 32 of `a-z`, `0-9`, `_`, first a letter. Default `keyward_`. */
  readonly tablePrefix?: string
  /**
   * Milliseconds that a call may take: a whole number from 1 to 60,000; default 1,000; five times as many for a page of keys.
   * Servers are told to give up on statements and locks after it, and nobody waits longer.
   */
  readonly deadlineMs?: number
  /**
   * Default: the database server's clock, learned anew with every read of a key, so that all instances judge expiry by
   * one clock, however wrong their own are.
   */
  readonly clock?: Clock
}

/** Options of a store on a database server, complete. */
export interface CheckedSqlOptions {
  readonly migrate: 'auto' | 'check'
  readonly tablePrefix: string
  readonly deadlineMs: number
  readonly clock: Clock | undefined
}

/** @throws {ConfigError} When an option breaks its rule. */
export function checkSqlOptions(name: string, options: SqlOptions): CheckedSqlOptions {
  const { migrate = 'auto', tablePrefix = 'keyward_', deadlineMs = 1_000, clock } = options
  if (migrate !== 'auto' && migrate !== 'check') throw new ConfigError(`${name}(): migrate must be 'auto' or 'check'.`)
  if (!/^[a-z][a-z0-9_]{0,31}$/.test(tablePrefix))
    throw new ConfigError(`${name}(): tablePrefix must be 1 to 32 of a-z, 0-9 and _, and begin with a letter.`)
  if (!Number.isInteger(deadlineMs) || deadlineMs < 1 || deadlineMs > 60_000)
    throw new ConfigError(`${name}(): deadlineMs must be a whole number from 1 to 60,000.`)
  return { migrate, tablePrefix, deadlineMs, clock }
}
