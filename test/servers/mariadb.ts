import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createConnection } from 'mysql2/promise'
import { accountOf } from './account.ts'
import { startOwnServer } from './own-server.ts'
import { companion, requireServer } from './program.ts'
import { givenServer, type OwnServerOptions, type Server } from './server.ts'

const run = promisify(execFile)

/** How a MariaDB server is started. `durable` and `args` imply a server of our own. */
export interface MariadbOptions extends OwnServerOptions {
  /** Writes each transaction to disk before it is confirmed. Default false: quick, and may lose the last second. */
  durable?: boolean
  /** More arguments of `mariadbd`, such as `['--transaction-isolation=READ-COMMITTED']`. They win over ours. */
  args?: readonly string[]
}

/**
 * Starts a MariaDB server, or takes the one in `TEST_MYSQL_URL`. Its user is `root`, without a password, and its
 * database is `test`. 500 connections at most.
 */
export async function startMariadb(options: MariadbOptions = {}): Promise<Server> {
  const { durable = false, args = [], needsOwnServer = durable || args.length > 0 } = options
  const given = process.env['TEST_MYSQL_URL']
  if (given && !needsOwnServer) return givenServer('TEST_MYSQL_URL', given, 3306)
  return startOwnServer({
    name: 'mariadb',
    user: 'mysql',
    prepare: ({ folder }) => initialise(folder),
    command: ({ folder, port }) => [
      requireServer('mariadb'),
      '--no-defaults',
      ...[
        `--datadir=${join(folder, 'data')}`,
        `--socket=${join(folder, 'socket')}`,
        `--pid-file=${join(folder, 'pid')}`,
      ],
      ...[`--port=${port}`, '--bind-address=127.0.0.1', '--skip-name-resolve', '--max-connections=500'],
      ...['--innodb-buffer-pool-size=64M', '--skip-log-bin'],
      `--innodb-flush-log-at-trx-commit=${durable ? 1 : 0}`,
      ...args,
    ],
    ready: /ready for connections/,
    url: (port) => `mysql://root@127.0.0.1:${port}/test`,
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
  if (server.url === process.env['TEST_MYSQL_URL']) {
    server.atStop(() => query(server.url, `DROP DATABASE IF EXISTS ${name}`))
  }
  const url = new URL(server.url)
  url.pathname = `/${name}`
  return url.href
}

async function initialise(folder: string): Promise<void> {
  const program = companion('mariadb', 'mariadb-install-db', 'mysql_install_db')
  await run(
    program,
    ['--no-defaults', `--datadir=${join(folder, 'data')}`, '--auth-root-authentication-method=normal'],
    {
      ...accountOf('mysql'),
      cwd: folder,
      env: { ...process.env, HOME: folder, LC_ALL: 'C' },
    },
  )
}

async function query(url: string, statement: string): Promise<void> {
  const connection = await createConnection(url)
  try {
    await connection.query(statement)
  } finally {
    await connection.end()
  }
}
