import pg from 'pg'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { describeWith } from '../../servers/missing-servers.ts'
import { createDatabase, startPostgres } from '../../servers/postgres.ts'
import { startRedis } from '../../servers/redis.ts'
import type { Server } from '../../servers/server.ts'
import { until } from '../../servers/until.ts'
import { clientOf } from './clients.ts'
import { createInstance, type Instance } from './instance.ts'
import { askOnce, seconds, sendLoad, slowest, tally } from './load.ts'
import { report } from './report.ts'

const SLOWEST_MS = 1_500

describeWith(
  ['postgres', 'redis'],
  'Postgres, away or busy',
  () => {
    let database: Server
    let server: Server
    let postgresUrl: string
    const opened: { close(): Promise<unknown> }[] = []
    beforeAll(async () => {
      database = await startPostgres({ durable: true })
      server = await startRedis({ needsOwnServer: true })
      postgresUrl = await createDatabase(database)
    })
    afterEach(async () => {
      for (const each of opened.splice(0).reverse()) await each.close()
    })
    afterAll(async () => {
      await server?.stop()
      await database?.stop()
    })

    function instance({ gate = true, poolSize = 10 } = {}): Instance {
      const client = gate ? { client: clientOf('ioredis', server.url) } : undefined
      const made = createInstance({ postgresUrl, gate: client, poolSize })
      opened.push(made)
      return made
    }

    /** A connection of an operator's. */
    async function operator(url = postgresUrl): Promise<pg.Client> {
      const client = new pg.Client({ connectionString: url }).on('error', () => {})
      await client.connect()
      opened.push({ close: () => client.end().catch(() => {}) })
      return client
    }

    async function keysOf({ keyward }: Instance, count: number) {
      const made: { id: string; apiKey: string }[] = []
      while (made.length < count) made.push(await keyward.keys.create({ owner: `acme-${made.length % 10}`, name: 'a' }))
      return made
    }

    const works = ({ ask }: Instance, apiKey: string) =>
      until('requests work', async () => (await ask(apiKey)) === 'admitted', 2_000)

    it('206: stopped for 5 seconds, fenced copies go on, others are 503 within 1.5 s, and few wait for it', async () => {
      const one = instance()
      const [known, unseen] = await keysOf(one, 2)
      expect(await one.ask(known!.apiKey)).toBe('admitted')
      database.pause()
      const load = [known!, unseen!].map(({ apiKey }) => sendLoad([one], [apiKey], { callers: 10, pauseMs: 10 }))
      await seconds(5)
      const waiting = one.pool.waitingCount
      const [copies, misses] = await Promise.all(load.map(({ stop }) => stop()))
      database.resume()
      const resumedAt = performance.now()
      await works(one, unseen!.apiKey)
      expect(tally(copies!)).toEqual({ admitted: copies!.length })
      expect(tally(misses!)).toEqual({ service_unavailable: misses!.length })
      expect(slowest(misses!)).toBeLessThan(SLOWEST_MS)
      expect(waiting, 'calls in the queue of the pool').toBeLessThan(100)
      const healedMs = performance.now() - resumedAt
      report({ copies: copies!.length, misses: misses!.length, slowest: slowest(misses!), waiting, healedMs })
    })

    it.each([
      ['beside Redis', true],
      ['alone', false],
    ])('212: loses all connections at once, %s: at most one error for each request in flight', async (_, gate) => {
      const one = instance({ gate })
      const keys = await keysOf(one, 50)
      const client = await operator()
      await one.ask(keys[0]!.apiKey)
      const callers = 8
      let terminated = 0
      let isOver = false
      // Reads of keys that have no copy: each call is a statement.
      const reading = Array.from({ length: callers }, async (_unused, caller) => {
        const failures: string[] = []
        for (let turn = caller; !isOver; turn++) {
          const { id, apiKey } = keys[turn % keys.length]!
          await one.keyward.keys.get(id).catch((error: Error) => failures.push(error.name))
          const outcome = await one.ask(apiKey)
          if (outcome !== 'admitted') failures.push(outcome)
        }
        return failures
      })
      for (let round = 0; round < 5; round++) {
        await seconds(0.2)
        const { rows } = await client.query(
          'select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()',
        )
        terminated += rows.length
      }
      await seconds(0.2)
      isOver = true
      const failures = (await Promise.all(reading)).flat()
      expect(terminated).toBeGreaterThan(5)
      expect(new Set([...failures, 'StoreUnavailableError', 'service_unavailable'])).toEqual(
        new Set(['StoreUnavailableError', 'service_unavailable']),
      )
      expect(failures.length).toBeLessThanOrEqual(5 * callers)
      await works(one, keys[0]!.apiKey)
      report({ terminated, failures: failures.length })
    })

    it('214: read-only: requests go on, changes fail and change nothing, and it heals by itself', async () => {
      const one = instance()
      const [seen, unseen] = await keysOf(one, 2)
      expect(await one.ask(seen!.apiKey)).toBe('admitted')
      const client = await operator(database.url)
      const setReadOnly = async (value: 'on' | 'off') => {
        await client.query('set default_transaction_read_only = off')
        await client.query(`alter system set default_transaction_read_only = ${value}`)
        await client.query('select pg_reload_conf()')
      }
      await setReadOnly('on')
      try {
        await until('it is read-only', async () => {
          const { rows } = await one.pool.query('show default_transaction_read_only')
          return rows[0].default_transaction_read_only === 'on'
        })
        expect(await one.ask(seen!.apiKey)).toBe('admitted')
        expect(await one.ask(unseen!.apiKey)).toBe('admitted')
        for (const { id } of [seen!, unseen!])
          await expect(one.keyward.keys.revoke(id)).rejects.toMatchObject({ name: 'StoreUnavailableError' })
        expect(await one.ask(seen!.apiKey)).toBe('admitted')
      } finally {
        await setReadOnly('off')
      }
      await until(
        'a change works',
        async () => (await one.keyward.keys.revoke(seen!.id).catch(() => undefined))?.fenced === true,
        2_000,
      )
      expect(await one.ask(seen!.apiKey)).toBe('invalid_api_key')
    })

    it('216: a pool of 2 with queries of 5 s: 200 requests are 503 by the deadline, and no queue grows', async () => {
      const one = instance({ poolSize: 2 })
      const keys = await keysOf(one, 200)
      expect(await one.ask(keys[0]!.apiKey)).toBe('admitted')
      const busy = [1, 2].map(() => one.pool.query('select pg_sleep(5)'))
      const first = await Promise.all(keys.slice(1).map(({ apiKey }) => askOnce(one, apiKey)))
      expect(tally(first)).toEqual({ service_unavailable: 199 })
      expect(slowest(first)).toBeLessThan(SLOWEST_MS)
      expect(await one.ask(keys[0]!.apiKey), 'what has a copy goes on').toBe('admitted')
      const load = sendLoad(
        [one],
        keys.slice(1).map(({ apiKey }) => apiKey),
        { callers: 50, pauseMs: 5 },
      )
      await seconds(2)
      const waiting = one.pool.waitingCount
      const later = await load.stop()
      expect(slowest(later)).toBeLessThan(SLOWEST_MS)
      expect(later.length).toBeGreaterThan(1_000)
      expect(waiting).toBeLessThan(199 + 100)
      await Promise.all(busy)
      await works(one, keys[1]!.apiKey)
      report({ answers: first.length + later.length, slowest: Math.max(slowest(first), slowest(later)), waiting })
    })

    it.each([
      ['beside Redis', true],
      ['alone', false],
    ])('218: a table locked by a long migration, %s: 503 within 1.5 s, and nothing piles up', async (_, gate) => {
      const one = instance({ gate })
      const [seen, unseen] = await keysOf(one, 2)
      expect(await one.ask(seen!.apiKey)).toBe('admitted')
      const client = await operator()
      await client.query('begin')
      await client.query('lock table keyward_keys in access exclusive mode')
      const load = [seen!, unseen!].map(({ apiKey }) => sendLoad([one], [apiKey], { callers: 10, pauseMs: 10 }))
      const changed = one.keyward.keys.revoke(seen!.id).then(
        () => 'revoked',
        (error: Error) => error.name,
      )
      await seconds(3)
      const watcher = await operator()
      const { rows } = await watcher.query(
        "select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
      )
      const [copies, misses] = await Promise.all(load.map(({ stop }) => stop()))
      expect(await changed).toBe('StoreUnavailableError')
      await client.query('commit')
      await works(one, unseen!.apiKey)
      if (gate) expect(tally(copies!)).toEqual({ admitted: copies!.length })
      expect(tally(misses!)).toEqual({ service_unavailable: misses!.length })
      expect(Math.max(slowest(copies!), slowest(misses!))).toBeLessThan(SLOWEST_MS)
      expect(rows[0].n, 'statements that wait for the lock').toBeLessThanOrEqual(10)
      report({ misses: misses!.length, slowest: slowest(misses!), waiting: rows[0].n })
    })

    it.each([
      ['beside Redis', true],
      ['alone', false],
    ])(
      '73, 204: not there when an instance starts, %s: 503, and it serves within 2 s of its return',
      async (_, gate) => {
        const [made] = await keysOf(instance(), 1)
        await database.kill()
        const one = instance({ gate })
        const answers = await Promise.all(Array.from({ length: 20 }, () => askOnce(one, made!.apiKey)))
        expect(tally(answers)).toEqual({ service_unavailable: 20 })
        expect(slowest(answers)).toBeLessThan(SLOWEST_MS)
        expect(await one.statusOf(made!.apiKey)).toBe(503)
        await database.restart()
        const backAt = performance.now()
        await works(one, made!.apiKey)
        report({ healedMs: performance.now() - backAt })
      },
    )

    it('73: hangs when an instance starts: 503 within 1.5 s, and it serves within 2 s of its return', async () => {
      const [made] = await keysOf(instance(), 1)
      database.pause()
      const one = instance()
      const answers = await Promise.all(Array.from({ length: 20 }, () => askOnce(one, made!.apiKey)))
      database.resume()
      expect(tally(answers)).toEqual({ service_unavailable: 20 })
      expect(slowest(answers)).toBeLessThan(SLOWEST_MS)
      await works(one, made!.apiKey)
    })
  },
  { needsOwnServer: true },
)
