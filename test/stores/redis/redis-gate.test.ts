import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { redis } from 'keyward/redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CommandClient, RedisClient } from '../../../src/stores/redis/redis.ts'
import { startProxy } from '../../servers/proxy.ts'
import { startRedis } from '../../servers/redis.ts'
import type { Server } from '../../servers/server.ts'
import { clockedClient } from './clocked-client.ts'
import { admitted, bucket, eventually, request } from './redis-gate-request.ts'

describe('a gate in Redis', () => {
  let server: Server
  let client: Redis
  beforeAll(async () => {
    server = await startRedis({ needsOwnServer: true })
    client = new Redis(server.url, { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false })
    client.on('error', () => {})
    await client.ping()
  })
  afterAll(async () => {
    client.disconnect()
    await server.stop()
  })

  it('takes one command a request, however many windows and buckets it faces', async () => {
    const gate = redis(client, { prefix: `${randomUUID()}:` })
    const windows = [
      { limit: 1000, windowSeconds: 60 },
      { limit: 10_000, windowSeconds: 86_400 },
    ]
    const buckets = [{ id: 'a', windows, cost: 1 }, bucket('b', 1000)]
    await admitted(gate, { buckets })
    await client.config('RESETSTAT')
    for (let call = 0; call < 100; call += 1) await gate.admit(request({ buckets }))
    const stats = await client.info('commandstats')
    expect(/cmdstat_evalsha:calls=(\d+)/.exec(stats)?.[1]).toBe('100')
    const others = [...stats.matchAll(/cmdstat_([^:]+):calls=(\d+)/g)].map(([, name]) => name)
    // What the script calls is counted, too; nothing of it comes over the connection.
    expect(others.filter((name) => !insideScript.has(name!)).sort()).toEqual(['config|resetstat', 'evalsha'])
  })

  it('leaves nothing behind: every key expires', async () => {
    const prefix = `${randomUUID()}:`
    const gate = redis(client, { prefix })
    const buckets = [bucket('exact', 10, 1), bucket('long', 4000, 1, 700), bucket('coarse', 5000, 1)]
    await admitted(gate, { buckets })
    await gate.admit(request({ buckets }))
    await gate.admit(request({ buckets: [bucket('exact', 10, 1, 11)] }))
    await gate.fence('org', 'fenced', 2)
    const keys = await client.keys(`${prefix}*`)
    expect(keys).toHaveLength(5)
    for (const key of keys) expect(await client.pttl(key)).toBeGreaterThan(0)
    await sleep(2100)
    const left = await client.keys(`${prefix}*`)
    expect(left.filter((key) => !key.includes('}v:'))).toEqual([])
  })

  it('208: keeps all keys of an owner in one slot', async () => {
    const prefix = `${randomUUID()}:`
    const gate = redis(client, { prefix })
    await admitted(gate, { owner: 'org {a}', buckets: [bucket('a{x}', 10), bucket('}{b', 10)] })
    await admitted(gate, { owner: 'org {a}', lineage: '{other}', buckets: [bucket('c', 10)] })
    const tags = (await client.keys(`${prefix}*`)).map((key) => /\{(.*?)\}/.exec(key)?.[1])
    expect(tags).toHaveLength(5)
    expect(new Set(tags).size).toBe(1)
    expect(tags[0]).toMatch(/^[0-9a-f]{16}$/)
  })

  it('answers without an error while the server forgets its scripts every 100 ms', async () => {
    const gate = redis(client, { prefix: `${randomUUID()}:` })
    const buckets = [bucket('a', 1_000_000)]
    await admitted(gate, { buckets })
    let running = true
    const forgetting = (async () => {
      const own = new Redis(server.url)
      for (let flush = 0; flush < 15; flush += 1) {
        await own.script('FLUSH')
        await sleep(100)
      }
      running = false
      own.disconnect()
    })()
    let calls = 1
    const caller = async () => {
      while (running) {
        expect((await gate.admit(request({ buckets }))).outcome).toBe('admitted')
        calls += 1
      }
    }
    await Promise.all([forgetting, ...Array.from({ length: 50 }, caller)])
    const answer = await gate.peek(request({ buckets }))
    expect('windows' in answer && answer.windows[0]?.remaining).toBe(1_000_000 - calls)
  })

  it('never admits more than the limit in a window, on a clock of microseconds', async () => {
    const clocked = clockedClient(client)
    const gate = redis(clocked, { prefix: `${randomUUID()}:` })
    await admitted(gate)
    const times: number[] = []
    clocked.nowUs = 1_700_000_000_000_000
    for (let call = 0; call < 3000; call += 1) {
      clocked.nowUs += Math.ceil(Math.random() * 12_000)
      const { outcome } = await gate.admit(request({ buckets: [bucket('a', 50, 1)] }))
      if (outcome !== 'admitted') continue
      times.push(clocked.nowUs)
      const before = times.at(-51)
      expect(before === undefined || clocked.nowUs - before > 1_000_000).toBe(true)
    }
    // Not much is lost to whole milliseconds either.
    expect(times.length).toBeGreaterThan(50 * Math.floor((3000 * 0.006) / 1.01) - 100)
  })

  it('opens no window when the clock steps back an hour, and locks out for no more than one window', async () => {
    const clocked = clockedClient(client)
    const gate = redis(clocked, { prefix: `${randomUUID()}:` })
    clocked.nowUs = 1_700_000_000_000_000
    const buckets = [bucket('a', 10)]
    await admitted(gate)
    for (let call = 0; call < 10; call += 1) expect((await gate.admit(request({ buckets }))).outcome).toBe('admitted')
    clocked.nowUs -= 3_600_000_000
    expect((await gate.admit(request({ buckets }))).outcome).toBe('refused')
    clocked.nowUs += 59_000_000
    expect((await gate.admit(request({ buckets }))).outcome).toBe('refused')
    clocked.nowUs += 1_001_000
    for (let call = 0; call < 10; call += 1) expect((await gate.admit(request({ buckets }))).outcome).toBe('admitted')
  })

  it.each([
    ['of a later layout', (log: Buffer) => Buffer.concat([Buffer.of(2), log.subarray(1)])],
    ['cut off in a unit', (log: Buffer) => log.subarray(0, -1)],
    ['cut off in its head', (log: Buffer) => log.subarray(0, 20)],
    [
      'with more counters than bytes',
      (log: Buffer) => Buffer.concat([log.subarray(0, 1), Buffer.of(3), log.subarray(2)]),
    ],
    ['of another program', () => Buffer.from('17')],
  ])('rejects a log %s, and admits nobody', async (_, damage) => {
    const prefix = `${randomUUID()}:`
    const gate = redis(client, { prefix })
    const buckets = [bucket('a', 10)]
    await admitted(gate, { buckets })
    const key = (await client.keys(`${prefix}*}l:a`))[0]!
    await client.set(key, damage((await client.getBuffer(key))!))
    await expect(gate.admit(request({ buckets }))).rejects.toMatchObject({ code: 'service_unavailable' })
    await expect(gate.peek(request({ buckets }))).rejects.toMatchObject({ code: 'service_unavailable' })
  })

  it('rejects keys of another type, with the cause', async () => {
    const prefix = `${randomUUID()}:`
    const gate = redis(client, { prefix })
    const buckets = [bucket('a', 10)]
    await admitted(gate, { buckets })
    const key = (await client.keys(`${prefix}*}l:a`))[0]!
    await client.del(key)
    await client.lpush(key, 'x')
    await expect(gate.admit(request({ buckets }))).rejects.toMatchObject({
      code: 'service_unavailable',
      cause: { message: expect.stringContaining('WRONGTYPE') },
    })
  })

  it.each([null, undefined, {}, 'OK', [], [3], [1], [1, 5], [2, 0, 0], [1, 'x', 0], [1, 5, 0, 7], true])(
    'rejects a reply that the script cannot have given: %j',
    async (reply) => {
      const gate = redis({ command: async () => reply })
      await expect(gate.admit(request({ buckets: [bucket('a', 10)] }))).rejects.toMatchObject({
        code: 'service_unavailable',
      })
    },
  )

  it('sends nothing again that may have been done', async () => {
    const sent: string[] = []
    const failing = redis({
      async command(args) {
        sent.push(args[0]!)
        throw new Error('Connection is closed.')
      },
    })
    await expect(failing.admit(request())).rejects.toMatchObject({ code: 'service_unavailable' })
    await expect(failing.fence('org', 'key', 2)).rejects.toMatchObject({ code: 'service_unavailable' })
    expect(sent).toEqual(['EVALSHA', 'EVALSHA'])
  })

  it('tells of a new connection before any answer over it, and calls what was under way stale', async () => {
    const proxy = await startProxy(server.port)
    const own = new Redis({ port: proxy.port, retryStrategy: () => 20 })
    own.on('error', () => {})
    const gate = redis(own, { prefix: `${randomUUID()}:` })
    await own.ping()
    const told: string[] = []
    gate.onConnection?.(() => told.push('connection'))
    await admitted(gate)
    told.length = 0
    proxy.reset()
    await eventually(() => own.status !== 'ready')
    told.push((await gate.admit(request())).outcome)
    expect(told).toEqual(['connection', 'stale'])
    expect((await gate.admit(request())).outcome).toBe('admitted')
    own.disconnect()
    await proxy.stop()
  })

  it('calls an answer stale that a new connection overtook', async () => {
    let connected = () => {}
    let answer = (_: unknown) => {}
    const gate = redis({
      command: () =>
        new Promise((resolve) => {
          answer = resolve
        }),
      onConnection(listener) {
        connected = listener
      },
    })
    const under = gate.admit(request())
    connected()
    answer([1])
    expect(await under).toEqual({ outcome: 'stale' })
    const next = gate.admit(request())
    answer([1])
    expect(await next).toEqual({ outcome: 'admitted', windows: [] })
  })
})

