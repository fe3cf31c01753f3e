import { createRequire } from 'node:module'
import { ConfigError } from '../../model/errors.ts'
import type { OwnedSqliteHandle } from './sqlite-handle.ts'

/** Opens a database file with the driver that was found. */
export type OpenDatabase = (path: string) => OwnedSqliteHandle

type Database = new (path: string) => OwnedSqliteHandle

const require = createRequire(import.meta.url)

/** In order of preference: nothing to install, fastest, binary inside the package. */
const DRIVERS: readonly { readonly name: string; readonly load: () => Database }[] = [
  { name: 'node:sqlite', load: () => (require('node:sqlite') as { DatabaseSync: Database }).DatabaseSync },
  { name: 'better-sqlite3', load: loadBetterSqlite3 },
  { name: 'libsql', load: () => require('libsql') as Database },
]

/**
 * Finds a SQLite driver: `node:sqlite` (Node.js 22.13 and later, Bun, Deno), better-sqlite3, libsql.
 *
 * @throws {ConfigError} When there is none, saying what to install.
 */
export function loadDriver(): OpenDatabase {
  const failures: string[] = []
  for (const { name, load } of DRIVERS) {
    try {
      const Database = load()
      return (path) => new Database(path)
    } catch (error) {
      failures.push(`${name}: ${firstLine(error)}`)
    }
  }
  throw new ConfigError(
    `sqlite(): no SQLite driver was found. Install one (npm install libsql), or use Node.js 22.13 or later. Tried ${failures.join('; ')}.`,
  )
}

/** Version 13 ends the process when it is loaded below Node.js 22.14: so it is not loaded there. */
function loadBetterSqlite3(): Database {
  const { version } = require('better-sqlite3/package.json') as { version: string }
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  const isOldNode = major < 22 || (major === 22 && minor < 14)
  if (isOldNode && Number.parseInt(version, 10) >= 13) throw new Error(`${version} needs Node.js 22.14 or later`)
  return require('better-sqlite3') as Database
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? ''
}
