import { Redis } from 'ioredis'
import { createKeyward, type Gate, type Keyward, type Window } from 'keyward'
import { postgres } from 'keyward/postgres'
import { redis } from 'keyward/redis'
import pg from 'pg'
import { startPostgres } from '../test/servers/postgres.ts'
import { startRedis } from '../test/servers/redis.ts'
import { closedLoop, type LoopResult, medianOf } from './closed-loop.ts'
import { generatedStore, headOf, makeKeys } from './generated-keys.ts'
import { number, printTable, verdict } from './table.ts'

const CALLERS = [1, 50, 200] as const
const isQuick = process.argv.includes('--quick')
const rounds = isQuick ? 3 : 5
const roundMs = isQuick ? 600 : 1_500
const MINUTE: Window = { limit: 100, windowSeconds: 60 }
const THREE: readonly Window[] = [
  MINUTE,
  { limit: 1_000, windowSeconds: 3_600 },
  { limit: 10_000, windowSeconds: 86_400, per: 'owner' },
]

/** Something to call, and what a call of it is named in the table. */
interface Subject {
  readonly name: string
  call(index: number): Promise<unknown>
}

await measureRedis()
await measurePostgres()

async function measureRedis(): Promise<void> {
  const server = await startRedis({ needsOwnServer: true })
  const client = new Redis(server.url, { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false })
  const script = 'return {1, 99, 60000, 0}'
  const sha = String(await client.script('LOAD', script))
  const noOp = (): Promise<unknown> =>
    client.call(
      'EVALSHA',
      sha,
      2,
      'keyward:{0123456789abcdef}v:key',
      'keyward:{0123456789abcdef}l:key',
      '1',
      '1',
      '60',
      '100',
    )
  const keys = makeKeys(isQuick ? 5_000 : 20_000)
  const one = await known(redis(client, { prefix: 'one:' }), keys, [MINUTE])
  const three = await known(redis(client, { prefix: 'three:' }), keys.slice(0, 5_000), THREE)
  const table = await compare([
    { name: 'floor: a script that does nothing', call: noOp },
    { name: 'PING', call: () => client.ping() },
    { name: 'keyward, one window of 100 a minute', call: one.call },
    { name: 'keyward, three windows in two logs', call: three.call },
  ])
  print('Redis: a request with a known key', table)
  for (const callers of CALLERS.slice(1))
    verdict(
      `Redis, ${callers} under way: share of a script that does nothing`,
      share(table, 2, callers),
      'at least',
      0.85,
    )
  const before = await commandsOf(client)
  for (let index = 0; index < 1_000; index++) await three.call(index)
  verdict('Redis: commands a request, three windows', ((await commandsOf(client)) - before - 1) / 1_000, 'at most', 1)
  await one.keyward.close()
  await three.keyward.close()
  client.disconnect()
  await server.stop()
}

async function measurePostgres(): Promise<void> {
  const server = await startPostgres({ durable: true })
  const pool = new pg.Pool({ connectionString: server.url, max: 20 })
  const store = postgres(pool)
  const keyward = createKeyward({ store, limits: { policies: { default: [{ limit: 1_000, windowSeconds: 60 }] } } })
  await keyward.ready()
  const apiKeys: string[] = []
  for (let owner = 0; owner < 500; owner++)
    apiKeys.push((await keyward.keys.create({ owner: `org_${owner}`, name: 'bench' })).apiKey)
  const { call } = caller(keyward, apiKeys)
  for (let index = 0; index < apiKeys.length; index++) await call(index)
  const table = await compare([
    { name: 'floor: SELECT 1', call: () => pool.query('SELECT 1', []) },
    { name: 'keyward, one window of 1,000 a minute', call },
  ])
  print('Postgres alone: a request with a known key', table)
  await keyward.close()
  await pool.end()
  await server.stop()
}

/** A keyward on a gate, with keys that it has seen: their copies are there, and the gate has their versions. */
async function known(gate: Gate, keys: readonly string[], windows: readonly Window[]) {
  const store = generatedStore(true)
  const keyward = createKeyward({
    store,
    gate,
    limits: { policies: { default: windows } },
    onEvent: undefined,
  })
  await keyward.ready()
  const made = caller(keyward, keys)
  for (let from = 0; from < keys.length; from += 200)
    await Promise.all(Array.from({ length: 200 }, (_, offset) => made.call(from + offset)))
  return { keyward, call: made.call }
}

/** Lets requests with one key after the other walk. */
function caller(keyward: Keyward, keys: readonly string[]) {
  const route = keyward.route()
  const heads = keys.map((key) => headOf(key))
  let refused = 0
  return {
    async call(index: number) {
      const decision = await keyward.admit(keyward.receive(heads[index % heads.length]!), route)
      if (decision.denied && decision.code !== 'rate_limit_exceeded') throw new Error(decision.code)
      if (decision.denied) refused += 1
      if (refused > 1_000) throw new Error('The keys are too few for this machine: refusals spare the trip.')
    },
  }
}

type Table = readonly (readonly [name: string, results: ReadonlyMap<number, LoopResult>])[]

/** Measures subjects in turn, round by round, so that what else the machine does meets them all. */
async function compare(subjects: readonly Subject[]): Promise<Table> {
  const found = subjects.map(() => new Map<number, LoopResult>())
  for (const callers of CALLERS) {
    const runs = subjects.map((): LoopResult[] => [])
    for (const subject of subjects) await closedLoop(callers, 300, subject.call)
    for (let round = 0; round < rounds; round++)
      for (const [index, subject] of subjects.entries())
        runs[index]!.push(await closedLoop(callers, roundMs, subject.call))
    for (const [index, results] of runs.entries()) found[index]!.set(callers, medianOf(results))
  }
  return subjects.map(({ name }, index) => [name, found[index]!] as const)
}

function share(table: Table, row: number, callers: number): number {
  return table[row]![1].get(callers)!.perSecond / table[0]![1].get(callers)!.perSecond
}

function print(title: string, table: Table): void {
  for (const callers of CALLERS)
    printTable(
      `${title}, ${callers} under way`,
      ['', 'requests a second', 'p50, ms', 'p99, ms', 'share of the floor'],
      table.map(([name, results], row) => {
        const { perSecond, p50Ms, p99Ms } = results.get(callers)!
        return [
          name,
          number(perSecond),
          number(p50Ms, 2),
          number(p99Ms, 2),
          `${number(share(table, row, callers) * 100, 1)} %`,
        ]
      }),
    )
}

/** How many commands the server was sent so far, by its own count; those that a script runs are not among them. */
async function commandsOf(client: Redis): Promise<number> {
  const info = await client.info('commandstats')
  const calls = [...info.matchAll(/cmdstat_(evalsha|eval|info|fcall|multi|script\|load):calls=(\d+)/g)]
  return calls.reduce((sum, [, , count]) => sum + Number(count), 0)
}
