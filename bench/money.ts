import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKeyward, headOfNode, type KeyStore, type Keyward, memory, memoryGate, type RouteOptions } from 'keyward'
import { mysql } from 'keyward/mysql'
import { postgres } from 'keyward/postgres'
import { sqlite } from 'keyward/sqlite'
import { createPool } from 'mysql2'
import pg from 'pg'
import { startMariadb } from '../test/servers/mariadb.ts'
import { startPostgres } from '../test/servers/postgres.ts'
import { closedLoop, type LoopResult, medianOf } from './closed-loop.ts'
import { number, printTable } from './table.ts'

const CALLERS = 50
const isQuick = process.argv.includes('--quick')
const rounds = isQuick ? 3 : 5
const roundMs = isQuick ? 600 : 1_500
/** Owners, so that callers do not all wait for one row. */
const OWNERS = 200

const ROUTES: Readonly<Record<string, RouteOptions>> = {
  'nothing but the key': {},
  'one credit': { credits: 1 },
  'an idempotency key': { idempotency: {} },
  both: { credits: 1, idempotency: {} },
}

/** Where money is kept, and how the bench ends it. */
interface Place {
  readonly store: KeyStore
  /** Statements that the application's client has sent so far; `undefined` where nobody counts. */
  statements?(): number
  close(): Promise<unknown>
}

const PLACES: Readonly<Record<string, () => Promise<Place>>> = {
  Memory: async () => ({ store: memory({ losesDataOnExit: true }), close: async () => {} }),
  SQLite: async () => {
    const folder = mkdtempSync(join(tmpdir(), 'keyward-bench-'))
    return { store: sqlite(join(folder, 'keys.db')), close: async () => rmSync(folder, { recursive: true }) }
  },
  Postgres: openPostgres,
  MySQL: openMysql,
}

for (const [name, open] of Object.entries(PLACES)) await measure(name, await open())

async function measure(name: string, place: Place): Promise<void> {
  // Windows in this process: what is compared is what money costs.
  const keyward = createKeyward({ store: place.store, gate: memoryGate() })
  await keyward.ready()
  const apiKeys: string[] = []
  for (let owner = 0; owner < OWNERS; owner++) {
    apiKeys.push((await keyward.keys.create({ owner: `org_${owner}`, name: 'bench' })).apiKey)
    await keyward.credits.topUp({ owner: `org_${owner}` }, { amount: 1_000_000_000 })
  }
  const calls = Object.entries(ROUTES).map(([what, route]) => [what, caller(keyward, apiKeys, route)] as const)
  const runs = calls.map((): LoopResult[] => [])
  const statements = calls.map(() => 0)
  for (const [, call] of calls) await closedLoop(CALLERS, 300, call)
  for (let round = 0; round < rounds; round++)
    for (const [index, [, call]] of calls.entries()) {
      const before = place.statements?.() ?? 0
      let sent = 0
      const result = await closedLoop(CALLERS, roundMs, () => {
        sent += 1
        return call()
      })
      runs[index]!.push(result)
      statements[index] = ((place.statements?.() ?? 0) - before) / sent
    }
  const results = runs.map(medianOf)
  printTable(
    `${name}: what a request takes, ${CALLERS} under way`,
    ['', 'requests a second', 'p50, ms', 'p99, ms', 'of the first', 'statements a request'],
    results.map(({ perSecond, p50Ms, p99Ms }, row) => [
      calls[row]![0],
      number(perSecond),
      number(p50Ms, 2),
      number(p99Ms, 2),
      `${number((perSecond / results[0]!.perSecond) * 100, 1)} %`,
      place.statements === undefined ? '' : number(statements[row]!, 2),
    ]),
  )
  await keyward.close()
  await place.close()
}

/** Walks requests through both halves, and ends them with an answer of 60 bytes. */
function caller(keyward: Keyward, apiKeys: readonly string[], options: RouteOptions) {
  const route = keyward.route(options)
  const answer = new TextEncoder().encode(JSON.stringify({ id: 'gen_0123456789', status: 'queued', model: 'one' }))
  const body = new TextEncoder().encode('{"model":"one","prompt":"a quiet lake"}')
  let number = 0
  return async () => {
    number += 1
    const fields = ['Authorization', `Bearer ${apiKeys[number % apiKeys.length]}`, 'Content-Type', 'application/json']
    const rawHeaders = [...fields, 'Idempotency-Key', `order-${crypto.randomUUID()}`]
    const context = keyward.receive(headOfNode({ method: 'POST', url: '/v1/generate', headers: {}, rawHeaders }))
    const decision = await keyward.admit(context, route)
    if (decision.denied) throw new Error(decision.body)
    const answered = await keyward.begin(context, route, () => body)
    if (answered !== undefined) throw new Error(String(answered.body))
    await context.exchange?.end({ status: 200, headers: [['Content-Type', 'application/json']], body: answer })
  }
}

async function openPostgres(): Promise<Place> {
  const server = await startPostgres({ durable: true })
  const pool = new pg.Pool({ connectionString: server.url, max: 20 })
  let statements = 0
  pool.on('connect', (client) => {
    const query = client.query.bind(client) as (...given: unknown[]) => unknown
    client.query = ((...given: unknown[]) => {
      statements += 1
      return query(...given)
    }) as typeof client.query
  })
  return {
    store: postgres(pool),
    statements: () => statements,
    close: () => pool.end().then(() => server.stop()),
  }
}

async function openMysql(): Promise<Place> {
  const server = await startMariadb({ durable: true })
  const pool = createPool({ uri: server.url, connectionLimit: 20 })
  let statements = 0
  pool.on('connection', (connection) => {
    const query = connection.query.bind(connection) as (...given: unknown[]) => unknown
    connection.query = ((...given: unknown[]) => {
      statements += 1
      return query(...given)
    }) as typeof connection.query
  })
  return {
    store: mysql(pool),
    statements: () => statements,
    close: () =>
      pool
        .promise()
        .end()
        .then(() => server.stop()),
  }
}
