import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { accountOf } from './account.ts'
import { startOwnServer } from './own-server.ts'
import { companion, requireServer } from './program.ts'
import { givenServer, type OwnServerOptions, type Server } from './server.ts'

const run = promisify(execFile)

/** How a Postgres server is started. `durable` and `args` imply a server of our own. */
export interface PostgresOptions extends OwnServerOptions {
  /** Keeps what it confirmed through a crash, as Postgres does by default. Default false: quick, and may lose all. */
  durable?: boolean
  /** More arguments of `postgres`, such as `['-c', 'max_connections=20']`. They win over ours. */
  args?: readonly string[]
}

/**
 * Starts a Postgres server, or takes the one in `TEST_POSTGRES_URL`. Its user is `postgres`, without a password.
 * 200 connections at most.
 */
export async function startPostgres(options: PostgresOptions = {}): Promise<Server> {
  const { durable = false, args = [], needsOwnServer = durable || args.length > 0 } = options
  const given = process.env['TEST_POSTGRES_URL']
  if (given && !needsOwnServer) return givenServer('TEST_POSTGRES_URL', given, 5432)
  const quick = ['fsync=off', 'synchronous_commit=off', 'full_page_writes=off']
  const careful = ['fsync=on', 'synchronous_commit=on']
  const settings = [
    'listen_addresses=127.0.0.1',
    'max_connections=200',
    'shared_buffers=64MB',
    // In files of its own folder, of which a crash leaves nothing behind.
    'dynamic_shared_memory_type=mmap',
    ...(durable ? careful : quick),
  ]
  return startOwnServer({
    name: 'postgres',
    user: 'postgres',
    prepare: ({ folder }) => initialise(folder),
    // Its process has ended, and another may have its number by now.
    beforeStart: ({ folder }) => rmSync(join(folder, 'data', 'postmaster.pid'), { force: true }),
    command: ({ folder, port }) => [
      requireServer('postgres'),
      ...['-D', join(folder, 'data'), '-p', String(port), '-k', folder],
      ...settings.flatMap((setting) => ['-c', setting]),
      ...args,
    ],
    ready: /database system is ready to accept connections/,
    stopSignal: 'SIGQUIT',
    url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
  })
}

/**
 * Makes an empty database on a server, so that tests can share the server and nothing else.
 *
 * @returns The address of the database. It ends with the server: a `stop()` drops it from one that we did not start.
 */
export async function createDatabase(server: Server): Promise<string> {
  const name = `keyward_${randomBytes(6).toString('hex')}`
  await query(server.url, `CREATE DATABASE ${name}`)
  if (server.url === process.env['TEST_POSTGRES_URL']) {
    server.atStop(() => query(server.url, `DROP DATABASE IF EXISTS ${name} WITH (FORCE)`))
  }
  const url = new URL(server.url)
  url.pathname = `/${name}`
  return url.href
}

async function initialise(folder: string): Promise<void> {
  const choices = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync']
  await run(companion('postgres', 'initdb'), ['-D', join(folder, 'data'), ...choices], {
    ...accountOf('postgres'),
    cwd: folder,
    env: { ...process.env, HOME: folder, LC_ALL: 'C' },
  })
}

async function query(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
