import { createHash } from 'node:crypto'
import {
  ConfigError,
  createKeyward,
  type Gate,
  type KeyStore,
  type KeywardOptions,
  memory,
  memoryGate,
  type RouteOptions,
  StoreUnavailableError,
} from 'keyward'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { createTestClock, type TestClock } from '../src/testing/test-clock.ts'
import { createTestKeyward } from '../src/testing/test-keyward.ts'
import { storeKinds } from './store-kinds.ts'
import { outcomeOf, visit } from './visit.ts'

afterEach(() => void vi.useRealTimers())

describe('starting', () => {
  /** A store whose opening a test can watch and bend. */
  function withOpening(clock: TestClock, bend: (number: number) => Promise<void>) {
    const kept = memory({ losesDataOnExit: true, clock })
    const opened = { count: 0 }
    const store: KeyStore = {
      ...kept,
      open() {
        opened.count += 1
        return bend(opened.count)
      },
    }
    return { store, opened, kept }
  }

  it('does no I/O before it is asked to, and happens once, whoever comes first', async () => {
    const clock = createTestClock()
    const { store, opened } = withOpening(clock, async () => {})
    const { keyward, createKey } = createTestKeyward({ store }, clock)
    expect(opened.count).toBe(0)
    await Promise.all([keyward.ready(), createKey(), keyward.ready(), keyward.keys.list()])
    expect(opened.count).toBe(1)
  })

  it('73: that fails is 503 for requests, is tried again, and is told of once each way', async () => {
    const clock = createTestClock()
    let isAway = true
    const { store, opened, kept } = withOpening(clock, async () => {
      if (isAway) throw new StoreUnavailableError('away')
    })
    const { apiKey } = await createTestKeyward({ store: kept }, clock).createKey()
    const { keyward, events } = createTestKeyward({ store }, clock)
    const answers = await Promise.all(Array.from({ length: 100 }, () => visit(keyward, apiKey)))
    expect(new Set(answers.map((answer) => answer.denied && answer.status))).toEqual(new Set([503]))
    expect(opened.count).toBe(1)
    await expect(keyward.keys.list()).rejects.toBeInstanceOf(StoreUnavailableError)
    clock.advance(499)
    expect(await outcomeOf(keyward, apiKey)).toBe('service_unavailable')
    expect(opened.count).toBe(1)
    isAway = false
    clock.advance(1)
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
    expect(opened.count).toBe(2)
    const told = events.flatMap((event) => ('part' in event && event.part === 'start' ? [event.type] : []))
    expect(told).toEqual(['degraded', 'recovered'])
  })

  it.each([
    ['a wrong option', new ConfigError('sqlite(): no')],
    ['what is no error of ours', new TypeError('x is not a function')],
  ])('that fails because of %s is 503 for requests, not 500 and not 401', async (_what, failure) => {
    const clock = createTestClock()
    const { store } = withOpening(clock, () => Promise.reject(failure))
    const { keyward } = createTestKeyward({ store }, clock)
    const decision = await visit(keyward, keyward.profile.keyFormat.make())
    expect(decision.denied && [decision.status, decision.code]).toEqual([503, 'service_unavailable'])
    await expect(keyward.ready()).rejects.toBe(failure)
  })

  it('that hangs does not keep a request for ever', async () => {
    const clock = createTestClock()
    const { store } = withOpening(clock, () => new Promise(() => {}))
    const { keyward } = createTestKeyward({ store }, clock)
    vi.useFakeTimers()
    const answer = outcomeOf(keyward, keyward.profile.keyFormat.make())
    await vi.advanceTimersByTimeAsync(10_000)
    expect(await answer).toBe('service_unavailable')
  })

  it('claims the right to serve only to serve, and only with a gate of this process', async () => {
    const clock = createTestClock()
    const claims: string[] = []
    const claiming = (name: string): KeyStore => ({
      ...memory({ losesDataOnExit: true, clock }),
      claim: async () => void claims.push(name),
    })
    const managing = createTestKeyward({ store: claiming('managing') }, clock)
    await managing.createKey()
    expect(claims).toEqual([])
    await createTestKeyward({ store: claiming('shared'), gate: { ...sharedGate(clock) } }, clock).keyward.ready()
    expect(claims).toEqual([])
    await createTestKeyward({ store: claiming('serving') }, clock).keyward.ready()
    expect(claims).toEqual(['serving'])
  })

  it('that fails to claim refuses requests, and leaves management working', async () => {
    const clock = createTestClock()
    const store: KeyStore = {
      ...memory({ losesDataOnExit: true, clock }),
      claim: () => Promise.reject(new ConfigError('another process serves on this file')),
    }
    const { keyward, createKey } = createTestKeyward({ store }, clock)
    const { apiKey } = await createKey()
    await expect(keyward.ready()).rejects.toBeInstanceOf(ConfigError)
    expect(await outcomeOf(keyward, apiKey)).toBe('service_unavailable')
    expect((await keyward.keys.list()).items).toHaveLength(1)
  })

  function sharedGate(clock: TestClock): Gate {
    const gate = memoryGate({ clock })
    return { versions: 'gate', admit: gate.admit.bind(gate), peek: gate.peek.bind(gate), fence: gate.fence.bind(gate) }
  }
})

