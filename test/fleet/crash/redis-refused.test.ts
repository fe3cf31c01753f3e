import { ConfigError } from 'keyward'
import type { IoredisClient } from 'keyward/redis'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, onTestFinished } from 'vitest'
import { describeWith } from '../../servers/missing-servers.ts'
import { createDatabase, startPostgres } from '../../servers/postgres.ts'
import { startRedis } from '../../servers/redis.ts'
import { redisCommand } from '../../servers/redis-command.ts'
import type { Server } from '../../servers/server.ts'
import { until } from '../../servers/until.ts'
import { type ClientKind, clientOf } from './clients.ts'
import { createInstance, type Instance, type InstanceOptions } from './instance.ts'
import { type Answer, askOnce, seconds, sendLoad, slowest, tally } from './load.ts'
import { report } from './report.ts'

const kinds: readonly ClientKind[] = ['ioredis', 'node-redis']

/** Lua that makes a list of every version, and one that makes of it what no version of the library wrote. */
const [SPOIL, DAMAGE] = ["redis.call('RPUSH', key, 'x')", "redis.call('SET', key, 'z9')"].map(
  (spoil) => `for _, key in ipairs(redis.call('KEYS', '*v:*')) do redis.call('DEL', key) ${spoil} end`,
) as [string, string]

