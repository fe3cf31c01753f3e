import type { KeyStore } from 'keyward'
import { mysql } from 'keyward/mysql'
import { postgres } from 'keyward/postgres'
import { createPool } from 'mysql2'
import pg from 'pg'
import { afterEach, expect, it } from 'vitest'
import { createDatabase as createMysqlDatabase, startMariadb } from '../../servers/mariadb.ts'
import { describeWith } from '../../servers/missing-servers.ts'
import { createDatabase, startPostgres } from '../../servers/postgres.ts'
import { startRedis } from '../../servers/redis.ts'
import type { Server } from '../../servers/server.ts'
import { until } from '../../servers/until.ts'
import { type Instance, startInstance, stopAll } from '../processes/fleet.ts'
import type { InstanceConfig } from '../processes/instance-config.ts'
import { changeKeys } from './changes.ts'
import { report } from './report.ts'
import { verifyLedger } from './verify-ledger.ts'

const KILLS = 20
/** On a machine that has nothing else to do, none takes a quarter of it. */
const TIMEOUT_MS = 300_000
const MARIADB_KILLS = 10
const OUTAGE_MS = 200
/** Load between two kills. */
const BETWEEN_MS = 300
/** How soon requests work again once a server accepts commands. */
const HEALED_WITHIN_MS = 2_000

const opened: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close()
})

async function serve(starting: Promise<Server>): Promise<Server> {
  const server = await starting
  opened.push({ close: () => server.stop() })
  return server
}

async function fleetOf(size: number, config: InstanceConfig): Promise<Instance[]> {
  const instances: Instance[] = []
  opened.push({ close: () => stopAll(instances) })
  const policies = { default: [{ limit: 1_000_000, windowSeconds: 3_600 }] }
  const clients = ['ioredis', 'node-redis'] as const
  const started = Array.from({ length: size }, (_, index) =>
    startInstance({ client: clients[index % 2]!, policies, ...config }),
  )
  instances.push(...(await Promise.all(started)))
  return instances
}

async function openStore(url: string): Promise<KeyStore> {
  if (url.startsWith('mysql:')) {
    const pool = createPool(url)
    opened.push({ close: () => pool.promise().end() })
    const store = mysql(pool)
    await store.open()
    return store
  }
  const pool = new pg.Pool({ connectionString: url }).on('error', () => {})
  opened.push({ close: () => pool.end() })
  const store = postgres(pool)
  await store.open()
  return store
}

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

/** Waits until every instance admits a key and creates one. @returns How many milliseconds that took. */
async function healed(instances: readonly Instance[], apiKey: string): Promise<number> {
  const begunAt = performance.now()
  const works = (instance: Instance) =>
    until(
      'an instance works again',
      async () =>
        (await instance.ask(apiKey)) === 'admitted' &&
        (await instance.keys.create({ owner: 'probe', name: 'probe' }).catch(() => undefined)) !== undefined,
      HEALED_WITHIN_MS,
    )
  await Promise.all(instances.map(works))
  return performance.now() - begunAt
}

/** Kills a server again and again while clients change keys, and expects that nothing was lost. */
async function killUnderLoad(server: Server, kills: number, config: InstanceConfig): Promise<void> {
  const instances = await fleetOf(2, config)
  const { apiKey } = await instances[0]!.keys.create({ owner: 'probe', name: 'probe' })
  const changes = changeKeys(() => instances)
  const begunAt = performance.now()
  let slowestMs = 0
  for (let kill = 0; kill < kills; kill++) {
    await pause(BETWEEN_MS)
    await server.kill()
    await pause(OUTAGE_MS)
    await server.restart()
    slowestMs = Math.max(slowestMs, await healed(instances, apiKey))
  }
  const ledger = await changes.stop()
  const numbers = await verifyLedger(ledger, await openStore(config.databaseUrl))
  // Node.js ends a process by itself for what nobody catches.
  expect(instances.map(({ child }) => child.exitCode)).toEqual([null, null])
  expect(numbers['revoked'], 'or there was no load').toBeGreaterThan(kills)
  expect(numbers['fenced']).toBeGreaterThan(kills)
  await everyRevocationHolds(instances, [...ledger.revoked].slice(-100), ledger.created)
  expect(await Promise.all(instances.map((instance) => instance.stop())), '240').toEqual([0, 0])
  report({ kills, seconds: seconds(begunAt), slowestMs: Math.round(slowestMs), ...numbers })
}

