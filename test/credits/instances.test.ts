import { type Clock, createKeyward, type KeyStore, memoryGate } from 'keyward'
import { mysql } from 'keyward/mysql'
import { postgres } from 'keyward/postgres'
import { createPool } from 'mysql2'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { createTestClock } from '../../src/testing/test-clock.ts'
import * as mariadb from '../servers/mariadb.ts'
import * as postgresql from '../servers/postgres.ts'
import type { Server } from '../servers/server.ts'
import { debit, ledgerOf, sumOfMovements } from './account-desk.ts'

const DAY_MS = 86_400_000
const deadlineMs = 10_000
const account = { owner: 'acme', lineage: null }
const pool = { owner: 'acme' }

/** Opens a store on a database, over a pool of its own. */
type Open = (url: string, clock: Clock) => { readonly store: KeyStore; end(): Promise<void> }

const servers: Readonly<Record<string, readonly [() => Promise<Server>, (server: Server) => Promise<string>, Open]>> = {
  Postgres: [
    postgresql.startPostgres,
    postgresql.createDatabase,
    (connectionString, clock) => {
      const source = new pg.Pool({ connectionString, max: 3 })
      return { store: postgres(source, { clock, deadlineMs }), end: () => source.end() }
    },
  ],
  MariaDB: [
    mariadb.startMariadb,
    mariadb.createDatabase,
    (uri, clock) => {
      const source = createPool({ uri, connectionLimit: 3 })
      return { store: mysql(source, { clock, deadlineMs }), end: () => source.promise().end() }
    },
  ],
}

describe.each(Object.entries(servers))('4 instances on %s', (_name, [start, createDatabase, open]) => {
  let server: Server
  beforeAll(async () => {
    server = await start()
  })
  afterAll(() => server?.stop())

  /** Instances whose clocks are some seconds apart. */
  async function openInstances() {
    const url = await createDatabase(server)
    const openOne = async (ahead: number) => {
      const clock = createTestClock(Date.UTC(2026, 0, 1) + ahead)
      const { store, end } = open(url, clock)
      const keyward = createKeyward({ store, gate: memoryGate({ clock }) })
      onTestFinished(async () => {
        await keyward.close()
        await end()
      })
      await keyward.ready()
      return { credits: keyward.credits, clock, ledger: ledgerOf(store) }
    }
    return Promise.all([openOne(0), openOne(1_000), openOne(2_000), openOne(3_000)])
  }

  it('124: make each refill once, with clocks that are apart and step back across its instant', async () => {
    const instances = await openInstances()
    const [first] = instances
    await first.credits.set(pool, { balance: 0, refill: { amount: 10, mode: 'add', every: 'day' } })
    for (let day = 1; day <= 10; day++) {
      const midnight = Date.UTC(2026, 0, 1) + day * DAY_MS
      for (const offset of [-5_000, -1_500, 60_000, -1_500, 60_000])
        await Promise.all(
          instances.map(async ({ credits, clock }, index) => {
            clock.set(midnight + offset + index * 1_000)
            await Promise.all([credits.get(pool), credits.topUp(pool, { amount: 1 })])
          }),
        )
      expect((await first.credits.get(pool)).balance).toBe(day * (10 + 20))
    }
    const refills = (await first.ledger.listMovements(account, undefined, 1_000)).filter(
      ({ kind }) => kind === 'refill',
    )
    expect(refills.map(({ amount }) => amount)).toEqual(Array(10).fill(10))
  })

  it('118: leave an exact balance when they top up and spend at once, and repeat each top-up', async () => {
    const instances = await openInstances()
    const [{ credits, ledger }] = instances
    const at = new Date(Date.UTC(2026, 0, 1))
    await credits.topUp(pool, { amount: 20, operationId: 'start' })
    const work = instances.flatMap((instance) =>
      Array.from({ length: 25 }, async (_, index) => {
        if (index % 5 === 0) await instance.credits.topUp(pool, { amount: 3, operationId: `invoice-${index}` })
        return (await instance.ledger.reserve(debit(account, 1, at))).outcome
      }),
    )
    const spent = (await Promise.all(work)).filter((outcome) => outcome === 'reserved').length
    const left = await credits.get(pool)
    expect(left).toMatchObject({ balance: 20 + 5 * 3 - spent, reserved: 0, version: 1 + 5 + spent })
    expect(await sumOfMovements(ledger, account)).toBe(left.balance)
    expect(spent).toBeGreaterThanOrEqual(20)
  })
})
