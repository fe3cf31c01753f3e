import { ConfigError, createKeyward, InvalidInputError, type KeyStore, memory, type Policy, type Window } from 'keyward'
import { describe, expect, it } from 'vitest'
import { createPolicyBook } from '../../src/limits/policies.ts'
import { createTestClock } from '../../src/testing/test-clock.ts'
import { createTestKeyward } from '../../src/testing/test-keyward.ts'
import { chainOf, firstBrokenLink } from '../audit-chain.ts'
import { outcomeOf, visit } from '../visit.ts'

const perMinute = (limit: number): readonly Window[] => [{ limit, windowSeconds: 60 }]
const nobody = { actor: null, address: null, requestId: null }

describe('a policy that is edited', () => {
  it('98: reaches keys that were issued before at once, and keeps what was counted', async () => {
    const { keyward, createKey } = createTestKeyward({ limits: { policies: { default: perMinute(100) } } })
    const { apiKey, id } = await createKey()
    await visit(keyward, apiKey, { cost: 50 })
    await keyward.limits.setPolicy('default', perMinute(10))
    expect(await outcomeOf(keyward, apiKey)).toBe('rate_limit_exceeded')
    expect((await keyward.limits.read(id))[0]).toMatchObject({ limit: 10, remaining: 0 })
    await keyward.limits.setPolicy('default', perMinute(100))
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
    expect((await keyward.limits.read(id))[0]).toMatchObject({ limit: 100, remaining: 49 })
  })

  it('reaches a route that names it', async () => {
    const { keyward, createKey } = createTestKeyward({ limits: { policies: { export: perMinute(0) } } })
    const { apiKey } = await createKey()
    const route = { policies: ['export'] }
    expect(await outcomeOf(keyward, apiKey, route)).toBe('rate_limit_exceeded')
    await keyward.limits.setPolicy('export', perMinute(1))
    expect(await outcomeOf(keyward, apiKey, route)).toBe('admitted')
    expect(await outcomeOf(keyward, apiKey, route)).toBe('rate_limit_exceeded')
  })

  it('has a version, an audit entry and an event', async () => {
    const clock = createTestClock()
    const store = memory({ losesDataOnExit: true, clock })
    const { keyward, events } = createTestKeyward({ store, limits: { policies: { default: perMinute(5) } } }, clock)
    expect(await keyward.limits.policy('default')).toEqual({
      name: 'default',
      windows: perMinute(5),
      version: 0,
      updatedAt: null,
    })
    const context = { actor: { id: 'usr_1', owner: null, scopes: ['*'] }, address: '192.0.2.1', requestId: 'req_1' }
    const edited = await keyward.limits.setPolicy('default', perMinute(6), context)
    expect(edited).toEqual({ name: 'default', windows: perMinute(6), version: 1, updatedAt: new Date(clock.now()) })
    await keyward.limits.setPolicy('zebra', perMinute(7))
    expect((await keyward.limits.policies()).map(({ name, version }) => [name, version])).toEqual([
      ['default', 1],
      ['zebra', 1],
    ])
    const chain = await chainOf(store, '')
    expect(chain.map(({ action, actor, address, requestId }) => [action, actor, address, requestId])).toEqual([
      ['policy.set', 'usr_1', '192.0.2.1', 'req_1'],
      ['policy.set', null, null, null],
    ])
    expect(chain[0]?.details).toEqual({ name: 'default', before: perMinute(5), after: perMinute(6) })
    expect(firstBrokenLink(chain)).toBeUndefined()
    expect(events.flatMap((event) => (event.type === 'changed' ? [[event.action, event.version]] : []))).toEqual([
      ['policy.set', 1],
      ['policy.set', 1],
    ])
  })

  it('is a conflict for the second of two who name its version, and for one of two at once', async () => {
    const { keyward } = createTestKeyward({ limits: { policies: { default: perMinute(5) } } })
    const { limits } = keyward
    expect((await limits.setPolicy('default', perMinute(6), { ifVersion: 0 })).version).toBe(1)
    await expect(limits.setPolicy('default', perMinute(7), { ifVersion: 0 })).rejects.toMatchObject({
      code: 'precondition_failed',
    })
    const edits = [limits.setPolicy('default', perMinute(8)), limits.setPolicy('default', perMinute(9))]
    const done = await Promise.allSettled(edits)
    const lost = done.flatMap((edit) => (edit.status === 'rejected' ? [edit.reason.code] : []))
    expect(lost).toEqual(['conflict'])
    expect((await limits.policy('default')).version).toBe(2)
  })

  it('is not found by a name that nobody gave it', async () => {
    const { keyward } = createTestKeyward()
    await expect(keyward.limits.policy('gone')).rejects.toMatchObject({ code: 'not_found' })
    await expect(keyward.limits.policy('__proto__')).rejects.toMatchObject({ code: 'not_found' })
  })

  it('that another process stored can be given to a key without a restart', async () => {
    const clock = createTestClock()
    const store = memory({ losesDataOnExit: true, clock })
    const [here, elsewhere] = [createTestKeyward({ store }, clock), createTestKeyward({ store }, clock)]
    const { id } = await here.createKey()
    await elsewhere.keyward.limits.setPolicy('gold', perMinute(9))
    expect(await here.createKey({ policies: ['gold'] })).toMatchObject({ policies: ['gold'] })
    await elsewhere.keyward.limits.setPolicy('iron', perMinute(1))
    expect(await here.keyward.keys.update(id, { policies: ['iron'] })).toMatchObject({ policies: ['iron'] })
  })
})

