import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { redis } from 'keyward/redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Gate } from '../../../src/model/gate.ts'
import { startRedis } from '../../servers/redis.ts'
import type { Server } from '../../servers/server.ts'
import { admitted, bucket, nonceFrom, request } from './redis-gate-request.ts'

const DAY_SECONDS = 86_400

describe('the fence in Redis', () => {
  let server: Server
  let client: Redis
  let other: Redis
  beforeAll(async () => {
    server = await startRedis()
    client = new Redis(server.url)
    other = new Redis(server.url)
    await Promise.all([client.ping(), other.ping()])
  })
  afterAll(async () => {
    client.disconnect()
    other.disconnect()
    await server.stop()
  })

  /** Two instances of a fleet, and what Redis holds of them. */
  function fleet() {
    const prefix = `${randomUUID()}:`
    const entry = async () => (await client.keys(`${prefix}*`)).find((key) => key.includes('}v:')) ?? 'none'
    return { one: redis(client, { prefix }), two: redis(other, { prefix }), entry }
  }

  it('rule 2: neither an absent nor a pending entry admits', async () => {
    const { one, two } = fleet()
    expect((await one.admit(request())).outcome).toBe('unknown')
    expect((await two.admit(request())).outcome).toBe('unknown')
    expect((await two.admit(request({ nonce: 'guessed' }))).outcome).toBe('unknown')
    expect((await one.peek(request())).outcome).toBe('unknown')
  })

  it('rule 3: callers share the nonce of an entry, and either of them may answer it', async () => {
    const { one, two } = fleet()
    const nonce = await nonceFrom(one)
    expect(await nonceFrom(two)).toBe(nonce)
    expect((await two.admit(request({ nonce }))).outcome).toBe('admitted')
    expect((await one.admit(request())).outcome).toBe('admitted')
  })

  it('rule 3: a lower version is stale, the same is admitted, a higher one is admitted and becomes the entry', async () => {
    const { one, two } = fleet()
    await admitted(one, { version: 5 })
    expect((await two.admit(request({ version: 4 }))).outcome).toBe('stale')
    expect((await two.admit(request({ version: 5 }))).outcome).toBe('admitted')
    expect((await two.admit(request({ version: 6 }))).outcome).toBe('admitted')
    expect((await one.admit(request({ version: 5 }))).outcome).toBe('stale')
    expect((await one.peek(request({ version: 5 }))).outcome).toBe('stale')
  })

  it('rule 3: a peek with the nonce makes a version known, and counts nothing', async () => {
    const { one } = fleet()
    const buckets = [bucket('a', 3)]
    const nonce = await nonceFrom(one, { buckets })
    expect((await one.peek(request({ nonce, buckets }))).outcome).toBe('admitted')
    const answer = await one.admit(request({ buckets }))
    expect('windows' in answer && answer.windows[0]?.remaining).toBe(2)
  })

  it('rule 3: what is stale or unknown counts nothing', async () => {
    const { one } = fleet()
    const buckets = [bucket('a', 3)]
    await one.admit(request({ buckets }))
    await admitted(one, { version: 2 })
    await one.admit(request({ buckets }))
    const answer = await one.admit(request({ version: 2, buckets }))
    expect('windows' in answer && answer.windows[0]?.remaining).toBe(2)
  })

  it('rule 4: a nonce of a lost entry does not make the next one known', async () => {
    const { one, entry } = fleet()
    const old = await nonceFrom(one)
    await client.del(await entry())
    const nonce = await nonceFrom(one, { nonce: old })
    expect(nonce).not.toBe(old)
    expect((await one.admit(request({ nonce: old }))).outcome).toBe('unknown')
    expect((await one.admit(request({ nonce }))).outcome).toBe('admitted')
  })

  it('rule 4: a read that began before a revocation, which the gate then forgot, admits nobody', async () => {
    const { one, two, entry } = fleet()
    const early = await nonceFrom(one)
    await two.fence('org', 'key', 2)
    await client.del(await entry())
    expect((await one.admit(request({ version: 1, nonce: early }))).outcome).toBe('unknown')
    expect((await one.admit(request({ version: 1 }))).outcome).toBe('unknown')
  })

  it('rule 5: a late fence on an absent entry admits no copy of its version', async () => {
    const { one, two } = fleet()
    await one.fence('org', 'key', 2)
    const nonce = await nonceFrom(two, { version: 2 })
    expect((await two.admit(request({ version: 2 }))).outcome).toBe('unknown')
    expect((await two.admit(request({ version: 3, nonce }))).outcome).toBe('admitted')
  })

  it('rule 5: a fence raises the floor of a pending entry, below which not even the nonce helps', async () => {
    const { one, two } = fleet()
    const nonce = await nonceFrom(one)
    await two.fence('org', 'key', 3)
    await two.fence('org', 'key', 2)
    expect(await one.admit(request({ version: 2, nonce }))).toEqual({ outcome: 'unknown', nonce })
    expect((await one.admit(request({ version: 3, nonce }))).outcome).toBe('admitted')
  })

  it('rule 5: a fence raises a verified entry, and never lowers it', async () => {
    const { one, two } = fleet()
    await admitted(one)
    await two.fence('org', 'key', 3)
    await two.fence('org', 'key', 2)
    expect((await one.admit(request({ version: 2 }))).outcome).toBe('stale')
    expect((await one.admit(request({ version: 3 }))).outcome).toBe('admitted')
  })

  it('rule 5: a fence always writes, also one that raises nothing', async () => {
    const { one, entry } = fleet()
    await one.fence('org', 'key', 3)
    await client.expire(await entry(), 100)
    await one.fence('org', 'key', 1)
    expect(await client.ttl(await entry())).toBeGreaterThan(100)
  })

  it('rule 8: an entry lives for a day from when it was written, and no request makes it longer', async () => {
    const { one, entry } = fleet()
    await admitted(one)
    expect(await client.ttl(await entry())).toBeGreaterThan(DAY_SECONDS - 10)
    await client.expire(await entry(), 100)
    await one.admit(request())
    expect(await client.ttl(await entry())).toBeLessThanOrEqual(100)
  })

  it('keeps the versions of lineages apart, whatever they are called', async () => {
    const { one } = fleet()
    const lineages = ['', 'a', 'A', 'a:b', 'a{b}', '}', '\u0000', 'ä', 'a\u0308', '__proto__', 'v:a']
    for (const lineage of lineages) await nonceFrom(one, { lineage })
    for (const lineage of lineages) expect((await admitted(one, { lineage })).outcome).toBe('admitted')
  })

  it.each(['v', 'v1', 'x1@', 'v1@/n', 'p1@', 'v1.5@', 'w1@', '{"version":2}'])(
    'rejects an entry that it cannot read, and writes no fence over it: %s',
    async (text) => {
      const { one, entry } = fleet()
      await admitted(one)
      await client.set(await entry(), text)
      await unavailable(one.admit(request()))
      await unavailable(one.peek(request()))
      await unavailable(one.fence('org', 'key', 9))
      expect(await client.get(await entry())).toBe(text)
    },
  )

  it('admits no request that begins after a fence, of many that are under way', async () => {
    const { one, two } = fleet()
    const buckets = [bucket('a', 1_000_000)]
    for (let version = 1; version <= 100; version += 1) {
      await admitted(one, { version, buckets })
      const running = hammer(two, version)
      await one.fence('org', 'key', version + 1)
      const after = await Promise.all([one, two].map((gate) => gate.admit(request({ version, buckets }))))
      expect(after.map(({ outcome }) => outcome)).toEqual(['stale', 'stale'])
      await running
    }
  })
})

async function hammer(gate: Gate, version: number): Promise<void> {
  await Promise.all(
    Array.from({ length: 20 }, () => gate.admit(request({ version, buckets: [bucket('a', 1_000_000)] }))),
  )
}

async function unavailable(call: unknown): Promise<void> {
  await expect(call).rejects.toMatchObject({ code: 'service_unavailable' })
}
