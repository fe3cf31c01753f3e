import { ConfigError, KeywardError, StoreUnavailableError } from '../../model/errors.ts'

/** Primary result codes of SQLite (https://www.sqlite.org/rescode.html) that are acted upon. */
const CODES = {
  SQLITE_PERM: 3,
  SQLITE_BUSY: 5,
  SQLITE_READONLY: 8,
  SQLITE_CORRUPT: 11,
  SQLITE_CANTOPEN: 14,
  SQLITE_CONSTRAINT: 19,
  SQLITE_NOTADB: 26,
} as const

type SqliteCode = keyof typeof CODES

/** Codes that waiting does not cure: at start, the file is the wrong one. */
const UNUSABLE = ['SQLITE_PERM', 'SQLITE_READONLY', 'SQLITE_CORRUPT', 'SQLITE_CANTOPEN', 'SQLITE_NOTADB'] as const

/** Says whether another connection held the lock for longer than was waited. Nothing was done. */
export function isBusy(error: unknown): boolean {
  return hasCode(error, 'SQLITE_BUSY')
}

/** Says whether a statement was undone because a digest or an id is taken. */
export function isTaken(error: unknown): boolean {
  return error instanceof Error && hasCode(error, 'SQLITE_CONSTRAINT') && error.message.includes('UNIQUE')
}

/** What a method of the store throws for anything that went wrong below it: the one place where failures are wrapped. */
export function toStoreError(error: unknown): KeywardError {
  if (error instanceof KeywardError) return error
  return new StoreUnavailableError('The SQLite store failed.', { cause: error })
}

/** What `open()` throws: a file that is the wrong one is the configuration's fault, anything else may pass. */
export function toOpeningError(error: unknown, place: string): KeywardError {
  if (error instanceof KeywardError || !UNUSABLE.some((code) => hasCode(error, code))) return toStoreError(error)
  const reason = error instanceof Error ? error.message : 'unknown'
  return new ConfigError(`sqlite(): ${place} must be a SQLite database that can be written: ${reason}.`, {
    cause: error,
  })
}

/** better-sqlite3 and libsql name the code, `node:sqlite` numbers it; extended codes begin with the primary one. */
function hasCode(error: unknown, code: SqliteCode): boolean {
  if (typeof error !== 'object' || error === null) return false
  const { code: name, errcode, rawCode } = error as { code?: unknown; errcode?: unknown; rawCode?: unknown }
  if (typeof name === 'string' && (name === code || name.startsWith(`${code}_`))) return true
  const number = errcode ?? rawCode
  return typeof number === 'number' && (number & 0xff) === CODES[code]
}
