import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { describeWith } from '../../servers/missing-servers.ts'
import { createDatabase, startPostgres } from '../../servers/postgres.ts'
import { startProxy, type TcpProxy } from '../../servers/proxy.ts'
import { startRedis } from '../../servers/redis.ts'
import { redisCommand } from '../../servers/redis-command.ts'
import type { Server } from '../../servers/server.ts'
import { until } from '../../servers/until.ts'
import { type ClientKind, clientOf } from './clients.ts'
import { createFleet, createInstance, type Instance } from './instance.ts'
import { askOnce, seconds, sendLoad, slowest, tally } from './load.ts'
import { report } from './report.ts'

const kinds: readonly ClientKind[] = ['ioredis', 'node-redis']

describeWith(
  ['postgres', 'redis'],
  'Redis, away or behind a bad network',
  () => {
    let database: Server
    let server: Server
    let postgresUrl: string
    const opened: { close(): Promise<void> }[] = []
    beforeAll(async () => {
      database = await startPostgres()
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

    function fleet(size: number, limit?: number): Instance[] {
      const instances = createFleet(size, server.url, { postgresUrl, limit })
      opened.push(...instances)
      return instances
    }

    async function behindProxy(kind: ClientKind, limit: number): Promise<{ instance: Instance; proxy: TcpProxy }> {
      const proxy = await startProxy(server.port)
      const client = clientOf(kind, proxy.urlOf(server.url))
      const instance = createInstance({ postgresUrl, limit, gate: { client } })
      opened.push({ close: () => proxy.stop() }, instance)
      await instance.keyward.ready()
      return { instance, proxy }
    }

    async function scriptsRun(): Promise<number> {
      const stats = String(await redisCommand(server.url, ['INFO', 'commandstats']))
      return Number(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1] ?? 0)
    }

    const newKey = async (instance: Instance) => instance.keyward.keys.create({ owner: 'acme', name: 'a' })

    it('206: stopped for 5 seconds, each request is answered within 1.5 s and few wait for it, then all is well', async () => {
      const instances = fleet(2, 1_000_000)
      const { apiKey } = await newKey(instances[0]!)
      for (const instance of instances) expect(await instance.ask(apiKey)).toBe('admitted')
      const before = await scriptsRun()
      server.pause()
      const load = sendLoad(instances, [apiKey], { callers: 20, pauseMs: 5 })
      await seconds(5)
      const answers = await load.stop()
      server.resume()
      const resumedAt = performance.now()
      await until('requests work', async () => (await instances[0]!.ask(apiKey)) === 'admitted', 2_000)
      await until('requests work', async () => (await instances[1]!.ask(apiKey)) === 'admitted', 2_000)
      const healedMs = performance.now() - resumedAt
      const ran = (await scriptsRun()) - before
      expect(tally(answers)).toEqual({ service_unavailable: answers.length })
      expect(slowest(answers)).toBeLessThan(1_500)
      expect(answers.length).toBeGreaterThan(1_000)
      expect(ran, 'scripts that waited').toBeLessThan(300)
      report({ answers: answers.length, slowest: slowest(answers), healedMs, ran })
    })

    it.each(kinds)('92: a lost reply costs %s one unit, and never two', async (kind) => {
      const { instance, proxy } = await behindProxy(kind, 50)
      const { apiKey, id } = await newKey(instance)
      for (let request = 0; request < 20; request++) expect(await instance.ask(apiKey)).toBe('admitted')
      let lost = 0
      for (let round = 0; round < 3; round++) {
        proxy.dropReplies()
        const answers = await Promise.all(Array.from({ length: 3 }, () => askOnce(instance, apiKey)))
        expect(tally(answers)).toEqual({ service_unavailable: 3 })
        expect(slowest(answers)).toBeLessThan(1_500)
        lost += 3
        await proxy.pass()
        await until(
          'requests work',
          async () => (await instance.keyward.limits.read(id).catch(() => undefined)) !== undefined,
        )
      }
      const [window] = await instance.keyward.limits.read(id)
      expect(window?.remaining, 'each lost reply counted once').toBe(50 - 20 - lost)
      let admitted = 20
      while ((await instance.ask(apiKey)) === 'admitted') admitted += 1
      expect(admitted).toBe(50 - lost)
    })

    it.each(kinds)(
      '91: that answers %s after a second or after five is not waited for, and counts no request twice',
      async (kind) => {
        const { instance, proxy } = await behindProxy(kind, 1_000)
        const { apiKey, id } = await newKey(instance)
        expect(await instance.ask(apiKey)).toBe('admitted')
        let sent = 1
        for (const delayMs of [500, 5_000]) {
          proxy.delay(delayMs)
          const load = sendLoad([instance], [apiKey], { callers: 4, pauseMs: 10 })
          await seconds(1.2)
          const revoked = instance.keyward.keys.create({ owner: 'acme', name: 'b' })
          const answers = await load.stop()
          await revoked
          sent += answers.length
          expect(tally(answers)).toEqual({ service_unavailable: answers.length })
          expect(slowest(answers)).toBeLessThan(1_500)
          await proxy.pass()
          await until('requests work', async () => {
            sent += 1
            return (await instance.ask(apiKey)) === 'admitted'
          })
        }
        const [window] = await instance.keyward.limits.read(id)
        expect(1_000 - (window?.remaining ?? 0)).toBeLessThanOrEqual(sent)
      },
    )

    it('93: told to forget its scripts every 100 ms answers every request, and admits no more than the limit', async () => {
      const instances = fleet(2, 2_000)
      const { apiKey } = await newKey(instances[0]!)
      for (const instance of instances) await instance.keyward.ready()
      const load = sendLoad(instances, [apiKey], { callers: 10 })
      for (let flush = 0; flush < 20; flush++) {
        await redisCommand(server.url, ['SCRIPT', 'FLUSH'])
        await seconds(0.1)
      }
      const counts = tally(await load.stop())
      expect(Object.keys(counts).toSorted()).toEqual(['admitted', 'rate_limit_exceeded'])
      expect(counts['admitted']).toBe(2_000)
      report(counts)
    })

    it('away while a key is revoked: says that the fence is not in place, and it is within a second of the return', async () => {
      const [one, two] = fleet(2) as [Instance, Instance]
      const { apiKey, id } = await newKey(one)
      for (const instance of [one, two]) expect(await instance.ask(apiKey)).toBe('admitted')
      server.pause()
      const begunAt = performance.now()
      expect((await one.keyward.keys.revoke(id)).fenced).toBe(false)
      expect(performance.now() - begunAt).toBeLessThan(1_500)
      // The other instance knows it once it has looked into the outbox.
      expect(['service_unavailable', 'invalid_api_key']).toContain(await two.ask(apiKey))
      server.resume()
      await until('the outbox is empty', async () => (await one.store.listFences(10)).length === 0, 1_500)
      expect(await two.ask(apiKey)).toBe('invalid_api_key')
    })
  },
  { needsOwnServer: true },
)