/** Commands of the scripts. */
const insideScript = new Set(['get', 'mget', 'set', 'time', 'getrange', 'strlen', 'setrange', 'append', 'pexpire'])

describe('what a gate in Redis is given', () => {
  const client: CommandClient = { command: async () => 'OK' }
  const wrong: readonly [string, () => unknown][] = [
    ['client', () => redis({} as RedisClient)],
    ['client', () => redis(null as unknown as RedisClient)],
    ['prefix', () => redis(client, { prefix: 'a{b}' })],
    ['prefix', () => redis(client, { prefix: 'x'.repeat(65) })],
    ['deadlineMs', () => redis(client, { deadlineMs: 0 })],
    ['deadlineMs', () => redis(client, { deadlineMs: 1.5 })],
    ['eviction', () => redis(client, { eviction: 'ignore' as 'warn' })],
    ['replicas', () => redis(client, { replicas: -1 })],
    ['replicas', () => redis({ ...client, isCluster: true }, { replicas: 1 })],
    ['fenceClient', () => redis(client, { replicas: 1 })],
    ['fenceClient', () => redis(client, { replicas: 1, fenceClient: client })],
  ]
  it.each(wrong)('is refused with the name of the option: %s', (option, create) => {
    expect(create).toThrow(expect.objectContaining({ code: 'config_error', message: expect.stringContaining(option) }))
  })
})
