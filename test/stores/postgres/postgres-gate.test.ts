import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Bucket, Gate, GateAnswer } from '../../../src/model/gate.ts'
import { createPostgresGate } from '../../../src/stores/postgres/postgres-gate.ts'
import type { PostgresRow } from '../../../src/stores/postgres/postgres-query.ts'
import { gateContract } from '../../../src/testing/gate-contract.ts'
import { startPgbouncer } from '../../servers/pgbouncer.ts'
import { createDatabase, startPostgres } from '../../servers/postgres.ts'
import type { Server } from '../../servers/server.ts'
import { type GateDatabase, openGateDatabase, realTimeHarness } from './postgres-gate-harness.ts'

const HUNDRED = [{ limit: 100, windowSeconds: 600 }]

let server: Server
let url: string
let database: GateDatabase

beforeAll(async () => {
  server = await startPostgres()
  url = await createDatabase(server)
  database = openGateDatabase(url, { max: 50 })
})
afterAll(async () => {
  await database?.close()
  await server?.stop()
})

function ask(gate: Gate, buckets: readonly Bucket[], version = 1): Promise<GateAnswer> {
  return Promise.resolve(gate.admit({ owner: 'org', lineage: 'key', version, nonce: undefined, buckets }))
}

async function outcomes(answers: Promise<GateAnswer>[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { outcome } of await Promise.all(answers)) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}

async function windowsLeft(gate: Gate, buckets: readonly Bucket[]): Promise<number[]> {
  const answer = await gate.peek({ owner: 'org', lineage: 'key', version: 1, nonce: undefined, buckets })
  return 'windows' in answer ? answer.windows.map(({ remaining }) => remaining) : []
}

describe('the contract of a gate, on Postgres', () => {
  for (const { name, run } of gateContract) it.concurrent(name, () => run(realTimeHarness(database)))
})

