import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { accountOf } from '../../servers/account.ts'
import { startOwnServer } from '../../servers/own-server.ts'
import { companion, requireServer } from '../../servers/program.ts'
import type { Server } from '../../servers/server.ts'

const run = promisify(execFile)

/** Starts a hot standby of a Postgres server: it can be read, and follows the primary. */
export async function startStandby(primary: Server): Promise<Server> {
  return startOwnServer({
    name: 'postgres-standby',
    user: 'postgres',
    async prepare({ folder }) {
      const primaryAddress = ['-h', primary.host, '-p', String(primary.port), '-U', 'postgres']
      const copy = ['-D', join(folder, 'data'), '-R', '-c', 'fast', '-X', 'stream', '--no-sync']
      await run(companion('postgres', 'pg_basebackup'), [...primaryAddress, ...copy], {
        ...accountOf('postgres'),
        cwd: folder,
        env: { ...process.env, HOME: folder, LC_ALL: 'C' },
      })
    },
    command: ({ folder, port }) => [
      requireServer('postgres'),
      ...['-D', join(folder, 'data'), '-p', String(port), '-k', folder],
      ...['listen_addresses=127.0.0.1', 'max_connections=200', 'shared_buffers=16MB', 'hot_standby=on'].flatMap(
        (each) => ['-c', each],
      ),
      ...['-c', 'dynamic_shared_memory_type=mmap'],
    ],
    ready: /database system is ready to accept read-only connections/,
    stopSignal: 'SIGQUIT',
    url: (port) => `postgres://postgres@127.0.0.1:${port}/postgres`,
  })
}
