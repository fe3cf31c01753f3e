import { defaultProfile, type KeyStore, type KeywardOptions, memory } from 'keyward'
import { describe, expect, it } from 'vitest'
import { createFailedAttempts } from '../../src/limits/failed-attempts.ts'
import { createTestClock } from '../../src/testing/test-clock.ts'
import { createTestKeyward } from '../../src/testing/test-keyward.ts'
import { headerOf, outcomeOf, visit } from '../visit.ts'

const NAT = '192.0.2.1'
const unknownKeys = (count: number) => Array.from({ length: count }, () => defaultProfile.keyFormat.make())

/** A keyward whose reads take a turn, as those of a server do. */
function slowKit(options: Partial<KeywardOptions> = {}) {
  const clock = createTestClock()
  const kept = memory({ losesDataOnExit: true, clock })
  const reads = { count: 0 }
  const store: KeyStore = {
    ...kept,
    async findByDigest(digests) {
      reads.count += 1
      await new Promise<void>((resolve) => setImmediate(resolve))
      return kept.findByDigest(digests)
    },
  }
  return { ...createTestKeyward({ clientAddress: 'peer', ...options, store }, clock), reads }
}

type Kit = Pick<ReturnType<typeof slowKit>, 'keyward'>
const count = (outcomes: readonly string[], code: string) => outcomes.filter((outcome) => outcome === code).length
const from = ({ keyward }: Kit, apiKeys: readonly string[], peer = NAT) =>
  Promise.all(apiKeys.map((apiKey) => outcomeOf(keyward, apiKey, { peer })))
async function inTurn({ keyward }: Kit, apiKeys: readonly string[], peer = NAT) {
  const outcomes: string[] = []
  for (const apiKey of apiKeys) outcomes.push(await outcomeOf(keyward, apiKey, { peer }))
  return outcomes
}

describe('an address that tries unknown keys', () => {
  it('has 100 a minute, then 10 look-ups a second, then 429 with Retry-After', async () => {
    const kit = slowKit()
    expect(count(await inTurn(kit, unknownKeys(100)), 'invalid_api_key')).toBe(100)
    const outcomes = await inTurn(kit, unknownKeys(50))
    expect(outcomes).toEqual([...Array(10).fill('invalid_api_key'), ...Array(40).fill('too_many_failed_attempts')])
    const denial = await visit(kit.keyward, unknownKeys(1)[0] ?? '', { peer: NAT })
    expect(denial.denied && [denial.status, headerOf(denial, 'Retry-After')]).toEqual([429, '1'])
    kit.clock.advance(1_000)
    expect(count(await inTurn(kit, unknownKeys(20)), 'invalid_api_key')).toBe(10)
    expect(kit.reads.count).toBe(120)
  })

  it('has its budget back a minute after the last miss that counted', async () => {
    const kit = slowKit()
    await inTurn(kit, unknownKeys(130))
    kit.clock.advance(60_000)
    expect(count(await inTurn(kit, unknownKeys(150)), 'invalid_api_key')).toBe(110)
  })

  it('has no more than that when it tries 101, or 1,000, at once', async () => {
    for (const attempts of [101, 1_000]) {
      const kit = slowKit()
      const outcomes = await from(kit, unknownKeys(attempts))
      expect(count(outcomes, 'invalid_api_key')).toBe(Math.min(attempts, 110))
      expect(kit.reads.count).toBe(Math.min(attempts, 110))
    }
  })

  it('234: does not hurt those behind the same address whose keys have a copy', async () => {
    const kit = slowKit()
    const { apiKey } = await kit.createKey()
    expect(await outcomeOf(kit.keyward, apiKey, { peer: NAT })).toBe('admitted')
    await inTurn(kit, unknownKeys(500))
    expect(count(await from(kit, Array(200).fill(apiKey)), 'admitted')).toBe(200)
  })

  it('234: leaves good keys without a copy 10 a second', async () => {
    const kit = slowKit()
    const keys = await Promise.all(Array.from({ length: 30 }, () => kit.createKey()))
    await inTurn(kit, unknownKeys(500))
    kit.clock.advance(1_000)
    const outcomes = await inTurn(
      kit,
      keys.map(({ apiKey }) => apiKey),
    )
    expect(count(outcomes, 'admitted')).toBe(10)
    expect(count(outcomes, 'too_many_failed_attempts')).toBe(20)
    kit.clock.advance(1_000)
    expect(
      count(
        await inTurn(
          kit,
          keys.map(({ apiKey }) => apiKey),
        ),
        'admitted',
      ),
    ).toBe(20)
  })

  it('costs those with good keys nothing: only a miss counts', async () => {
    const kit = slowKit()
    const keys = await Promise.all(Array.from({ length: 300 }, () => kit.createKey()))
    expect(
      count(
        await inTurn(
          kit,
          keys.map(({ apiKey }) => apiKey),
        ),
        'admitted',
      ),
    ).toBe(300)
    await kit.keyward.keys.bulk('revoke', { owner: 'test' })
    kit.clock.advance(61_000)
    expect(
      count(
        await inTurn(
          kit,
          keys.map(({ apiKey }) => apiKey),
        ),
        'invalid_api_key',
      ),
    ).toBe(300)
    expect(count(await inTurn(kit, Array(300).fill('sk_malformed')), 'invalid_api_key_format')).toBe(300)
    expect(count(await inTurn(kit, unknownKeys(100)), 'invalid_api_key')).toBe(100)
  })

  it('pays for each try of the same unknown key, and makes one look-up', async () => {
    const kit = slowKit()
    const [apiKey = ''] = unknownKeys(1)
    expect(count(await inTurn(kit, Array(200).fill(apiKey)), 'invalid_api_key')).toBe(110)
    expect(kit.reads.count).toBe(1)
  })

  it('101, 102: is one however it is written, and an IPv6 client has one budget for its /64', async () => {
    for (const spellings of [
      ['::ffff:1.2.3.4', '::ffff:102:304', '1.2.3.4'],
      Array.from({ length: 100 }, (_, index) => `2001:db8:0:1::${index.toString(16)}`),
      ['2001:db8::1', '2001:DB8:0:0:0:0:0:1', '2001:db8:0::1', '2001:0db8::0001', '2001:db8::0.0.0.1'],
    ]) {
      const kit = slowKit({ limits: { failedAttempts: { perMinute: 5, lookUpsPerSecond: 1 } } })
      const outcomes: string[] = []
      for (const [index, apiKey] of unknownKeys(20).entries())
        outcomes.push(await outcomeOf(kit.keyward, apiKey, { peer: spellings[index % spellings.length] ?? '' }))
      expect(count(outcomes, 'invalid_api_key')).toBe(6)
    }
  })

  it('is another one than its neighbour', async () => {
    const kit = slowKit({ limits: { failedAttempts: { perMinute: 5, lookUpsPerSecond: 1 } } })
    await inTurn(kit, unknownKeys(50))
    expect(count(await inTurn(kit, unknownKeys(5), '192.0.2.2'), 'invalid_api_key')).toBe(5)
    expect(count(await inTurn(kit, unknownKeys(5), '::ffff:5.6.7.8'), 'invalid_api_key')).toBe(5)
  })

  it('gives back what a failing store took', async () => {
    const clock = createTestClock()
    const kept = memory({ losesDataOnExit: true, clock })
    const store: KeyStore = { ...kept, findByDigest: () => Promise.reject(new Error('away')) }
    const { keyward } = createTestKeyward({ store, clientAddress: 'peer' }, clock)
    const outcomes = await inTurn({ keyward }, unknownKeys(500))
    expect(count(outcomes, 'service_unavailable')).toBe(500)
  })
})

