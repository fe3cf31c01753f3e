import {
  type Gate,
  type KeyStore,
  type KeywardEvent,
  type KeywardOptions,
  memory,
  StoreUnavailableError,
} from 'keyward'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createTestClock } from '../../src/testing/test-clock.ts'
import { createTestKeyward } from '../../src/testing/test-keyward.ts'
import { forgetfulGate } from '../forgetful-gate.ts'
import { outcomeOf } from '../visit.ts'

afterEach(() => void vi.useRealTimers())

/** One instance whose gate and store a test can take away. */
function kit(fleet: KeywardOptions['fleet'] = {}, limit = 10) {
  const clock = createTestClock()
  const gate = forgetfulGate(clock)
  const kept = memory({ losesDataOnExit: true, clock })
  const away: { gate: 'no' | 'fails' | 'hangs'; store: 'no' | 'fails' | 'hangs'; calls: number; reads: number } = {
    gate: 'no',
    store: 'no',
    calls: 0,
    reads: 0,
  }
  function through<T>(how: 'no' | 'fails' | 'hangs', work: () => Promise<T>): Promise<T> {
    if (how === 'fails') return Promise.reject(new Error('ECONNREFUSED'))
    return how === 'hangs' ? new Promise(() => {}) : work()
  }
  const flaky: Gate = {
    ...gate,
    deadlineMs: 500,
    admit(request) {
      away.calls += 1
      return through(away.gate, async () => gate.admit(request))
    },
    peek: (request) => through(away.gate, async () => gate.peek(request)),
    fence: (...fence) => through(away.gate, async () => gate.fence(...fence)),
  }
  const store: KeyStore = {
    ...kept,
    findByDigest(digests) {
      away.reads += 1
      return through(away.store, () => kept.findByDigest(digests))
    },
  }
  const limits = { policies: { default: [{ limit, windowSeconds: 60 }] } }
  const made = createTestKeyward({ store, gate: flaky, limits, fleet }, clock)
  const told = (part: string) => made.events.flatMap((event) => (isOf(event, part) ? [event.type] : []))
  return { ...made, away, kept, store, told, ask: (apiKey: string) => outcomeOf(made.keyward, apiKey) }
}

function isOf(event: KeywardEvent, part: string): boolean {
  return 'part' in event && event.part === part
}

