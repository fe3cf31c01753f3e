import { randomUUID } from 'node:crypto'
import { Redis } from 'ioredis'
import { redisClaims } from 'keyward/redis'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { ClaimStore } from '../../../src/model/claim-store.ts'
import { ConfigError, StoreUnavailableError } from '../../../src/model/errors.ts'
import type { KeyStore } from '../../../src/model/key-store.ts'
import {
  attemptAt,
  claimed,
  completing,
  expectAnswer,
  expectClaimed,
  IN_PROGRESS,
  sampleClaim,
} from '../../../src/testing/claim-store/samples.ts'
import { fadingClaimStoreContract } from '../../../src/testing/claim-store-contract.ts'
import type { KeyStoreHarness } from '../../../src/testing/key-store/key-store-case.ts'
import { instant } from '../../../src/testing/key-store/samples.ts'
import { refunding, sampleDebit } from '../../../src/testing/ledger/samples.ts'
import { startRedis } from '../../servers/redis.ts'
import type { Server } from '../../servers/server.ts'
import { until } from '../../servers/until.ts'
import { clockedClient } from './clocked-client.ts'
import { type ClientUnderTest, keysOf, redisClients } from './redis-clients.ts'

describe('the claim store in Redis', () => {
  let server: Server
  let client: Redis
  beforeAll(async () => {
    server = await startRedis({ needsOwnServer: true })
    client = new Redis(server.url, { maxRetriesPerRequest: 0 })
    client.on('error', () => {})
  })
  afterAll(async () => {
    client?.disconnect()
    await server?.stop()
  })

  it.each(fadingClaimStoreContract.map((each) => [each.name, each] as const))('%s', async (_, { run }) => {
    await run(clockedHarness(client))
  })

  it('closes no debit: it says so at once, and does nothing', async () => {
    const claims = redisClaims(client, { prefix: randomUUID() })
    const claim = await expectClaimed(claims, sampleClaim())
    const closing = refunding(sampleDebit())
    await expect(claims.complete(completing(claim), closing)).rejects.toThrow(TypeError)
    await expect(claims.release(claim.id, claim.token, closing)).rejects.toThrow(TypeError)
    expect(await claims.claim(attemptAt(claim, 10))).toEqual(IN_PROGRESS)
  })

  it.each([
    ['is of a later layout', ['HSET', 'state', 'paid']],
    ['has lost its fingerprint', ['HDEL', 'fingerprint']],
    ['has no number for its lease', ['HSET', 'lease', 'soon']],
    ['has lost its state', ['HDEL', 'state']],
    ['is no record', ['SET', 'text']],
  ])('lets nobody run for a record that %s', async (_, [command, ...args]) => {
    const prefix = randomUUID()
    const claims = redisClaims(client, { prefix })
    const claim = await expectClaimed(claims, sampleClaim())
    await client.call(command!, `${prefix}i:{${claim.id}}`, ...args)
    await expect(claims.claim(attemptAt(claim, 1))).rejects.toThrow(StoreUnavailableError)
  })

  it('refuses a server that may evict records, until it may no more', async () => {
    const claims = redisClaims(client, { prefix: randomUUID() })
    await client.config('SET', 'maxmemory-policy', 'allkeys-lru')
    const failure = await claims.claim(sampleClaim()).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(StoreUnavailableError)
    expect((failure as Error).cause).toBeInstanceOf(ConfigError)
    expect(String((failure as Error).cause)).toMatch(/may evict idempotency records.*allkeys-lru/)
    await client.config('SET', 'maxmemory-policy', 'noeviction')
    await expectClaimed(claims, sampleClaim())
  })

  it('is away when the server is silent for longer than the deadline', async () => {
    const claims = redisClaims(client, { prefix: randomUUID(), deadlineMs: 100 })
    const claim = await expectClaimed(claims, sampleClaim())
    const other = new Redis(server.url)
    onTestFinished(() => other.disconnect())
    await other.call('CLIENT', 'PAUSE', '1000', 'ALL')
    const begun = performance.now()
    await expect(claims.complete(completing(claim))).rejects.toThrow(StoreUnavailableError)
    expect(performance.now() - begun).toBeLessThan(900)
  })

  it('refuses a wrong option by name', () => {
    expect(() => redisClaims(client, { prefix: '{a}' })).toThrow(/redisClaims\(\{ prefix \}\)/)
    expect(() => redisClaims(client, { deadlineMs: 0 })).toThrow(/redisClaims\(\{ deadlineMs \}\)/)
    expect(() => redisClaims('redis://' as never)).toThrow(ConfigError)
  })
})

