import { appendFileSync } from 'node:fs'
import { relative } from 'node:path'
import { describe, expect } from 'vitest'
import { notRunVariable } from './not-run.ts'
import { findServer, type ServerKind } from './program.ts'
import type { OwnServerOptions } from './server.ts'

const givenBy: Readonly<Record<ServerKind, string | undefined>> = {
  postgres: 'TEST_POSTGRES_URL',
  redis: 'TEST_REDIS_URL',
  mariadb: 'TEST_MYSQL_URL',
  pgbouncer: undefined,
  chromium: undefined,
}

/**
 * Describes tests that need a server. Where it is missing they are skipped, and the end of the run lists them.
 *
 * @param kinds - The servers that they need. A Redis Cluster needs `redis`.
 * @param options - Whether a server named by the environment will do.
 */
export function describeWith(
  kinds: ServerKind | readonly ServerKind[],
  name: string,
  body: () => void,
  options: OwnServerOptions = {},
): void {
  const missing = [kinds].flat().filter((kind) => !hasServer(kind, options))
  if (missing.length === 0) {
    describe(name, body)
    return
  }
  const file = process.env[notRunVariable]
  const testPath = relative(process.cwd(), expect.getState().testPath ?? '')
  if (file !== undefined) appendFileSync(file, `${testPath}: ${name} (no ${missing.join(', no ')})\n`)
  describe.skip(name, body)
}

/** Tells whether tests can have a server of a kind: installed here, or named by the environment. */
function hasServer(kind: ServerKind, { needsOwnServer = false }: OwnServerOptions = {}): boolean {
  const variable = givenBy[kind]
  const isGiven = variable !== undefined && Boolean(process.env[variable])
  return (isGiven && !needsOwnServer) || findServer(kind) !== undefined
}