describe('a gate that is away', () => {
  it('is 503 for everybody where nothing else was chosen, and is told of once each way', async () => {
    const { createKey, ask, away, told, clock } = kit()
    const { apiKey } = await createKey()
    expect(await ask(apiKey)).toBe('admitted')
    away.gate = 'fails'
    for (let request = 0; request < 5; request++) expect(await ask(apiKey)).toBe('service_unavailable')
    away.gate = 'no'
    expect(await ask(apiKey)).toBe('admitted')
    clock.advance(1_000)
    expect(await ask(apiKey)).toBe('admitted')
    expect(told('gate')).toEqual(['degraded', 'recovered'])
    expect(told('walk'), 'one state, one event').toEqual([])
  })

  it('206: that hangs is waited for as long as its deadline, and then nobody queues behind it', async () => {
    vi.useFakeTimers()
    const { createKey, ask, away, clock } = kit()
    const { apiKey } = await createKey()
    const first = ask(apiKey)
    await vi.advanceTimersByTimeAsync(50)
    expect(await first).toBe('admitted')
    away.gate = 'hangs'
    const waiting = Array.from({ length: 20 }, () => ask(apiKey))
    await vi.advanceTimersByTimeAsync(499)
    const isDecided = await Promise.race([waiting[0], Promise.resolve('waiting')])
    expect(isDecided).toBe('waiting')
    await vi.advanceTimersByTimeAsync(1)
    expect(new Set(await Promise.all(waiting))).toEqual(new Set(['service_unavailable']))
    clock.advance(1_000)
    const before = away.calls
    const probe = ask(apiKey)
    for (let request = 0; request < 100; request++) expect(await ask(apiKey)).toBe('service_unavailable')
    expect(away.calls - before, 'requests that reach a gate that hangs').toBe(1)
    await vi.advanceTimersByTimeAsync(500)
    expect(await probe).toBe('service_unavailable')
    away.gate = 'no'
    clock.advance(100)
    const healing = ask(apiKey)
    await vi.advanceTimersByTimeAsync(50)
    expect(await healing).toBe('admitted')
  })

  it('107: is replaced by windows of this process, a part of the limit each, where that was chosen', async () => {
    const { createKey, ask, away } = kit({ whenGateAway: { mode: 'local', instances: 4, maxStaleSeconds: 30 } })
    const { apiKey } = await createKey()
    expect(await ask(apiKey)).toBe('admitted')
    away.gate = 'fails'
    const outcomes: string[] = []
    for (let request = 0; request < 5; request++) outcomes.push(await ask(apiKey))
    expect(
      outcomes.filter((outcome) => outcome === 'admitted'),
      'a quarter of 10, rounded down',
    ).toHaveLength(2)
    expect(outcomes.at(-1)).toBe('rate_limit_exceeded')
  })

  it('lets nobody pass by a copy that is older than was chosen, and reads no key it cannot judge', async () => {
    const { createKey, ask, away, clock, keyward } = kit({
      whenGateAway: { mode: 'local', instances: 1, maxStaleSeconds: 10 },
    })
    const { apiKey } = await createKey()
    expect(await ask(apiKey)).toBe('admitted')
    away.gate = 'fails'
    clock.advance(10_000)
    expect(await ask(apiKey)).toBe('admitted')
    clock.advance(1)
    expect(await ask(apiKey)).toBe('service_unavailable')
    away.store = 'fails'
    expect(await ask(keyward.profile.keyFormat.make())).toBe('service_unavailable')
  })

  it('lets no key pass that this process has revoked meanwhile', async () => {
    const { createKey, ask, away, keyward } = kit({
      whenGateAway: { mode: 'local', instances: 1, maxStaleSeconds: 60 },
    })
    const { apiKey, id } = await createKey()
    expect(await ask(apiKey)).toBe('admitted')
    away.gate = 'fails'
    expect((await keyward.keys.revoke(id)).fenced).toBe(false)
    expect(await ask(apiKey)).toBe('invalid_api_key')
  })
})

describe('a store that is away', () => {
  it('is not one whose page of keys takes a few seconds: whoever lists keys holds up no request', async () => {
    vi.useFakeTimers()
    const { keyward, createKey, ask, kept, told, store } = kit()
    const { apiKey } = await createKey()
    const { list } = kept
    store.list = async (query) => {
      await new Promise((resolve) => setTimeout(resolve, 4_900))
      return list.call(kept, query)
    }
    const lists = Array.from({ length: 10 }, () => keyward.keys.list({}))
    await vi.advanceTimersByTimeAsync(4_000)
    const asked = ask(apiKey)
    await vi.advanceTimersByTimeAsync(900)
    expect(await asked).toBe('admitted')
    for (const { items } of await Promise.all(lists)) expect(items).toHaveLength(1)
    expect(told('store')).toEqual([])
    store.list = () => new Promise(() => {})
    const late = keyward.keys.list({}).catch((error: unknown) => error)
    await vi.advanceTimersByTimeAsync(5_000)
    expect(await late).toBeInstanceOf(StoreUnavailableError)
  })

  it('leaves fenced copies working for a minute, and is 503 for other keys, never 401', async () => {
    const { createKey, ask, away, clock, told, keyward } = kit()
    const { apiKey } = await createKey()
    const unseen = await createKey()
    expect(await ask(apiKey)).toBe('admitted')
    away.store = 'fails'
    for (let request = 0; request < 3; request++) expect(await ask(apiKey)).toBe('admitted')
    expect(await ask(unseen.apiKey)).toBe('service_unavailable')
    expect(await ask(keyward.profile.keyFormat.make())).toBe('service_unavailable')
    clock.advance(60_001)
    expect(await ask(apiKey)).toBe('service_unavailable')
    expect(told('store').slice(0, 1)).toEqual(['degraded'])
  })

  it('leaves older copies working as well where that was chosen, as long as the gate vouches for them', async () => {
    const { createKey, ask, away, clock, keyward } = kit({ whenStoreAway: { mode: 'local', maxStaleSeconds: 3_600 } })
    const { apiKey, id } = await createKey()
    expect(await ask(apiKey)).toBe('admitted')
    away.store = 'fails'
    clock.advance(3_600_000)
    expect(await ask(apiKey)).toBe('admitted')
    await keyward.keys.revoke(id)
    expect(await ask(apiKey), 'a copy that the gate sent back is never used').toBe('service_unavailable')
  })

  it('and the gate that has forgotten everything: 503', async () => {
    const { createKey, ask, away, clock, keyward } = kit({ whenStoreAway: { mode: 'local', maxStaleSeconds: 3_600 } })
    const { apiKey } = await createKey()
    await ask(apiKey)
    away.store = 'fails'
    clock.advance(61_000)
    expect(await ask(apiKey)).toBe('admitted')
    away.gate = 'fails'
    expect(await ask(apiKey)).toBe('service_unavailable')
    await keyward.close()
  })
})