describe('the Postgres gate', () => {
  it('admits exactly 100 of 200 calls at once, over two gates', async () => {
    const { gate, another, setVersion } = await database.createGate()
    await setVersion('org', 'key', 1)
    const gates = [gate, another()]
    const calls = Array.from({ length: 200 }, (_, i) => ask(gates[i % 2]!, [{ id: 'a', windows: HUNDRED, cost: 1 }]))
    expect(await outcomes(calls)).toEqual({ admitted: 100, refused: 100 })
  })

  it('has no deadlock when 50 callers name the same buckets in opposite orders', async () => {
    const { gate, setVersion } = await database.createGate()
    await setVersion('org', 'key', 1)
    const ids = ['a', 'b', 'c', 'd']
    const calls = Array.from({ length: 400 }, (_, i) => {
      const buckets = ids.map((id) => ({ id, windows: HUNDRED, cost: 1 }))
      return ask(gate, i % 2 === 0 ? buckets : buckets.reverse())
    })
    expect(await outcomes(calls)).toEqual({ admitted: 100, refused: 300 })
    expect(
      await windowsLeft(
        gate,
        ids.map((id) => ({ id, windows: HUNDRED, cost: 0 })),
      ),
    ).toEqual([0, 0, 0, 0])
  })

  it('sees a commit with the very next call, also one that waited for a lock meanwhile', async () => {
    const { gate, setVersion, query } = await database.createGate()
    await setVersion('org', 'key', 1)
    const buckets = [{ id: 'a', windows: HUNDRED, cost: 1 }]
    expect((await ask(gate, buckets)).outcome).toBe('admitted')
    await setVersion('org', 'key', 2)
    expect((await ask(gate, buckets)).outcome).toBe('stale')
    expect((await ask(gate, buckets, 2)).outcome).toBe('admitted')

    const holder = await database.pool.connect()
    const [lock] = await query('SELECT high FROM keyward_gate_logs', [])
    await holder.query('BEGIN')
    await holder.query('SELECT pg_advisory_xact_lock($1)', [lock?.['high']])
    const waiting = ask(gate, buckets, 2)
    await untilSomebodyWaits(holder)
    await setVersion('org', 'key', 3)
    await holder.query('COMMIT')
    holder.release()
    expect((await waiting).outcome).toBe('stale')
  })

  it('takes a copy that is newer than the row, and one of no row, for stale', async () => {
    const { gate, setVersion } = await database.createGate()
    await setVersion('org', 'key', 1)
    expect((await ask(gate, [], 2)).outcome).toBe('stale')
    for (const lineage of ['none', 'key\0', '']) {
      expect(await gate.admit({ owner: 'org', lineage, version: 1, nonce: undefined, buckets: [] })).toEqual({
        outcome: 'stale',
      })
    }
  })

  it('writes nothing for what it refuses, only asks, or knows to be stale', async () => {
    const { gate, setVersion, query } = await database.createGate()
    await setVersion('org', 'key', 1)
    const buckets = [{ id: 'a', windows: [{ limit: 2, windowSeconds: 600 }], cost: 1 }]
    await ask(gate, buckets)
    await ask(gate, buckets)
    const written = () => query('SELECT xmin::text, xmax::text, ctid::text FROM keyward_gate_logs', [])
    const before = await written()
    for (let i = 0; i < 20; i++) {
      expect((await ask(gate, buckets)).outcome).toBe('refused')
      expect((await ask(gate, buckets, 9)).outcome).toBe('stale')
      await gate.peek({ owner: 'org', lineage: 'key', version: 1, nonce: undefined, buckets })
    }
    expect(await written()).toEqual(before)
  })

  it('works through PgBouncer in transaction mode', async () => {
    const bouncer = await startPgbouncer(url, { poolSize: 5 })
    const pool = new pg.Pool({ connectionString: bouncer.url, max: 50 })
    try {
      const { another, setVersion } = await database.createGate()
      await setVersion('org', 'key', 1)
      const gate = another(pool)
      await gate.open?.(() => {})
      const windows = [{ limit: 30, windowSeconds: 600 }]
      const calls = Array.from({ length: 100 }, (_, i) => {
        const buckets = [
          { id: 'a', windows, cost: 1 },
          { id: 'b', windows: HUNDRED, cost: 1 },
        ]
        return ask(gate, i % 2 === 0 ? buckets : buckets.reverse())
      })
      expect(await outcomes(calls)).toEqual({ admitted: 30, refused: 70 })
    } finally {
      await pool.end()
      await bouncer.stop()
    }
  })

  it('refuses to work where a transaction does not see what was committed since it began', async () => {
    const { another, setVersion } = await database.createGate()
    await setVersion('org', 'key', 1)
    const pool = new pg.Pool({
      connectionString: url,
      max: 1,
      options: '-c default_transaction_isolation=repeatable\\ read',
    })
    const gate = another(pool)
    await expect(gate.open?.(() => {})).rejects.toMatchObject({ code: 'config_error' })
    await expect(ask(gate, [])).rejects.toMatchObject({ code: 'service_unavailable' })
    await pool.end()
  })

  it('rejects with service_unavailable when the statement fails or answers nonsense', async () => {
    const answers: (() => Promise<readonly PostgresRow[]>)[] = [
      () => Promise.reject(new Error('connection lost')),
      async () => [],
      async () => [{ answer: null }],
      async () => [{ answer: 'admitted 1 2 3' }],
    ]
    for (const query of answers) {
      const gate = createPostgresGate({ query, tablePrefix: 'keyward_', deadlineMs: 1000 })
      await expect(ask(gate, [])).rejects.toMatchObject({ code: 'service_unavailable' })
    }
  })

  it('removes ended logs by itself, also those of a process that is gone', async () => {
    const { gate, another, setVersion, entries } = await database.createGate()
    await setVersion('org', 'key', 1)
    const windows = [{ limit: 1, windowSeconds: 1 }]
    await Promise.all(Array.from({ length: 1500 }, (_, i) => ask(gate, [{ id: `gone-${i}`, windows, cost: 1 }])))
    await gate.close?.()
    const survivor = another()
    await ask(survivor, [{ id: 'a', windows, cost: 1 }])
    for (let i = 0; i < 100 && (await entries()) > 0; i++) await sleep(50)
    expect(await entries()).toBe(0)
    await survivor.close?.()
  })
})

async function untilSomebodyWaits(client: pg.PoolClient): Promise<void> {
  for (let i = 0; i < 200; i++) {
    const { rows } = await client.query("SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
    if (rows.length > 0) return
    await sleep(10)
  }
  throw new Error('nobody waits for the lock')
}