describe('where nobody said whose word counts for an address', () => {
  it('nothing is counted, and one event at the start says so', async () => {
    const kit = slowKit({ clientAddress: undefined })
    expect(count(await inTurn(kit, unknownKeys(300)), 'invalid_api_key')).toBe(300)
    const warnings = kit.events.filter((event) => event.type === 'warning')
    expect(warnings.map(({ code }) => code)).toEqual(['client_address_unset'])
    expect(slowKit().events).toEqual([])
  })

  it('nothing is counted for a peer that is not known either', async () => {
    const { keyward } = slowKit()
    const outcomes = await Promise.all(unknownKeys(300).map((apiKey) => outcomeOf(keyward, apiKey)))
    expect(count(outcomes, 'invalid_api_key')).toBe(300)
  })
})

describe('the table of addresses', () => {
  const address = (index: number) => `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`

  it('243: is bounded; those beyond it share one budget, and those in it keep theirs', () => {
    const clock = createTestClock()
    const attempts = createFailedAttempts(clock, { perMinute: 2, lookUpsPerSecond: 1, maxAddresses: 10 })
    const tryOnce = (index: number) => {
      const { waitMs, end } = attempts.begin(address(index))
      if (waitMs === 0) end(true)
      return waitMs === 0
    }
    for (let index = 0; index < 10; index++) expect(tryOnce(index)).toBe(true)
    const total = process.env['KEYWARD_LONG'] ? 1_000_000 : 50_000
    let passed = 0
    for (let index = 10; index < total; index++) if (tryOnce(index)) passed += 1
    expect(passed).toBe(3)
    for (let index = 0; index < 10; index++) expect(tryOnce(index)).toBe(true)
  })

  it('243: has room again when addresses were quiet for a minute, but forgets no miss before', () => {
    const clock = createTestClock()
    const attempts = createFailedAttempts(clock, { perMinute: 1, lookUpsPerSecond: 1, maxAddresses: 2 })
    const spend = (index: number) => {
      const attempt = attempts.begin(address(index))
      if (attempt.waitMs === 0) attempt.end(true)
      return attempt.waitMs === 0
    }
    expect([spend(0), spend(0), spend(0)]).toEqual([true, true, false])
    const slow = attempts.begin(address(1))
    clock.advance(30_000)
    slow.end(true)
    clock.advance(30_500)
    // 0 was quiet for a minute, and makes room for 2; the miss of 1 is half as old.
    expect([spend(2), spend(2), spend(2)]).toEqual([true, true, false])
    expect([spend(1), spend(1)]).toEqual([true, false])
  })

  it('keeps an address whose look-up is open, however long it takes', () => {
    const clock = createTestClock()
    const attempts = createFailedAttempts(clock, { perMinute: 1, lookUpsPerSecond: 1, maxAddresses: 1 })
    const open = attempts.begin(address(0))
    clock.advance(120_000)
    attempts.begin(address(1)).end(true)
    open.end(true)
    expect(attempts.begin(address(0)).waitMs).toBe(0)
    expect(attempts.begin(address(0)).waitMs).toBeGreaterThan(0)
  })
})