describe('the rules of a policy', () => {
  it.each([
    ['a limit of 0', perMinute(0)],
    ['a limit of a billion', perMinute(1_000_000_000)],
    ['a window of one second', [{ limit: 1, windowSeconds: 1 }]],
    ['a window of 24 days', [{ limit: 1, windowSeconds: 24 * 86_400 }]],
    ['eight windows', Array.from({ length: 8 }, (_, index) => ({ limit: 1, windowSeconds: index + 1 }))],
    ['a window of the owner', [{ limit: 1, windowSeconds: 1, per: 'owner' }]],
  ] satisfies [string, readonly Window[]][])('allow %s', async (_what, windows) => {
    const { keyward } = createTestKeyward({ limits: { policies: { default: windows } } })
    expect((await keyward.limits.setPolicy('other', windows)).windows).toEqual(windows)
  })

  it.each([
    ['99: a limit of 2^53', 'windows.0.limit', perMinute(2 ** 53)],
    ['a limit above a billion', 'windows.0.limit', perMinute(1_000_000_001)],
    ['a negative limit', 'windows.0.limit', perMinute(-1)],
    ['half a limit', 'windows.0.limit', perMinute(0.5)],
    ['a limit that is none', 'windows.0.limit', perMinute(Number.NaN)],
    ['an endless limit', 'windows.0.limit', perMinute(Number.POSITIVE_INFINITY)],
    ['99: a window of a millisecond', 'windows.0.windowSeconds', [{ limit: 1, windowSeconds: 0.001 }]],
    ['a window of 0', 'windows.0.windowSeconds', [{ limit: 1, windowSeconds: 0 }]],
    ['99: a window of a year', 'windows.0.windowSeconds', [{ limit: 1, windowSeconds: 365 * 86_400 }]],
    ['a second above 24 days', 'windows.0.windowSeconds', [{ limit: 1, windowSeconds: 24 * 86_400 + 1 }]],
    ['no window', 'windows', []],
    ['nine windows', 'windows', Array.from({ length: 9 }, () => ({ limit: 1, windowSeconds: 1 }))],
    ['a window per planet', 'windows.0.per', [{ limit: 1, windowSeconds: 1, per: 'planet' }]],
    ['a window with more to it', 'windows.0', [{ limit: 1, windowSeconds: 1, burst: 2 }]],
    ['a window without a limit', 'windows.0.limit', [{ windowSeconds: 1 }]],
  ])('refuse %s, stored or configured', async (_what, path, windows) => {
    const { keyward } = createTestKeyward()
    const error = await keyward.limits.setPolicy('x', windows as readonly Window[]).catch((thrown: unknown) => thrown)
    if (!(error instanceof InvalidInputError)) throw new Error(`expected InvalidInputError, found ${error}`)
    expect(error.issues.map((issue) => issue.path.join('.'))).toContain(path)
    expect(await keyward.limits.policies()).toEqual([])
    const store = memory({ losesDataOnExit: true })
    const configure = () => createKeyward({ store, limits: { policies: { x: windows as readonly Window[] } } })
    expect(configure).toThrow(ConfigError)
    expect(configure).toThrow(/limits\.policies\.x/)
  })

  it.each(['', 'Default', '1st', 'a b', 'a:b', 'a"b', `x${'y'.repeat(64)}`, 'ä', '__proto__'])(
    'refuse the name %j',
    async (name) => {
      const { keyward } = createTestKeyward()
      await expect(keyward.limits.setPolicy(name, perMinute(1))).rejects.toBeInstanceOf(InvalidInputError)
      expect(() =>
        createKeyward({
          store: memory({ losesDataOnExit: true }),
          limits: { policies: Object.fromEntries([[name, perMinute(1)]]) },
        }),
      ).toThrow(ConfigError)
    },
  )

  it('demand that default policies are there', () => {
    const store = memory({ losesDataOnExit: true })
    expect(() => createKeyward({ store, limits: { default: ['gone'] } })).toThrow(/limits\.default/)
    expect(() => createKeyward({ store, limits: { default: ['toString'], policies: {} } })).toThrow(ConfigError)
  })
})

