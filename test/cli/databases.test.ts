import { Redis } from 'ioredis'
import {
  type CreatedKey,
  createKeyFormat,
  createKeyward,
  createProfile,
  defaultProfile,
  type KeyStore,
  type Keyward,
} from 'keyward'
import { mysql } from 'keyward/mysql'
import { postgres } from 'keyward/postgres'
import { redis } from 'keyward/redis'
import { createPool } from 'mysql2'
import pg from 'pg'
import { expect, it } from 'vitest'
import * as mariadb from '../servers/mariadb.ts'
import { describeWith } from '../servers/missing-servers.ts'
import * as postgresServer from '../servers/postgres.ts'
import { startRedis } from '../servers/redis.ts'
import type { Server } from '../servers/server.ts'
import { until } from '../servers/until.ts'
import { keyward, keywardJson } from './command-line.ts'

const profile = createProfile(defaultProfile, { name: 'acme', keyFormat: createKeyFormat({ prefix: 'acme_live_' }) })
const limits = { policies: { default: [{ limit: 100, windowSeconds: 60 }] } }

const isAdmitted = async (server: Keyward, apiKey: string) =>
  !(await server.authenticate({ authorization: `Bearer ${apiKey}` })).denied

interface Checks {
  readonly checks: readonly { readonly name: string; readonly status: string; readonly found: string }[]
}

async function walk(database: string, store: KeyStore, redisServer: Server): Promise<void> {
  const setting = { database, variables: { REDIS_URL: redisServer.url } }
  expect(await keyward(['migrate', '--check'], setting)).toMatchObject({ code: 1 })
  expect((await keyward(['migrate'], setting)).stdout).toMatch(/^Applied \d+ migrations:\n {2}keys-001\n/)
  expect(await keyward(['migrate'], setting)).toMatchObject({ code: 0, stdout: 'The database is up to date.\n' })
  expect((await keyward(['migrate', '--check'], setting)).code).toBe(0)

  const client = new Redis(redisServer.url, { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false })
  client.on('error', () => {})
  const server = createKeyward({ store, gate: redis(client), profile, limits })
  try {
    await server.ready()
    const words = ['keys', 'create', '--owner', 'acme', '--name', 'Production']
    await until(
      'the server has noted how it is configured',
      async () => (await keywardJson<CreatedKey>(words, setting)).policies.length === 1,
    )
    const created = await keywardJson<CreatedKey>(words, setting)
    expect(created.apiKey).toMatch(/^acme_live_/)
    expect(await isAdmitted(server, created.apiKey)).toBe(true)

    // Without the servers' Redis a revocation would reach them late: it is refused, and not half done.
    const blind = await keyward(['keys', 'revoke', created.id, '--yes'], { database })
    expect([blind.code, blind.stderr]).toEqual([2, expect.stringContaining('REDIS_URL')])
    expect(await isAdmitted(server, created.apiKey)).toBe(true)

    const revoked = await keyward(['keys', 'revoke', created.id, '--yes'], setting)
    expect(await isAdmitted(server, created.apiKey)).toBe(false)
    expect(revoked).toMatchObject({ code: 0, stdout: expect.stringContaining('It is in force on every instance') })

    const { checks } = await keywardJson<Checks>(['doctor'], setting)
    expect(checks.filter(({ status }) => status === 'fail')).toEqual([])
    for (const name of ['store', 'store-clock', 'gate', 'gate-eviction', 'gate-clock', 'schema', 'outbox', 'audit'])
      expect(checks.map((check) => check.name)).toContain(name)

    const other = await keywardJson<CreatedKey>(words, setting)
    redisServer.pause()
    const waiting = await keyward(['keys', 'revoke', other.id, '--yes'], setting)
    redisServer.resume()
    expect(waiting.code).toBe(5)
    expect(waiting.stdout).toContain('the gate has not taken its fence')
    await until('a server has brought the fence to the gate', async () => !(await isAdmitted(server, other.apiKey)))
    expect((await keyward(['audit', 'verify'], setting)).stdout).toContain('intact')
  } finally {
    await server.close()
    client.disconnect()
  }
}

describeWith(
  ['postgres', 'redis'],
  'the command line on Postgres and Redis',
  () => {
    it('migrates, makes keys that servers admit, and fences what it revokes', async () => {
      const [server, redisServer] = await Promise.all([
        postgresServer.startPostgres(),
        startRedis({ needsOwnServer: true }),
      ])
      const database = await postgresServer.createDatabase(server)
      const pool = new pg.Pool({ connectionString: database })
      pool.on('error', () => {})
      try {
        await walk(database, postgres(pool), redisServer)
      } finally {
        await pool.end()
        await Promise.all([server.stop(), redisServer.stop()])
      }
    }, 180_000)
  },
  { needsOwnServer: true },
)

describeWith(
  ['mariadb', 'redis'],
  'the command line on MariaDB and Redis',
  () => {
    it('migrates, makes keys that servers admit, and fences what it revokes', async () => {
      const [server, redisServer] = await Promise.all([mariadb.startMariadb(), startRedis({ needsOwnServer: true })])
      const database = await mariadb.createDatabase(server)
      const pool = createPool(database)
      try {
        await walk(database, mysql(pool), redisServer)
      } finally {
        pool.end(() => {})
        await Promise.all([server.stop(), redisServer.stop()])
      }
    }, 180_000)
  },
  { needsOwnServer: true },
)