describe.each(Object.keys(redisClients))('claims over %s', (name) => {
  let subject: ClientUnderTest
  beforeAll(async () => {
    subject = await redisClients[name]!()
  })
  afterAll(() => subject?.stop())

  it('go all the way, byte for byte, for records all over the servers', async () => {
    const claims = redisClaims(subject.client, { prefix: `${randomUUID()}:`, deadlineMs: 10_000 })
    const answer = Uint8Array.from({ length: 70_000 }, (_, index) => (index * 31) & 0xff)
    await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const claim = await expectClaimed(claims, sampleClaim())
        const { id, token } = claim
        expect(await claims.claim(attemptAt(claim, 1))).toEqual(IN_PROGRESS)
        expect(await claims.renew(id, token, instant(70_000), instant(90_000_000))).toBe(true)
        if (index % 2 === 0) return expect(await claims.release(id, token)).toBe(true)
        expect(await claims.complete(completing(claim, { answer }))).toBe(true)
        return expectAnswer(claims, attemptAt(claim, 1), answer)
      }),
    )
    await until('all are counted', async () => (await claims.countLive('acme', instant(), 100)) === 20)
    expect(await claims.removeExpired(instant(1e12), 100)).toBe(0)
  })

  it('have leases by the clock of Redis, however wrong those of the servers are', async () => {
    const claims = redisClaims(subject.client, { prefix: `${randomUUID()}:`, deadlineMs: 10_000 })
    const fast = sampleClaim({ at: instant(1e9), leaseUntil: instant(1e9 + 400), expiresAt: instant(2e9) })
    await expectClaimed(claims, fast)
    const { id, token } = fast
    const slow = attemptAt(fast, -1e9, { expiresAt: instant() })
    const begun = performance.now()
    expect(await claims.claim(slow)).toEqual(IN_PROGRESS)
    await until('the lease has ended', async () => (await claims.claim(slow)).outcome === 'claimed')
    expect(performance.now() - begun).toBeGreaterThan(300)
    expect(await claims.renew(id, token, instant(3e9), instant(3e9))).toBe(false)
    expect(await claims.renew(id, slow.token, instant(-1e9 + 400), instant())).toBe(true)
    const third = attemptAt(fast, 5e9)
    expect(await claims.claim(third)).toEqual(IN_PROGRESS)
    await until('the renewed lease has ended', async () => {
      const outcome = await claims.claim(third)
      if (outcome.outcome === 'claimed') expect(outcome).toEqual(claimed(3))
      return outcome.outcome === 'claimed'
    })
  })

  it('expire by themselves, and leave nothing', async () => {
    const prefix = `${randomUUID()}:`
    const claims = redisClaims(subject.client, { prefix, deadlineMs: 10_000 })
    const soon = { leaseUntil: instant(1_200), expiresAt: instant(1_300) }
    const [running, done] = [sampleClaim({ at: instant(1_000), ...soon }), sampleClaim({ at: instant(1_000), ...soon })]
    for (const claim of [running, done]) await expectClaimed(claims, claim)
    await claims.complete(completing(done, { expiresAt: instant(1_300) }))
    for (const claim of [running, done])
      await until('it has expired', async () => {
        const outcome = await claims.claim({ ...claim, fingerprint: 'o'.repeat(43), token: 'new' })
        return outcome.outcome === 'claimed'
      })
    await until('nothing is left', async () => (await keysOf(subject.urls, prefix)).length === 0)
  })
})

/**
 * A harness whose Redis has the time that claims and completions are made at, and never goes back. Everything else is Redis'
 * own, but keys: those that end by its clock end by that of the test.
 */
function clockedHarness(redis: Redis): KeyStoreHarness {
  const clocked = clockedClient(redis, (script) => FORGET + script.replaceAll(EXPIRE, KEEP_END))
  const prefix = randomUUID()
  const setClock = ({ at }: { readonly at: Date }) => {
    clocked.nowUs = Math.max(clocked.nowUs, at.getTime() * 1_000)
  }
  const create = (): KeyStore => {
    const claims = redisClaims(clocked, { prefix, deadlineMs: 10_000 })
    const timed: ClaimStore = {
      claim(request) {
        setClock(request)
        return claims.claim(request)
      },
      complete(completion, closing) {
        setClock(completion)
        return claims.complete(completion, closing)
      },
      renew: (...args) => claims.renew(...args),
      release: (...args) => claims.release(...args),
      countLive: (...args) => claims.countLive(...args),
      removeExpired: (...args) => claims.removeExpired(...args),
    }
    const nothing = async () => {}
    return { claims: timed, open: nothing, close: nothing } as unknown as KeyStore
  }
  return { createStore: create, reopen: create }
}

const EXPIRE = "redis.call('PEXPIREAT', KEYS[1], "
const KEEP_END = "redis.call('SET', KEYS[1] .. ':end', "
const FORGET = `
local ending = redis.call('GET', KEYS[1] .. ':end')
if ending and tonumber(ending) <= math.floor(ARGV[#ARGV] / 1000) then redis.call('DEL', KEYS[1], KEYS[1] .. ':end') end
`