async function everyRevocationHolds(
  instances: readonly Instance[],
  ids: readonly string[],
  apiKeys: ReadonlyMap<string, string>,
): Promise<void> {
  for (const instance of instances) {
    const outcomes = await Promise.all(ids.map((id) => instance.ask(apiKeys.get(id)!)))
    expect(new Set(outcomes)).toEqual(new Set(['invalid_api_key']))
  }
}

const seconds = (sinceMs: number) => Math.round((performance.now() - sinceMs) / 1_000)

describeWith(
  ['postgres', 'redis'],
  'killed with -9 while keys are created and revoked, nothing acknowledged is lost',
  () => {
    it(
      'by instances, 20 times',
      async () => {
        const [database, server] = await Promise.all([
          serve(startPostgres({ durable: true })),
          serve(startRedis({ durable: true })),
        ])
        const config = { databaseUrl: await createDatabase(database), redisUrl: server.url }
        const instances = await fleetOf(4, config)
        const changes = changeKeys(() => instances.filter(({ child }) => !child.killed))
        const begunAt = performance.now()
        // Two at a time: a new one takes a second to start.
        for (let kill = 0; kill < KILLS; kill += 2) {
          const killAndReplace = async (victim: number) => {
            await pause(BETWEEN_MS * (1 + (victim % 2)))
            await instances[victim]!.kill()
            instances[victim] = (await fleetOf(1, config))[0]!
          }
          await Promise.all([kill % 4, (kill + 1) % 4].map(killAndReplace))
        }
        const ledger = await changes.stop()
        const store = await openStore(config.databaseUrl)
        const numbers = await verifyLedger(ledger, store)
        await until('the outbox is empty', async () => (await store.listFences(10)).length === 0, 2_000)
        await everyRevocationHolds(instances, [...ledger.revoked].slice(-100), ledger.created)
        expect(await Promise.all(instances.map((instance) => instance.stop()))).toEqual([0, 0, 0, 0])
        report({ kills: KILLS, seconds: seconds(begunAt), ...numbers })
      },
      TIMEOUT_MS,
    )

    it(
      '213: by Postgres, 20 times, and requests work within 2 s of its return',
      async () => {
        const [database, server] = await Promise.all([
          serve(startPostgres({ durable: true })),
          serve(startRedis({ durable: true })),
        ])
        await killUnderLoad(database, KILLS, { databaseUrl: await createDatabase(database), redisUrl: server.url })
      },
      TIMEOUT_MS,
    )

    it(
      '213: by Postgres that is the gate as well',
      async () => {
        const database = await serve(startPostgres({ durable: true }))
        await killUnderLoad(database, 5, { databaseUrl: await createDatabase(database) })
      },
      TIMEOUT_MS,
    )

    it.each([
      ['205: by Redis that keeps what it confirmed, 20 times', true, KILLS],
      ['205: by Redis that comes back empty, 10 times', false, KILLS / 2],
    ])(
      '%s',
      async (_, durable, kills) => {
        const [database, server] = await Promise.all([
          serve(startPostgres({ durable: true })),
          serve(startRedis({ durable, needsOwnServer: true })),
        ])
        await killUnderLoad(server, kills, { databaseUrl: await createDatabase(database), redisUrl: server.url })
      },
      TIMEOUT_MS,
    )
  },
  { needsOwnServer: true },
)

describeWith(
  ['mariadb', 'redis'],
  'killed with -9 while keys are created and revoked, nothing acknowledged is lost, either',
  () => {
    it(
      'by MariaDB, 10 times',
      async () => {
        const [database, server] = await Promise.all([
          serve(startMariadb({ durable: true })),
          serve(startRedis({ durable: true })),
        ])
        await killUnderLoad(database, MARIADB_KILLS, {
          databaseUrl: await createMysqlDatabase(database),
          redisUrl: server.url,
        })
      },
      TIMEOUT_MS,
    )
  },
  { needsOwnServer: true },
)