describe('options', () => {
  const store = memory({ losesDataOnExit: true })

  it.each([
    ['store', {}],
    ['store', { store: {} }],
    ['store', { store: null }],
    ['gate', { store, gate: {} }],
    ['profile', { store, profile: 'pipevideo' }],
    ['keys.accept', { store, keys: { accept: ['sk_'] } }],
    ['keys.requireScopes', { store, keys: { requireScopes: 'yes' } }],
    ['keys.onDelete', { store, keys: { onDelete: 'hard' } }],
    ['keys.audience', { store, keys: { audience: '' } }],
    ['keys.copies.maxCopies', { store, keys: { copies: { maxCopies: 0 } } }],
    ['keys.copies.maxUnknown', { store, keys: { copies: { maxUnknown: 1.5 } } }],
    ['peppers', { store, keys: { peppers: [{ version: 1, secret: 'short' }] } }],
    ['limits.failedAttempts.perMinute', { store, limits: { failedAttempts: { perMinute: 0 } } }],
    ['clientAddress', { store, clientAddress: { trustedProxies: ['everybody'] } }],
    ['onEvent', { store, onEvent: 'log' }],
    ['createKeyward', { store, onEvents: () => {} }],
    ['keys', { store, keys: { ttl: 5 } }],
  ])('that are wrong are a ConfigError that quotes %s', (quoted, options) => {
    const create = () => createKeyward(options as unknown as KeywardOptions)
    expect(create).toThrow(ConfigError)
    expect(create).toThrow(quoted)
  })

  it.each([undefined, null, 5, 'sqlite:keys.db'])('that are %s are a ConfigError', (options) => {
    expect(() => createKeyward(options as unknown as KeywardOptions)).toThrow(ConfigError)
  })

  it.each([
    ['cost', { cost: -1 }],
    ['cost', { cost: 0.5 }],
    ['cost', { cost: 1e10 }],
    ['scopes.0', { scopes: ['a b'] }],
    ['policies.0', { policies: ['A'] }],
    ['scope', { scope: 'read' }],
  ])('of a route that are wrong are a ConfigError that quotes %s', (quoted, options) => {
    const { keyward } = createTestKeyward()
    const declare = () => keyward.route(options as RouteOptions)
    expect(declare).toThrow(ConfigError)
    expect(declare).toThrow(quoted)
  })
})

