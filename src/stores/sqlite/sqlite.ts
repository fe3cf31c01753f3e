import type { Clock } from '../../model/clock.ts'
import { ConfigError } from '../../model/errors.ts'
import { systemClock } from '../system-clock.ts'
import type { SqliteHandle } from './sqlite-handle.ts'
import { SqliteKeyStore } from './sqlite-key-store.ts'

export type { SqliteHandle, SqliteStatement, SqliteValue } from './sqlite-handle.ts'
export type { SqliteKeyStore } from './sqlite-key-store.ts'

/** Options of {@link sqlite}. */
export interface SqliteOptions {
  /** Whether `open()` brings the schema up to date or refuses an old one. Default `'auto'`. */
  readonly migrate?: 'auto' | 'check'
  /** What tables and indexes begin with: 1 to 32 of `a-z`, `0-9`, `_`, first a letter. Default `keyward_`. */
  readonly tablePrefix?: string
  /**
   * Milliseconds for which a change to a key that others may have read is held back after its commit, so that every
   * other process on the file has noticed it when it resolves: a whole number from 0 to 1,000, default 10. Processes
   * look when their last look is 5 ms old. Below 10 only where no other process reads the file.
   */
  readonly noticeMs?: number
  /** Default: the machine's clocks. */
  readonly clock?: Clock
}

/**
 * Creates a store in a SQLite database: one file, one serving process, and any number of others beside it (a
 * command line, scripts). Does nothing until `open()`.
 *
 * A path is opened with `node:sqlite` (Node.js 22.13 and later), better-sqlite3 or libsql, whichever is there
 * first; a new file is created with mode 0600, and one that other users can read is refused. A handle of any of
 * the three is used as it is, never closed, and not checked for its mode; it is put into write-ahead mode with
 * `synchronous = FULL`, `busy_timeout = 5000` and `foreign_keys = ON`. No transaction may be open on a handle when
 * the store writes. A path gets room for 64 MB of pages that were read; a handle keeps its own `cache_size`, of which
 * lists of a million keys need about as much. `':memory:'` is for tests.
 *
 * What a commit has acknowledged survives `kill -9` and a loss of power. A row that is damaged or of a newer
 * version rejects the calls that need it, `list` among them, with an error that names it.
 *
 * @param fileOrHandle - Path of the file, or an open database.
 * @throws {ConfigError} When an option breaks its rule. `open()` throws it for a directory, file, mode or schema
 * that will not do; `claim()` when another living process serves on the file.
 */
export function sqlite(fileOrHandle: string | SqliteHandle, options: SqliteOptions = {}): SqliteKeyStore {
  const { migrate = 'auto', tablePrefix = 'keyward_', noticeMs = 10, clock = systemClock } = options
  if (!isPath(fileOrHandle) && !isHandle(fileOrHandle))
    throw new ConfigError('sqlite(): the first argument must be a path, or an open database with exec and prepare.')
  if (migrate !== 'auto' && migrate !== 'check') throw new ConfigError(`sqlite(): migrate must be 'auto' or 'check'.`)
  if (!/^[a-z][a-z0-9_]{0,31}$/.test(tablePrefix))
    throw new ConfigError('sqlite(): tablePrefix must be 1 to 32 of a-z, 0-9 and _, and begin with a letter.')
  if (!Number.isInteger(noticeMs) || noticeMs < 0 || noticeMs > 1_000)
    throw new ConfigError('sqlite(): noticeMs must be a whole number from 0 to 1,000.')
  return new SqliteKeyStore(fileOrHandle, { migrate, tablePrefix, noticeMs, clock })
}

function isPath(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && !value.includes('\0')
}

function isHandle(value: unknown): value is SqliteHandle {
  if (typeof value !== 'object' || value === null) return false
  const { exec, prepare } = value as { exec?: unknown; prepare?: unknown }
  return typeof exec === 'function' && typeof prepare === 'function'
}