describe('a refusal', () => {
  it('of a gate on a server is remembered for a second at most: no trip for a client that is over its limit', async () => {
    const { createKey, ask, away, clock } = kit({}, 1)
    const { apiKey } = await createKey()
    expect(await ask(apiKey)).toBe('admitted')
    expect(await ask(apiKey)).toBe('rate_limit_exceeded')
    const before = away.calls
    for (let request = 0; request < 10; request++) expect(await ask(apiKey)).toBe('rate_limit_exceeded')
    expect(away.calls).toBe(before)
    clock.advance(1_000)
    expect(await ask(apiKey)).toBe('rate_limit_exceeded')
    expect(away.calls).toBe(before + 1)
  })

  it('is remembered for one plan, and not past the instant at which the request fits', async () => {
    const { createKey, ask, clock, keyward } = kit({}, 2)
    const { apiKey } = await createKey()
    expect(await ask(apiKey)).toBe('admitted')
    clock.advance(59_500)
    expect(await ask(apiKey)).toBe('admitted')
    expect(await ask(apiKey)).toBe('rate_limit_exceeded')
    expect(await outcomeOf(keyward, apiKey, { cost: 0 })).toBe('admitted')
    expect(await ask(apiKey)).toBe('rate_limit_exceeded')
    clock.advance(501)
    expect(await ask(apiKey), 'half a second later the first has left').toBe('admitted')
  })

  it('goes with a policy that was edited', async () => {
    const { createKey, ask, keyward } = kit({}, 1)
    const { apiKey } = await createKey()
    expect(await ask(apiKey)).toBe('admitted')
    expect(await ask(apiKey)).toBe('rate_limit_exceeded')
    await keyward.limits.setPolicy('default', [{ limit: 2, windowSeconds: 60 }])
    expect(await ask(apiKey)).toBe('admitted')
  })
})

describe('a new connection to the gate', () => {
  it('drops every copy, so that a fence that a failover lost brings no key back', async () => {
    const clock = createTestClock()
    const gate = forgetfulGate(clock)
    let told = () => {}
    const store = memory({ losesDataOnExit: true, clock })
    const reads = { count: 0 }
    const counted: KeyStore = {
      ...store,
      findByDigest(digests) {
        reads.count += 1
        return store.findByDigest(digests)
      },
    }
    const connecting: Gate = {
      ...gate,
      onConnection(listener) {
        told = listener
      },
    }
    const { keyward, createKey } = createTestKeyward({ store: counted, gate: connecting }, clock)
    const { apiKey } = await createKey()
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
    const before = reads.count
    told()
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
    expect(reads.count).toBe(before + 1)
  })
})

