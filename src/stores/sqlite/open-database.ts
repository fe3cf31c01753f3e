import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { ConfigError } from '../../model/errors.ts'
import { SqliteConnection } from './connection.ts'
import { prepareDatabaseFile } from './database-file.ts'
import { loadDriver } from './driver.ts'
import { migrate } from './migrate.ts'
import { toOpeningError } from './sqlite-failure.ts'
import type { OwnedSqliteHandle, SqliteHandle } from './sqlite-handle.ts'

/** Memory for pages that were read, in KiB: with SQLite's own 2,000, a list of a million keys reads each page again and again. */
const CACHE_KIB = 65_536

/** A database that is ready for use, and how to let go of it. */
export interface OpenedDatabase {
  readonly connection: SqliteConnection
  /** Names of the migrations that opening it has applied. */
  readonly migrated: readonly string[]
  /** Closes the handle if this library opened it. */
  close(): void
}

/** How a database is opened. */
export interface OpeningOptions {
  readonly tablePrefix: string
  readonly migrate: 'auto' | 'check'
  /** Instant that new migrations are marked with, in milliseconds since the Unix epoch. */
  readonly now: number
}

/** Opens a file, or takes a handle, and brings its schema up to date. After a failure nothing is left open. */
export async function openDatabase(
  fileOrHandle: string | SqliteHandle,
  options: OpeningOptions,
): Promise<OpenedDatabase> {
  const place = typeof fileOrHandle === 'string' ? fileOrHandle : 'the handle'
  const owned = typeof fileOrHandle === 'string' ? openFile(fileOrHandle) : undefined
  try {
    const connection = new SqliteConnection(owned ?? (fileOrHandle as SqliteHandle), options.tablePrefix)
    const journalMode = await connection.configure()
    if (connection.isShared && journalMode !== 'wal')
      throw new ConfigError(`sqlite(): ${place} must be on a file system that allows SQLite's write-ahead log.`)
    if (owned !== undefined) connection.exec(`PRAGMA cache_size = -${CACHE_KIB}`)
    const migrated = await migrate(connection, options.migrate, options.now)
    return { connection, migrated, close: () => void owned?.close() }
  } catch (error) {
    owned?.close()
    throw toOpeningError(error, place)
  }
}

/** Opens what is there, as it is, for a look; `undefined` where the file is not there. */
export async function peekDatabase<T>(
  fileOrHandle: string | SqliteHandle,
  tablePrefix: string,
  look: (connection: SqliteConnection) => T,
): Promise<T | undefined> {
  const isPath = typeof fileOrHandle === 'string'
  if (isPath && fileOrHandle !== ':memory:' && !existsSync(resolve(fileOrHandle))) return undefined
  let owned: OwnedSqliteHandle | undefined
  try {
    owned = isPath ? openFile(fileOrHandle) : undefined
    return look(new SqliteConnection(owned ?? (fileOrHandle as SqliteHandle), tablePrefix))
  } catch (error) {
    throw toOpeningError(error, isPath ? fileOrHandle : 'the handle')
  } finally {
    owned?.close()
  }
}

function openFile(file: string): OwnedSqliteHandle {
  const open = loadDriver()
  if (file === ':memory:') return open(file)
  // Absolute, so that no driver takes it for an address or a URI.
  const path = resolve(file)
  prepareDatabaseFile(path)
  try {
    return open(path)
  } catch (error) {
    throw new ConfigError(`sqlite(): ${path} must be a file that SQLite can open.`, { cause: error })
  }
}
