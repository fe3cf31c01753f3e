import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { startOwnServer } from './own-server.ts'
import { requireServer } from './program.ts'
import type { Server } from './server.ts'

/** How a pgbouncer is started. */
export interface PgbouncerOptions {
  /** Connections to Postgres for each database. Default 10. */
  poolSize?: number
}

/**
 * Starts a pgbouncer in transaction mode in front of a Postgres server. Any database of that server can be reached
 * through it, always as the user in the address.
 *
 * @param postgresUrl - Address of a database. The handle's `url` leads to the same one.
 */
export async function startPgbouncer(postgresUrl: string, options: PgbouncerOptions = {}): Promise<Server> {
  const { hostname, port, username, password, pathname } = new URL(postgresUrl)
  const user = decodeURIComponent(username || 'postgres')
  const target = [`host=${hostname}`, `port=${port || 5432}`, `user=${user}`]
  if (password !== '') target.push(`password=${decodeURIComponent(password)}`)
  return startOwnServer({
    name: 'pgbouncer',
    user: 'postgres',
    prepare: (place) =>
      writeFile(
        join(place.folder, 'ini'),
        [
          '[databases]',
          `* = ${target.join(' ')}`,
          '[pgbouncer]',
          'pool_mode = transaction',
          'auth_type = any',
          `default_pool_size = ${options.poolSize ?? 10}`,
          'max_client_conn = 500',
          'listen_addr = 127.0.0.1',
          `listen_port = ${place.port}`,
          'unix_socket_dir =',
          'ignore_startup_parameters = extra_float_digits',
        ].join('\n'),
      ),
    command: (place) => [requireServer('pgbouncer'), join(place.folder, 'ini')],
    ready: /process up/,
    url: (ownPort) => `postgres://${username || 'postgres'}@127.0.0.1:${ownPort}${pathname}`,
  })
}