describe('a fleet in strict mode', () => {
  it('15: finds a key at once that was added elsewhere, though another request is reading it', async () => {
    const clock = createTestClock()
    const gate = forgetfulGate(clock)
    const kept = memory({ losesDataOnExit: true, clock })
    let release = () => {}
    let held: Promise<void> | undefined
    const slow: KeyStore = {
      ...kept,
      async findByDigest(digests) {
        const record = await kept.findByDigest(digests)
        await held
        return record
      },
    }
    const one = createTestKeyward({ store: kept, gate }, clock)
    const two = createTestKeyward({ store: slow, gate }, clock)
    await two.keyward.ready()
    const apiKey = one.keyward.profile.keyFormat.make()
    held = new Promise((resolve) => {
      release = resolve
    })
    const early = outcomeOf(two.keyward, apiKey)
    await new Promise<void>((resolve) => setImmediate(resolve))
    const digest = Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(apiKey))).toString('hex')
    await one.keyward.keys.import({ owner: 'acme', name: 'a', digest })
    const late = outcomeOf(two.keyward, apiKey)
    held = undefined
    release()
    expect(await late).toBe('admitted')
    expect(await early).toBe('invalid_api_key')
    expect(await outcomeOf(two.keyward, apiKey), '72: no memory of a miss').toBe('admitted')
  })
})

describe('options of a fleet', () => {
  const store = memory({ losesDataOnExit: true })
  it.each([
    ['fleet.channel', { revocation: 'leased' }],
    ['fleet.channel', { channel: {} }],
    ['fleet.revocation', { revocation: 'eventual' }],
    ['fleet.whenGateAway', { whenGateAway: 'open' }],
    ['fleet.whenGateAway', { whenGateAway: { mode: 'local', instances: 0, maxStaleSeconds: 10 } }],
    ['fleet.whenGateAway', { whenGateAway: { mode: 'local', instances: 2, maxStaleSeconds: 61 } }],
    ['fleet.whenStoreAway', { whenStoreAway: { mode: 'local', maxStaleSeconds: 59 } }],
    ['fleet', { instances: 4 }],
  ])('that are wrong are a ConfigError that quotes %s', (quoted, fleet) => {
    expect(() => createTestKeyward({ store, fleet: fleet as never })).toThrow(quoted)
  })

  it('need a gate where several processes may serve on the store', () => {
    const shared: KeyStore = { ...store, sharing: 'serve' }
    expect(() => createTestKeyward({ store: shared })).toThrow(/createKeyward.gate.*redis\(client\)/)
    expect(() => createTestKeyward({ store: shared, gate: forgetfulGate(store.clock) })).not.toThrow()
  })
})

describe('the outbox', () => {
  function two() {
    const clock = createTestClock()
    const gate = forgetfulGate(clock)
    const store = memory({ losesDataOnExit: true, clock })
    const make = () => createTestKeyward({ store, gate }, clock)
    return { one: make(), two: make(), gate, store }
  }

  it('is empty once the gate has a change', async () => {
    const { one, store } = two()
    const { id } = await one.createKey()
    expect((await one.keyward.keys.revoke(id)).fenced).toBe(true)
    await expect.poll(() => store.listFences(10)).toEqual([])
  })

  it.each(['revoke', 'purge'] as const)(
    'keeps the fence of a %s that the gate has not taken, and another instance brings it',
    async (act) => {
      const { one, two: other, gate, store } = two()
      const { id, apiKey } = await one.createKey()
      for (const { keyward } of [one, other]) expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
      gate.fenceFailure = new StoreUnavailableError('The gate is away.')
      expect((await one.keyward.keys[act](id)).fenced).toBe(false)
      await one.keyward.close()
      expect(await store.listFences(10)).toMatchObject([{ version: 2 }])
      gate.fenceFailure = undefined
      await expect.poll(() => store.listFences(10), { timeout: 1_000 }).toEqual([])
      expect(await outcomeOf(other.keyward, apiKey)).toBe('invalid_api_key')
    },
  )

  it('is not written where the gate is this process’s own', async () => {
    const clock = createTestClock()
    const store = memory({ losesDataOnExit: true, clock })
    const { keyward, createKey } = createTestKeyward({ store }, clock)
    const { id } = await createKey()
    await keyward.keys.revoke(id)
    expect(await store.listFences(10)).toEqual([])
  })
})
