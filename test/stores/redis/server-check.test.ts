import { Redis } from 'ioredis'
import { redis } from 'keyward/redis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { GateWarning } from '../../../src/model/gate.ts'
import { startRedis } from '../../servers/redis.ts'
import type { Server } from '../../servers/server.ts'
import { admitted, eventually, request } from './redis-gate-request.ts'

describe('a gate that is opened', () => {
  let primary: Server
  let replica: Server
  let client: Redis
  let follower: Redis
  beforeAll(async () => {
    primary = await startRedis({ needsOwnServer: true })
    const args = ['--replicaof', '127.0.0.1', String(primary.port)]
    replica = await startRedis({ args })
    client = new Redis(primary.url)
    follower = new Redis(replica.url)
    await eventually(async () => (await follower.info('replication')).includes('master_link_status:up'))
  })
  afterAll(async () => {
    client.disconnect()
    follower.disconnect()
    await replica.stop()
    await primary.stop()
  })

  const open = (of: Redis, options = {}) => redis(of, options).open?.(() => {})

  it('takes a primary that evicts nothing', async () => {
    await open(client)
  })

  it.each(['allkeys-lru', 'volatile-ttl', 'allkeys-random'])('refuses a server that may evict: %s', async (policy) => {
    await client.config('SET', 'maxmemory-policy', policy)
    await expect(open(client)).rejects.toMatchObject({ code: 'config_error', message: expect.stringContaining(policy) })
    const warnings: GateWarning[] = []
    await redis(client, { eviction: 'warn' }).open?.((warning) => warnings.push(warning))
    expect(warnings).toEqual([{ code: 'gate_may_evict', message: expect.stringContaining(policy) }])
    await client.config('SET', 'maxmemory-policy', 'noeviction')
  })

  it('refuses a replica', async () => {
    await expect(open(follower)).rejects.toMatchObject({
      code: 'config_error',
      message: expect.stringContaining('replica'),
    })
  })

  it('is answered by no replica, not even where nothing would be written', async () => {
    await admitted(redis(client))
    await eventually(async () => (await follower.dbsize()) > 0)
    const gate = redis(follower)
    await expect(gate.admit(request())).rejects.toMatchObject({
      code: 'service_unavailable',
      cause: { message: expect.stringContaining('READONLY') },
    })
    await expect(gate.peek(request())).rejects.toMatchObject({ code: 'service_unavailable' })
  })

  it('refuses a server older than 7.0', async () => {
    const old = redis({ command: async () => 'redis_version:6.2.14\r\nrole:master\r\nmaxmemory_policy:noeviction\r\n' })
    await expect(old.open?.(() => {})).rejects.toMatchObject({
      code: 'config_error',
      message: expect.stringContaining('6.2.14'),
    })
  })

  it('is unavailable, not misconfigured, where the server cannot be reached', async () => {
    const away = redis({
      command: async () => {
        throw new Error('connect ECONNREFUSED')
      },
    })
    await expect(away.open?.(() => {})).rejects.toMatchObject({ code: 'service_unavailable' })
  })

  it('waits for as many replicas as it is told', async () => {
    const fenceClient = client.duplicate()
    onTestFinished(() => fenceClient.disconnect())
    await redis(client, { replicas: 1, fenceClient }).fence('org', 'key', 2)
    expect(await follower.keys('*')).not.toEqual([])
    await expect(
      redis(client, { replicas: 2, deadlineMs: 100, fenceClient }).fence('org', 'key', 3),
    ).rejects.toMatchObject({
      code: 'service_unavailable',
    })
  })

  it('refuses all when the server is out of memory, also what would not be written', async () => {
    const gate = redis(client, { prefix: 'full:' })
    await admitted(gate)
    await client.config('SET', 'maxmemory', '1mb')
    await expect(gate.admit(request())).rejects.toMatchObject({ cause: { message: expect.stringContaining('OOM') } })
    await client.config('SET', 'maxmemory', '0')
    expect((await gate.admit(request())).outcome).toBe('admitted')
  })
})