describe('the book of policies', () => {
  const stored = (name: string, limit: number, version = 1): Policy => ({
    name,
    windows: perMinute(limit),
    version,
    updatedAt: new Date(0),
  })
  const bent = (listPolicies: () => Promise<unknown>): KeyStore => ({
    ...memory({ losesDataOnExit: true }),
    listPolicies: listPolicies as KeyStore['listPolicies'],
  })

  it('takes a stored policy over one of the code', async () => {
    const book = createPolicyBook(
      bent(async () => [stored('b', 2)]),
      { c: perMinute(1), b: perMinute(1), a: perMinute(1) },
    )
    await book.load()
    expect(book.list().map(({ name, windows }) => [name, windows[0]?.limit])).toEqual([
      ['a', 1],
      ['b', 2],
      ['c', 1],
    ])
  })

  it('resolves to the same value until a policy changes, and to nothing for a name that is not there', async () => {
    const store = memory({ losesDataOnExit: true })
    const book = createPolicyBook(store, { a: perMinute(1), b: [{ limit: 2, windowSeconds: 1, per: 'owner' }] })
    const first = book.resolve(['b', 'a'])
    expect(first).toEqual({
      perKey: perMinute(1),
      perOwner: [{ limit: 2, windowSeconds: 1, per: 'owner' }],
      labels: ['a', 'b'],
    })
    expect(book.resolve(['b', 'a'])).toBe(first)
    expect(book.resolve(['a', 'gone'])).toBeUndefined()
    const before = book.generation()
    await book.set('a', perMinute(3), undefined, nobody)
    expect(book.generation()).toBeGreaterThan(before)
    expect(book.resolve(['b', 'a'])?.perKey).toEqual(perMinute(3))
  })

  it('does not go back to an older state that a slow read brings late', async () => {
    const answers: ((policies: readonly Policy[]) => void)[] = []
    const book = createPolicyBook(
      bent(() => new Promise((resolve) => answers.push(resolve))),
      {},
    )
    const [old, recent] = [book.load(), book.load()]
    answers[1]?.([stored('a', 1, 2)])
    await recent
    answers[0]?.([stored('a', 100, 1)])
    await old
    expect(book.get('a')?.version).toBe(2)
  })

  it.each([
    ['nothing', undefined],
    ['an object', {}],
    ['an empty object', [{}]],
    ['null', [null]],
    ['a policy without windows', [{ ...stored('a', 1), windows: undefined }]],
    ['a policy with no window, which would admit everything', [{ ...stored('a', 1), windows: [] }]],
    ['a limit as text', [{ ...stored('a', 1), windows: [{ limit: '1', windowSeconds: 60 }] }]],
    ['a limit that is none', [{ ...stored('a', 1), windows: perMinute(Number.NaN) }]],
  ])('takes %s from a store for a failure, and stays as it was', async (_what, nonsense) => {
    const book = createPolicyBook(
      bent(async () => nonsense),
      { a: perMinute(7) },
    )
    await expect(book.load()).rejects.toMatchObject({ code: 'service_unavailable' })
    expect(book.get('a')?.windows).toEqual(perMinute(7))
  })

  it('is read by requests until it could be, once another process has changed the store', async () => {
    const clock = createTestClock()
    const kept = memory({ losesDataOnExit: true, clock })
    const state = { changed: false, isAway: false }
    const store: KeyStore = {
      ...kept,
      changedElsewhere() {
        const { changed } = state
        state.changed = false
        return changed
      },
      listPolicies: () => (state.isAway ? Promise.reject(new Error('away')) : kept.listPolicies()),
    }
    const { keyward, createKey } = createTestKeyward(
      { store, limits: { policies: { default: perMinute(100) } } },
      clock,
    )
    const { apiKey } = await createKey()
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
    await createTestKeyward({ store: kept }, clock).keyward.limits.setPolicy('default', perMinute(0))
    Object.assign(state, { changed: true, isAway: true })
    clock.advance(6)
    expect(await outcomeOf(keyward, apiKey)).toBe('service_unavailable')
    expect(await outcomeOf(keyward, apiKey)).toBe('service_unavailable')
    state.isAway = false
    expect(await outcomeOf(keyward, apiKey)).toBe('rate_limit_exceeded')
  })
})
