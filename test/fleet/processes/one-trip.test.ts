import { Redis } from 'ioredis'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith } from '../../servers/missing-servers.ts'
import { createDatabase, startPostgres } from '../../servers/postgres.ts'
import { redisCommand } from '../../servers/redis-command.ts'
import type { Server } from '../../servers/server.ts'
import { type Instance, startInstance } from './fleet.ts'
import { fleetServers } from './fleet-servers.ts'
import { report } from './report.ts'

const REQUESTS = 1_000
const policies = {
  second: [{ limit: 100_000, windowSeconds: 1 }],
  minute: [{ limit: 100_000, windowSeconds: 60 }],
  day: [{ limit: 1_000_000, windowSeconds: 86_400 }],
}

/** Asks a thousand times, from ten callers, for a key that faces three windows and was seen before. */
async function askOften(instance: Instance, prepare: () => Promise<void>): Promise<void> {
  const names = Object.keys(policies)
  const { apiKey } = await instance.keys.create({ owner: 'acme', name: 'often', policies: names })
  expect(await instance.ask(apiKey)).toBe('admitted')
  await prepare()
  const callers = Array.from({ length: 10 }, async () => {
    for (let asked = 0; asked < REQUESTS / 10; asked++) expect(await instance.ask(apiKey)).toBe('admitted')
  })
  await Promise.all(callers)
}

/** How often each command ran on a Redis server, those that scripts call among them. */
async function commandStats(url: string): Promise<Record<string, number>> {
  const info = String(await redisCommand(url, ['INFO', 'commandstats']))
  const found = [...info.matchAll(/^cmdstat_([^:]+):calls=(\d+)/gm)]
  return Object.fromEntries(found.map(([, name = '', calls]) => [name, Number(calls)]))
}

describeWith(['postgres', 'redis'], 'a thousand requests for a known key with three windows', () => {
  const servers = fleetServers(['Redis', 'Redis Cluster'])

  it('are a thousand EVALSHA in Redis, and no other command', async () => {
    const [instance] = await servers.start('Redis', 1, { policies })
    const { url } = servers.redis
    const client = new Redis(url)
    const monitor = await client.monitor()
    const sent: string[] = []
    monitor.on('monitor', (_time: string, command: string[], source: string) => {
      if (source !== 'lua') sent.push(command[0]!.toLowerCase())
    })
    await askOften(instance!, async () => {
      await redisCommand(url, ['CONFIG', 'RESETSTAT'])
      sent.length = 0
    })
    const { evalsha = 0 } = await commandStats(url)
    for (const connection of [client, monitor]) connection.disconnect()
    expect(evalsha).toBe(REQUESTS)
    expect(sent.filter((command) => command !== 'info')).toEqual(Array(REQUESTS).fill('evalsha'))
    report('one trip on Redis', { requests: REQUESTS, evalsha })
  })

  it('are a thousand EVALSHA in a Redis Cluster', async () => {
    const [instance] = await servers.start('Redis Cluster', 1, { policies })
    const urls = servers.cluster.nodes.map(({ url }) => url)
    await askOften(instance!, async () => {
      for (const url of urls) await redisCommand(url, ['CONFIG', 'RESETSTAT'])
    })
    const stats = await Promise.all(urls.map(commandStats))
    const calls = (name: string) => stats.reduce((sum, of) => sum + (of[name] ?? 0), 0)
    expect(['evalsha', 'eval', 'script|load'].map(calls)).toEqual([REQUESTS, 0, 0])
    report('one trip on Redis Cluster', { requests: REQUESTS, evalsha: calls('evalsha') })
  })
})

const countsStatements = ['-c', 'shared_preload_libraries=pg_stat_statements']

describeWith('postgres', 'a thousand requests for a known key with three windows, on Postgres alone', () => {
  let server: Server
  let instance: Instance | undefined
  beforeAll(async () => {
    server = await startPostgres({ args: countsStatements })
  })
  afterAll(async () => {
    await instance?.stop()
    await server?.stop()
  })

  it('are a thousand statements', async () => {
    const databaseUrl = await createDatabase(server)
    const client = new pg.Client(databaseUrl)
    await client.connect()
    await client.query('CREATE EXTENSION pg_stat_statements')
    instance = await startInstance({ databaseUrl, policies })
    const begunAt = performance.now()
    await askOften(instance, async () => {
      await client.query('SELECT pg_stat_statements_reset()')
    })
    const seconds = (performance.now() - begunAt) / 1_000
    const text =
      'SELECT query, calls::integer FROM pg_stat_statements WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())'
    const { rows } = await client.query<{ query: string; calls: number }>(text)
    await client.end()
    const ours = rows.filter(({ query }) => !query.includes('pg_stat_statements'))
    const ofGate = ours.filter(({ query }) => query.includes('keyward_gate_admit'))
    const others = ours.filter(({ query }) => !query.includes('keyward_gate_admit'))
    expect(ofGate.map(({ calls }) => calls)).toEqual([REQUESTS])
    // What an instance looks after three times a second, and the last use of a key, once.
    const rest = others.reduce((sum, { calls }) => sum + calls, 0)
    expect(rest, JSON.stringify(others)).toBeLessThan(20 + 10 * seconds)
    report('one trip on Postgres', { requests: REQUESTS, statements: REQUESTS, others: rest })
  })
})