describeWith(
  ['postgres', 'redis'],
  'a Redis that is not fit',
  () => {
    let database: Server
    let postgresUrl: string
    // What one test leaves in the outbox is none of the next one's business.
    beforeEach(async () => {
      postgresUrl = await createDatabase(database)
    })
    const opened: { close(): Promise<void> }[] = []
    beforeAll(async () => {
      database = await startPostgres()
    })
    afterEach(async () => {
      for (const each of opened.splice(0).reverse()) await each.close()
    })
    afterAll(() => database?.stop())

    async function start(args: readonly string[] = []): Promise<Server> {
      const server = await startRedis({ needsOwnServer: true, args: [...args, ...QUICK_SYNC] })
      opened.push({ close: () => server.stop() })
      return server
    }

    /** A primary says "online" up to a second before it streams its first command, so one is awaited. */
    async function replicaOf(primary: Server): Promise<Server> {
      const replica = await start(['--replicaof', '127.0.0.1', String(primary.port)])
      await until('the replica is online', async () =>
        String(await redisCommand(primary.url, ['INFO', 'replication'])).includes('state=online'),
      )
      await redisCommand(primary.url, ['SET', 'streamed', '1'])
      const streamed = () => redisCommand(replica.url, ['GET', 'streamed']).catch(() => null)
      await until('the replica follows', async () => (await streamed()) === '1')
      return replica
    }

    function instance(kind: ClientKind, server: Server, options: Partial<InstanceOptions['gate']> = {}): Instance {
      const client = clientOf(kind, server.url)
      const made = createInstance({ postgresUrl, gate: { client, ...options } })
      opened.push(made)
      return made
    }

    /** An instance whose fences one replica must acknowledge, over a connection of their own. */
    function replicated(kind: ClientKind, server: Server): Instance {
      const { client, close } = clientOf(kind, server.url)
      onTestFinished(close)
      return instance(kind, server, { options: { replicas: 1, fenceClient: client as IoredisClient } })
    }

    it.each(kinds)(
      '108: because it may evict what the gate keeps, is a ConfigError at start for %s, and 503',
      async (kind) => {
        const server = await start(['--maxmemory', '50mb', '--maxmemory-policy', 'allkeys-lru'])
        const { keyward, ask } = instance(kind, server)
        const { apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a' })
        await expect(keyward.ready()).rejects.toThrow(ConfigError)
        await expect(keyward.ready()).rejects.toThrow(/maxmemory-policy is "allkeys-lru"/)
        expect(await ask(apiKey)).toBe('service_unavailable')
        await redisCommand(server.url, ['CONFIG', 'SET', 'maxmemory-policy', 'noeviction'])
        await until('it serves', async () => (await ask(apiKey)) === 'admitted', 2_000)
      },
    )

    it('108: may evict where that was said to be enough: a warning, once', async () => {
      const server = await start(['--maxmemory', '50mb', '--maxmemory-policy', 'allkeys-lru'])
      const { keyward, events, ask } = instance('ioredis', server, { options: { eviction: 'warn' } })
      const { apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a' })
      expect(await ask(apiKey)).toBe('admitted')
      const told = events.filter((event) => event.type === 'warning' && event.code === 'gate_may_evict')
      expect(told).toHaveLength(1)
    })

    it.each(kinds)('because it is a replica, is a ConfigError at start for %s, and 503', async (kind) => {
      const replica = await replicaOf(await start())
      const { keyward, ask } = instance(kind, replica)
      const { apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a' })
      await expect(keyward.ready()).rejects.toThrow(ConfigError)
      expect(await ask(apiKey)).toBe('service_unavailable')
    })

    it.each(kinds)('because it became a replica later, is 503 for %s, and counts nothing', async (kind) => {
      const [server, other] = [await start(), await start()]
      const { keyward, ask } = instance(kind, server)
      const { apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a' })
      expect(await ask(apiKey)).toBe('admitted')
      await redisCommand(server.url, ['REPLICAOF', '127.0.0.1', other.port])
      expect(await ask(apiKey)).toBe('service_unavailable')
      await redisCommand(server.url, ['REPLICAOF', 'NO', 'ONE'])
      await until('requests work', async () => (await ask(apiKey)) === 'admitted', 2_000)
    })

    it.each(kinds)('because it is out of memory, is 503 for %s, and heals', async (kind) => {
      const server = await start()
      const { keyward, ask } = instance(kind, server)
      const { apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a' })
      expect(await ask(apiKey)).toBe('admitted')
      await redisCommand(server.url, ['CONFIG', 'SET', 'maxmemory', '1'])
      const answers = await Promise.all(Array.from({ length: 20 }, () => ask(apiKey)))
      expect(new Set(answers)).toEqual(new Set(['service_unavailable']))
      await redisCommand(server.url, ['CONFIG', 'SET', 'maxmemory', '0'])
      await until('requests work', async () => (await ask(apiKey)) === 'admitted', 2_000)
    })

    it.each([
      ['NOREPLICAS', ['CONFIG', 'SET', 'min-replicas-to-write', '1'], ['CONFIG', 'SET', 'min-replicas-to-write', '0']],
      ['NOPERM', ['ACL', 'SETUSER', 'default', '-evalsha', '-eval'], ['ACL', 'SETUSER', 'default', '+@all']],
      ['WRONGTYPE', ['EVAL', SPOIL, '0'], ['FLUSHALL']],
      ['that an entry is damaged', ['EVAL', DAMAGE, '0'], ['FLUSHALL']],
    ])('207: because it answers %s, is 503, and heals', async (_, spoil, heal) => {
      const server = await start()
      for (const kind of kinds) {
        const { keyward, ask } = instance(kind, server)
        const { apiKey, id } = await keyward.keys.create({ owner: 'acme', name: 'a' })
        expect(await ask(apiKey)).toBe('admitted')
        await redisCommand(server.url, spoil)
        expect(await ask(apiKey)).toBe('service_unavailable')
        expect((await keyward.keys.update(id, { name: 'b' })).fenced).toBe(false)
        await redisCommand(server.url, heal)
        await until('requests work', async () => (await ask(apiKey)) === 'admitted', 2_000)
      }
    })

    it.each(kinds)(
      '207: because a script of others does not end, is 503 for %s within 1.5 s, and heals',
      async (kind) => {
        const server = await start(['--busy-reply-threshold', '100'])
        const { keyward, ask } = instance(kind, server)
        const { apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a' })
        expect(await ask(apiKey)).toBe('admitted')
        redisCommand(server.url, ['EVAL', 'while true do end', '0'], 5_000).catch(() => {})
        const answers: Answer[] = []
        for (let turn = 0; turn < 10; turn++) answers.push(await askOnce({ ask }, apiKey))
        expect(answers.at(-1)?.outcome).toBe('service_unavailable')
        expect(slowest(answers)).toBeLessThan(1_500)
        await redisCommand(server.url, ['SCRIPT', 'KILL'])
        await until('requests work', async () => (await ask(apiKey)) === 'admitted', 2_000)
      },
    )

    it.each(kinds)(
      '78: without the replica that must acknowledge, goes on serving other keys with %s',
      async (kind) => {
        const server = await start()
        const one = replicated(kind, server)
        const [revoked, other] = await Promise.all(
          ['a', 'b'].map((name) => one.keyward.keys.create({ owner: 'acme', name })),
        )
        expect(await one.ask(other!.apiKey)).toBe('admitted')
        const load = sendLoad([one], [other!.apiKey], { callers: 4, pauseMs: 5 })
        expect((await one.keyward.keys.revoke(revoked!.id)).fenced).toBe(false)
        await seconds(2)
        const counts = tally(await load.stop())
        await replicaOf(server)
        await until('the outbox is empty', async () => (await one.store.listFences(10)).length === 0)
        report(counts)
        expect(counts).toEqual({ admitted: counts['admitted'] })
      },
    )

    it.each(kinds)(
      '78: lacks replicas that must acknowledge a fence: fenced is false with %s, and true once there is one',
      async (kind) => {
        const server = await start()
        const { keyward, ask, store } = replicated(kind, server)
        const [first, second, third] = await Promise.all(
          ['a', 'b', 'c'].map((name) => keyward.keys.create({ owner: 'acme', name })),
        )
        expect(await ask(first!.apiKey)).toBe('admitted')
        const begunAt = performance.now()
        expect((await keyward.keys.revoke(first!.id)).fenced).toBe(false)
        expect(performance.now() - begunAt).toBeLessThan(1_500)
        expect(await ask(first!.apiKey), 'the primary has the fence').toBe('invalid_api_key')

        const replica = await replicaOf(server)
        await until('the outbox is empty', async () => (await store.listFences(10)).length === 0, 3_000)
        expect((await keyward.keys.revoke(second!.id)).fenced).toBe(true)
        await until('the outbox is empty', async () => (await store.listFences(10)).length === 0, 3_000)
        replica.pause()
        expect((await keyward.keys.revoke(third!.id)).fenced).toBe(false)
        replica.resume()
        await until('the outbox is empty', async () => (await store.listFences(10)).length === 0, 3_000)
      },
    )

    it.each(kinds)(
      '73, 204: is not there when %s starts: 503, and it serves within 2 s of its return',
      async (kind) => {
        const server = await start()
        await server.kill()
        const { keyward, ask, events } = instance(kind, server)
        const { apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a' })
        const answers = await Promise.all(Array.from({ length: 20 }, () => askOnce({ ask }, apiKey)))
        expect(tally(answers)).toEqual({ service_unavailable: 20 })
        expect(slowest(answers)).toBeLessThan(1_500)
        await server.restart()
        await until('it serves', async () => (await ask(apiKey)) === 'admitted', 2_000)
        expect(events.filter((event) => event.type === 'degraded' && event.part === 'start')).toHaveLength(1)
      },
    )

    it.each(kinds)(
      '73: because it hangs when %s starts, is 503 within 1.5 s, and serves within 2 s of its return',
      async (kind) => {
        const server = await start()
        server.pause()
        const { keyward, ask } = instance(kind, server)
        const { apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a' })
        const answers = await Promise.all(Array.from({ length: 20 }, () => askOnce({ ask }, apiKey)))
        server.resume()
        expect(tally(answers)).toEqual({ service_unavailable: 20 })
        expect(slowest(answers)).toBeLessThan(1_500)
        await until('it serves', async () => (await ask(apiKey)) === 'admitted', 2_000)
      },
    )
  },
  { needsOwnServer: true },
)

/** A primary waits 5 s for more replicas otherwise. */
const QUICK_SYNC = ['--repl-diskless-sync-delay', '0']