describe.each(storeKinds)('peppers, on %s', (_kind, createStore) => {
  const one = { version: 1, secret: 'the first pepper, of 32 bytes at least' }
  const two = { version: 2, secret: 'the second pepper, of 32 bytes at least' }
  const open: { close(): Promise<void> }[] = []
  afterEach(async () => {
    for (const { close } of open.splice(0)) await close()
  })

  /** Stores that share their data, one after the other: a deployment that is restarted. */
  function deployments() {
    const clock = createTestClock()
    const store = createStore(clock)
    return async (...peppers: readonly (typeof one)[]) => {
      for (const { close } of open.splice(0)) await close()
      const made = createTestKeyward({ store, keys: { peppers } }, clock)
      open.push(made.keyward)
      return { ...made, ask: (apiKey: string) => outcomeOf(made.keyward, apiKey) }
    }
  }

  it('44: are rotated without a refusal: old keys go on, new ones have the new pepper', async () => {
    const deploy = deployments()
    const bare = await deploy()
    const oldest = await bare.createKey()
    const first = await deploy(one)
    expect(await first.ask(oldest.apiKey)).toBe('admitted')
    const old = await first.createKey()
    await bare.keyward.close()
    const purging = await deploy(one)
    await purging.keyward.keys.purge(oldest.id)
    const second = await deploy(one, two)
    expect(await second.ask(old.apiKey)).toBe('admitted')
    const young = await second.createKey()
    const successor = await second.keyward.keys.rotate(old.id, { graceSeconds: 60 })
    for (const { apiKey } of [old, young, successor]) expect(await second.ask(apiKey)).toBe('admitted')
    await expect((await deploy(two)).keyward.ready()).rejects.toThrow(ConfigError)
    const cleaning = await deploy(one, two)
    await cleaning.keyward.keys.purge(old.id)
    const last = await deploy(two)
    for (const { apiKey } of [young, successor]) expect(await last.ask(apiKey)).toBe('admitted')
    expect(await last.ask(old.apiKey)).toBe('invalid_api_key')
  })

  it.each([
    ['wrong', [{ version: 1, secret: 'another pepper, of 32 bytes at least' }], /version 1/],
    ['gone', [], /version 1/],
    ['replaced before its keys were', [two], /version 1/],
  ])('45: that are %s are a ConfigError at the start, not a storm of 401s', async (_how, peppers, message) => {
    const deploy = deployments()
    const before = await deploy(one)
    const { apiKey } = await before.createKey()
    const after = await deploy(...peppers)
    const error = await after.keyward.ready().catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(ConfigError)
    expect((error as Error).message).toMatch(message)
    expect((error as Error).message).not.toContain('pepper, of')
    expect(await after.ask(apiKey)).toBe('service_unavailable')
    await expect(after.createKey()).rejects.toBeInstanceOf(ConfigError)
    expect(await (await deploy(one)).ask(apiKey)).toBe('admitted')
  })

  it('are put on imported digests, whose keys are good', async () => {
    const deploy = deployments()
    const { keyward, ask } = await deploy(one, two)
    const apiKey = keyward.profile.keyFormat.make()
    const digest = createHash('sha256').update(apiKey).digest('base64')
    expect(await ask(apiKey)).toBe('invalid_api_key')
    await keyward.keys.import({ owner: 'a', name: 'old', digest })
    expect(await ask(apiKey)).toBe('admitted')
  })
})

describe('closing', () => {
  it('answers later requests with 503 and refuses later changes, and may be done twice', async () => {
    const { keyward, createKey } = createTestKeyward()
    const { apiKey, id } = await createKey()
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
    await keyward.close()
    expect(await outcomeOf(keyward, apiKey)).toBe('service_unavailable')
    await expect(keyward.keys.revoke(id)).rejects.toBeInstanceOf(StoreUnavailableError)
    await expect(keyward.ready()).rejects.toBeInstanceOf(StoreUnavailableError)
    await keyward.close()
  })

  it('waits for reads and changes under way before it closes the store', async () => {
    const clock = createTestClock()
    const kept = memory({ losesDataOnExit: true, clock })
    const order: string[] = []
    const turn = () => new Promise<void>((resolve) => setImmediate(resolve))
    const store: KeyStore = {
      ...kept,
      async findByDigest(digests) {
        await turn()
        order.push('read')
        return kept.findByDigest(digests)
      },
      async commit(changes) {
        for (let count = 0; count < 5; count++) await turn()
        order.push('commit')
        return kept.commit(changes)
      },
      async close() {
        order.push('close')
      },
    }
    const { keyward, createKey } = createTestKeyward({ store }, clock)
    const { apiKey, id } = await createKey()
    await keyward.ready()
    order.length = 0
    const asked = outcomeOf(keyward, apiKey)
    const revoked = keyward.keys.revoke(id)
    await turn()
    await keyward.close()
    expect(await asked).toBe('admitted')
    expect(await revoked).toMatchObject({ state: 'revoked' })
    expect(order).toEqual(['read', 'commit', 'close'])
  })

  it('waits for an opening under way, so that nothing is left open', async () => {
    const clock = createTestClock()
    const order: string[] = []
    const store: KeyStore = {
      ...memory({ losesDataOnExit: true, clock }),
      async open() {
        await new Promise<void>((resolve) => setImmediate(resolve))
        order.push('open')
      },
      async close() {
        order.push('close')
      },
    }
    const { keyward } = createTestKeyward({ store }, clock)
    const starting = keyward.ready().catch(() => {})
    await keyward.close()
    await starting
    expect(order).toEqual(['open', 'close'])
  })
})
