import { createHash } from 'node:crypto'
import { createKeyFormat, type Denial, type Identity, memory, type NewKey } from 'keyward'
import { describe, expect, it } from 'vitest'
import { createTestClock } from '../src/testing/test-clock.ts'
import { createTestKeyward } from '../src/testing/test-keyward.ts'
import { headerOf, headWith, lastReason, outcomeOf, type VisitOptions, visit } from './visit.ts'

const MINUTE = 60_000

function denialOf(decision: Identity | Denial): Denial {
  if (!decision.denied) throw new Error('the request was admitted')
  return decision
}

describe('every refusal', () => {
  const refusals: readonly [
    reason: string,
    code: string,
    status: number,
    arrange: (kit: ReturnType<typeof createTestKeyward>) => Promise<readonly [apiKey: string, options?: VisitOptions]>,
  ][] = [
    ['key_unknown', 'invalid_api_key', 401, async () => [createKeyFormat({ prefix: 'sk_' }).make()]],
    ['invalid_api_key_format', 'invalid_api_key_format', 401, async () => ['sk_short']],
    ['malformed_authorization_header', 'malformed_authorization_header', 401, async () => ['two words']],
    ['missing_authorization_header', 'missing_authorization_header', 401, async () => ['']],
    ['key_deleted', 'invalid_api_key', 401, (kit) => arranged(kit, {}, (id) => kit.keyward.keys.delete(id))],
    ['key_revoked', 'invalid_api_key', 401, (kit) => arranged(kit, {}, (id) => kit.keyward.keys.revoke(id))],
    ['key_unknown', 'invalid_api_key', 401, (kit) => arranged(kit, {}, (id) => kit.keyward.keys.purge(id))],
    ['key_disabled', 'invalid_api_key', 401, (kit) => arranged(kit, {}, (id) => kit.keyward.keys.disable(id))],
    ['key_not_yet_valid', 'invalid_api_key', 401, (kit) => arranged(kit, { startsAt: later(kit, 1) })],
    [
      'key_expired',
      'invalid_api_key',
      401,
      (kit) => arranged(kit, { expiresAt: later(kit, 1) }, async () => kit.clock.advance(1)),
    ],
    ['wrong_audience', 'invalid_api_key', 401, (kit) => arranged(kit, { audiences: ['elsewhere'] })],
    ['address_not_allowed', 'address_not_allowed', 403, (kit) => arranged(kit, { addresses: ['192.0.2.1'] })],
    [
      'missing_scope',
      'insufficient_scope',
      403,
      async (kit) => [...(await arranged(kit, { scopes: ['read'] })), { scopes: ['read', 'write'] }],
    ],
    ['policy_missing', 'service_unavailable', 503, async (kit) => [...(await arranged(kit)), { policies: ['gone'] }]],
    [
      'rate_limit_exceeded',
      'rate_limit_exceeded',
      429,
      async (kit) => [...(await arranged(kit)), { policies: ['none'] }],
    ],
  ]

  async function arranged(
    kit: ReturnType<typeof createTestKeyward>,
    input: Partial<NewKey> = {},
    act: (id: string) => Promise<unknown> = async () => {},
  ): Promise<readonly [string]> {
    const { id, apiKey } = await kit.createKey(input)
    await act(id)
    return [apiKey]
  }
  const later = ({ clock }: ReturnType<typeof createTestKeyward>, ms: number) => new Date(clock.now() + ms)

  it.each(refusals)('%s is %s, %i', async (reason, code, status, arrange) => {
    const kit = createTestKeyward({ limits: { policies: { none: [{ limit: 0, windowSeconds: 60 }] } } })
    const [apiKey, options] = await arrange(kit)
    for (const round of ['read from the store', 'from the copy']) {
      const denial = denialOf(await visit(kit.keyward, apiKey, options))
      expect([round, denial.code, denial.status]).toEqual([round, code, status])
      expect(lastReason(kit.events)).toBe(reason)
      expect(kit.events.filter(({ type }) => type === 'admitted')).toEqual([])
      expect(headerOf(denial, 'Cache-Control')).toBe('no-store')
      expect(headerOf(denial, kit.keyward.profile.requestId.header)).toBe(denial.requestId)
      expect(headerOf(denial, 'WWW-Authenticate') !== undefined).toBe(status === 401 || code === 'insufficient_scope')
      expect(headerOf(denial, 'Retry-After') !== undefined).toBe(status === 429 || status === 503)
      expect(denial.body).toContain(denial.requestId)
    }
  })

  it('says nothing of limits in a 401, shows them unused in a 403 for a scope (27)', async () => {
    const { keyward, createKey } = createTestKeyward({
      limits: { policies: { default: [{ limit: 10, windowSeconds: 60 }] } },
    })
    const { apiKey, id } = await createKey({ scopes: ['read'] })
    await visit(keyward, apiKey)
    for (let attempt = 0; attempt < 3; attempt++) {
      const denial = denialOf(await visit(keyward, apiKey, { scopes: ['write'] }))
      expect(headerOf(denial, 'X-RateLimit-Remaining')).toBe('9')
      expect(headerOf(denial, 'WWW-Authenticate')).toBe('Bearer realm="api", error="insufficient_scope", scope="write"')
    }
    await keyward.keys.disable(id)
    const denial = denialOf(await visit(keyward, apiKey, { scopes: ['write'] }))
    expect(denial.headers.filter(([name]) => /ratelimit/i.test(name))).toEqual([])
    await keyward.keys.enable(id)
    expect((await keyward.limits.read(id)).map(({ remaining }) => remaining)).toEqual([9])
  })
})

describe('the limits of a request', () => {
  const policies = {
    default: [{ limit: 10, windowSeconds: 60 }],
    daily: [{ limit: 12, windowSeconds: 86_400 }],
    export: [{ limit: 2, windowSeconds: 60 }],
    team: [{ limit: 3, windowSeconds: 60, per: 'owner' as const }],
  }
  const remaining = (decision: Identity | Denial) =>
    decision.denied ? decision.code : decision.limits.map((limit) => [limit.policy, limit.remaining])

  it('80, 84: 10 pass, the 11th and 12th are 429, and after exactly Retry-After one passes', async () => {
    const { keyward, clock, createKey } = createTestKeyward({ limits: { policies } })
    const { apiKey } = await createKey()
    const shown: (string | undefined)[] = []
    for (let request = 0; request < 10; request++) {
      const decision = await visit(keyward, apiKey)
      expect(decision.denied).toBe(false)
      shown.push(headerOf(decision, 'X-RateLimit-Remaining'))
      clock.advance(100)
    }
    expect(shown).toEqual(['9', '8', '7', '6', '5', '4', '3', '2', '1', '0'])
    const refused = denialOf(await visit(keyward, apiKey))
    expect(denialOf(await visit(keyward, apiKey)).code).toBe('rate_limit_exceeded')
    expect(headerOf(refused, 'Retry-After')).toBe('59')
    expect(headerOf(refused, 'X-RateLimit-Remaining')).toBe('0')
    clock.advance(58_999)
    expect(await outcomeOf(keyward, apiKey)).toBe('rate_limit_exceeded')
    clock.advance(1)
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
    expect(await outcomeOf(keyward, apiKey)).toBe('rate_limit_exceeded')
  })

  it('96: a cost that does not fit takes nothing', async () => {
    const { keyward, createKey } = createTestKeyward({ limits: { policies } })
    const { apiKey } = await createKey()
    expect(remaining(await visit(keyward, apiKey, { cost: 7 }))).toEqual([['default', 3]])
    expect(remaining(await visit(keyward, apiKey, { cost: 5 }))).toBe('rate_limit_exceeded')
    expect(remaining(await visit(keyward, apiKey, { cost: 0 }))).toEqual([['default', 3]])
    expect(remaining(await visit(keyward, apiKey, { cost: 3 }))).toEqual([['default', 0]])
    expect(remaining(await visit(keyward, apiKey, { cost: 0 }))).toEqual([['default', 0]])
  })

  it('97: of several policies all count or none, and a route’s are counted under their own name', async () => {
    const { keyward, createKey } = createTestKeyward({ limits: { policies } })
    const { apiKey } = await createKey({ policies: ['default', 'daily'] })
    const route = { policies: ['export'] }
    expect(remaining(await visit(keyward, apiKey, route))).toEqual([
      ['default', 9],
      ['daily', 11],
      ['export', 1],
    ])
    await visit(keyward, apiKey, route)
    expect(remaining(await visit(keyward, apiKey, route))).toBe('rate_limit_exceeded')
    expect(remaining(await visit(keyward, apiKey))).toEqual([
      ['default', 7],
      ['daily', 9],
    ])
  })

  it('shares a window of the owner among the owner’s keys, and with nobody else’s', async () => {
    const { keyward, createKey } = createTestKeyward({ limits: { policies } })
    const keys = await Promise.all(['a', 'a', 'b'].map((owner) => createKey({ owner, policies: ['team'] })))
    const [one, two, other] = keys.map(({ apiKey }) => apiKey) as [string, string, string]
    expect(remaining(await visit(keyward, one))).toEqual([['team', 2]])
    expect(remaining(await visit(keyward, two))).toEqual([['team', 1]])
    expect(remaining(await visit(keyward, other))).toEqual([['team', 2]])
  })

  it('52: keeps apart keys, owners and policies whose names run together', async () => {
    const { keyward, createKey } = createTestKeyward({
      limits: { policies: { a: policies.team, 'a.b': policies.team } },
    })
    const one = await createKey({ owner: 'b:c', policies: ['a'] })
    const two = await createKey({ owner: 'c', policies: ['a'] })
    await visit(keyward, one.apiKey, { policies: ['a.b'] })
    expect(remaining(await visit(keyward, two.apiKey, { policies: ['a.b'] }))).toEqual([
      ['a', 2],
      ['a.b', 2],
    ])
  })

  it('shares the windows of a lineage between a key and its successor', async () => {
    const { keyward, createKey } = createTestKeyward({ limits: { policies } })
    const { apiKey, id } = await createKey()
    await visit(keyward, apiKey, { cost: 4 })
    const next = await keyward.keys.rotate(id, { graceSeconds: 60 })
    expect(remaining(await visit(keyward, next.apiKey, { cost: 4 }))).toEqual([['default', 2]])
    expect(remaining(await visit(keyward, apiKey))).toEqual([['default', 1]])
  })

  it('106: refusals that name a key leave its windows alone', async () => {
    const { keyward, createKey } = createTestKeyward({ limits: { policies } })
    const { apiKey, id } = await createKey({ addresses: ['192.0.2.1'] })
    for (let flood = 0; flood < 20; flood++) {
      await visit(keyward, apiKey, { peer: '192.0.2.2' })
      await visit(keyward, apiKey, { peer: '192.0.2.1', scopes: ['write'] })
    }
    expect((await keyward.limits.read(id)).map((limit) => limit.remaining)).toEqual([10])
  })

  it('88, 89: a wall clock that jumps an hour either way opens no window and locks nobody out', async () => {
    const { keyward, clock, createKey } = createTestKeyward({ limits: { policies } })
    const { apiKey } = await createKey()
    await visit(keyward, apiKey, { cost: 10 })
    for (const jump of [3_600_000, -7_200_000]) {
      clock.set(clock.now() + jump)
      expect(await outcomeOf(keyward, apiKey)).toBe('rate_limit_exceeded')
    }
    clock.advance(MINUTE)
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
  })
})

describe('a request that meets requireKey twice', () => {
  const policies = {
    default: [{ limit: 100, windowSeconds: 60 }],
    export: [{ limit: 100, windowSeconds: 60 }],
  }
  const routes = [
    { cost: 1, policies: [] },
    { cost: 5, policies: ['export'] },
  ] as const

  it('104: is counted once', async () => {
    const { keyward, events, createKey } = createTestKeyward({ limits: { policies } })
    const { apiKey, id } = await createKey()
    const context = keyward.receive(headWith(apiKey))
    for (let mount = 0; mount < 3; mount++) await keyward.admit(context, keyward.route())
    expect((await keyward.limits.read(id))[0]?.remaining).toBe(99)
    expect(events.flatMap((event) => (event.type === 'admitted' ? [event.cost] : []))).toEqual([1, 0, 0])
  })

  it('104: is told of as a warning, once', async () => {
    const { keyward, events, createKey } = createTestKeyward()
    const { apiKey } = await createKey()
    const warnings = () => events.filter((event) => event.type === 'warning' && event.code === 'mounted_twice')
    await visit(keyward, apiKey)
    expect(warnings()).toHaveLength(0)
    for (let request = 0; request < 2; request++) {
      const context = keyward.receive(headWith(apiKey))
      for (let mount = 0; mount < 2; mount++) await keyward.admit(context, keyward.route())
    }
    expect(warnings()).toHaveLength(1)
  })

  it.each([
    ['the cheap one first', [0, 1], [95, 95]],
    ['the dear one first', [1, 0], [95, 95]],
    ['thrice', [0, 1, 0], [95, 95]],
  ])('counts the difference, %s', async (_name, order, left) => {
    const { keyward, createKey } = createTestKeyward({ limits: { policies } })
    const { apiKey, id } = await createKey()
    const context = keyward.receive(headWith(apiKey))
    for (const index of order) await keyward.admit(context, keyward.route(routes[index]))
    const probe = await visit(keyward, apiKey, { cost: 0, policies: ['export'] })
    expect(probe.denied ? [] : probe.limits.map(({ remaining }) => remaining)).toEqual(left)
    expect((await keyward.limits.read(id))[0]?.remaining).toBe(left[0])
  })

  it.each([
    [
      'a policy that was counted at a lower cost',
      [{ cost: 5 }, { cost: 1, policies: ['export'] }, { cost: 5, policies: ['export'] }],
    ],
    [
      'a policy that came before a higher cost',
      [{ cost: 1, policies: ['export'] }, { cost: 5 }, { cost: 5, policies: ['export'] }],
    ],
  ])('counts the difference for each policy by itself: %s', async (_name, mounts) => {
    const { keyward, createKey } = createTestKeyward({ limits: { policies } })
    const { apiKey } = await createKey()
    const context = keyward.receive(headWith(apiKey))
    for (const mount of mounts) await keyward.admit(context, keyward.route(mount))
    const probe = await visit(keyward, apiKey, { cost: 0, policies: ['export'] })
    expect(probe.denied ? [] : probe.limits.map(({ remaining }) => remaining)).toEqual([95, 95])
  })

  it('judges the scopes of each', async () => {
    const { keyward, createKey } = createTestKeyward()
    const { apiKey } = await createKey({ scopes: ['read'] })
    const context = keyward.receive(headWith(apiKey))
    expect((await keyward.admit(context, keyward.route({ scopes: ['read'] }))).denied).toBe(false)
    expect((await keyward.admit(context, keyward.route({ scopes: ['write'] }))).denied).toBe(true)
  })
})

describe('the second half', () => {
  async function slowly(
    bodyMs: number,
    meanwhile: (kit: ReturnType<typeof createTestKeyward>, id: string) => Promise<unknown>,
    route = {},
  ) {
    const kit = createTestKeyward({ limits: { policies: { default: [{ limit: 1, windowSeconds: 60 }] } } })
    const { apiKey, id } = await kit.createKey({ scopes: ['read'] })
    const compiled = kit.keyward.route(route)
    const context = kit.keyward.receive(headWith(apiKey))
    expect((await kit.keyward.admit(context, compiled)).denied).toBe(false)
    kit.clock.advance(bodyMs)
    await meanwhile(kit, id)
    return { ...kit, id, decision: await kit.keyward.begin(context, compiled) }
  }

  it('lets a request go on whose body was slow, and counts it once', async () => {
    const { decision, keyward, events, id } = await slowly(30_000, async () => {})
    expect(decision).toBeUndefined()
    expect((await keyward.limits.read(id))[0]?.remaining).toBe(0)
    expect(events.filter(({ type }) => type === 'admitted')).toHaveLength(1)
    expect(events.filter((event) => event.type === 'warning' && event.code === 'mounted_twice')).toHaveLength(0)
  })

  it.each([
    ['revoked', 'invalid_api_key', (kit, id) => kit.keyward.keys.revoke(id)],
    ['deleted', 'invalid_api_key', (kit, id) => kit.keyward.keys.delete(id)],
    ['purged', 'invalid_api_key', (kit, id) => kit.keyward.keys.purge(id)],
    ['disabled', 'invalid_api_key', (kit, id) => kit.keyward.keys.disable(id)],
    ['deprived of its scope', 'insufficient_scope', (kit, id) => kit.keyward.keys.update(id, { scopes: [] })],
  ] satisfies [string, string, Parameters<typeof slowly>[1]][])(
    'refuses a key that was %s while the body was on its way',
    async (_how, code, meanwhile) => {
      const { decision } = await slowly(1_001, meanwhile, { scopes: ['read'] })
      expect(decision?.code).toBe(code)
    },
  )

  it('refuses a key that expired while the body was on its way', async () => {
    const clock = createTestClock()
    const { keyward, createKey } = createTestKeyward({}, clock)
    const { apiKey } = await createKey({ expiresAt: new Date(clock.now() + 1_500) })
    const context = keyward.receive(headWith(apiKey))
    await keyward.admit(context, keyward.route())
    clock.advance(1_500)
    expect((await keyward.begin(context, keyward.route()))?.code).toBe('invalid_api_key')
  })

  it('is the whole walk for a request that skipped the first', async () => {
    const { keyward, createKey } = createTestKeyward({
      limits: { policies: { default: [{ limit: 1, windowSeconds: 60 }] } },
    })
    const { apiKey } = await createKey()
    const begin = async (key: string) => (await keyward.begin(keyward.receive(headWith(key)), keyward.route()))?.code
    expect(await begin('sk_never_seen')).toBe('invalid_api_key_format')
    expect([await begin(apiKey), await begin(apiKey)]).toEqual([undefined, 'rate_limit_exceeded'])
  })
})

describe('who a key is good for', () => {
  it('is an audience that the deployment is', async () => {
    const { keyward, createKey } = createTestKeyward({ keys: { audience: 'eu' } })
    const good = await Promise.all([[], ['eu'], ['us', 'eu']].map((audiences) => createKey({ audiences })))
    for (const { apiKey } of good) expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
    expect(await outcomeOf(keyward, (await createKey({ audiences: ['us'] })).apiKey)).toBe('invalid_api_key')
  })

  it.each([
    ['192.0.2.7', '192.0.2.0/24', true],
    ['::ffff:192.0.2.7', '192.0.2.0/24', true],
    ['::ffff:c000:207', '192.0.2.0/24', true],
    ['192.0.3.7', '192.0.2.0/24', false],
    ['2001:db8::5', '2001:db8::/32', true],
    ['2001:DB8:0:0:0:0:0:5', '2001:db8::5', true],
    ['2001:db9::5', '2001:db8::/32', false],
    [undefined, '0.0.0.0/0', false],
    [undefined, '::/0', false],
    ['not an address', '0.0.0.0/0', false],
  ])('101: %s may use a key for %s: %s', async (peer, range, admitted) => {
    const { keyward, createKey } = createTestKeyward()
    const { apiKey } = await createKey({ addresses: ['203.0.113.1', range] })
    const expected = admitted ? 'admitted' : 'address_not_allowed'
    expect(await outcomeOf(keyward, apiKey, peer === undefined ? {} : { peer })).toBe(expected)
  })

  it('103: is read from the proxies that are trusted, and from nobody else', async () => {
    const { keyward, createKey } = createTestKeyward({ clientAddress: { trustedProxies: ['10.0.0.0/8'] } })
    const { apiKey } = await createKey({ addresses: ['192.0.2.1'] })
    const from = (peer: string, forwarded: string) =>
      outcomeOf(keyward, apiKey, { peer, headers: { 'X-Forwarded-For': forwarded } })
    expect(await from('10.0.0.1', '192.0.2.1')).toBe('admitted')
    expect(await from('10.0.0.1', '192.0.2.1, 203.0.113.9')).toBe('address_not_allowed')
    expect(await from('203.0.113.9', '192.0.2.1')).toBe('address_not_allowed')
  })
})

describe('an identity', () => {
  it('holds what a handler relies on, and no key', async () => {
    const { keyward, createKey } = createTestKeyward()
    const { apiKey, id } = await createKey({ owner: 'acme', name: 'ci', scopes: ['read'], metadata: { plan: 'pro' } })
    const identity = await visit(keyward, apiKey, { headers: { 'X-Title': 'App' } })
    expect(identity).toMatchObject({
      denied: false,
      keyId: id,
      owner: 'acme',
      name: 'ci',
      lineage: id,
      scopes: ['read'],
      metadata: { plan: 'pro' },
      attribution: { title: 'App' },
      limits: [],
      headers: [],
    })
  })

  it('cannot be used to change what later requests are judged by', async () => {
    const { keyward, createKey } = createTestKeyward()
    const { apiKey } = await createKey({ scopes: ['read'], metadata: { plan: 'free', seats: [1] } })
    const identity = await visit(keyward, apiKey)
    if (identity.denied) throw new Error('refused')
    expect(() => (identity.scopes as string[]).push('write')).toThrow(TypeError)
    expect(() => Object.assign(identity.metadata, { plan: 'pro' })).toThrow(TypeError)
    expect(() => (identity.metadata['seats'] as number[]).push(2)).toThrow(TypeError)
    expect(await outcomeOf(keyward, apiKey, { scopes: ['write'] })).toBe('insufficient_scope')
  })
})

describe('verify', () => {
  it('answers as a request would be, counts like one, and shows the key', async () => {
    const { keyward, createKey } = createTestKeyward({
      limits: { policies: { default: [{ limit: 2, windowSeconds: 60 }] } },
    })
    const { apiKey, id } = await createKey({ scopes: ['read'] })
    expect(await keyward.verify({ apiKey, scopes: ['write'] })).toEqual({ valid: false, code: 'insufficient_scope' })
    expect(await keyward.verify({ apiKey, scopes: ['read'], cost: 2 })).toMatchObject({ valid: true, key: { id } })
    expect(await keyward.verify({ apiKey })).toEqual({ valid: false, code: 'rate_limit_exceeded' })
  })

  it('tells an actor of another owner’s key what it tells of an unknown one, and counts nothing', async () => {
    const { keyward, createKey } = createTestKeyward({
      limits: { policies: { default: [{ limit: 2, windowSeconds: 60 }] } },
    })
    const { apiKey, id } = await createKey({ owner: 'b' })
    const unknown = createKeyFormat({ prefix: 'sk_' }).make()
    const context = { actor: { id: 'x', owner: 'a', scopes: ['*'] } }
    const answers = await Promise.all([apiKey, unknown].map((key) => keyward.verify({ apiKey: key }, context)))
    expect(answers[0]).toEqual(answers[1])
    expect((await keyward.limits.read(id))[0]?.remaining).toBe(2)
  })

  it('judges the address that it is told, and no key with white space around it', async () => {
    const { keyward, createKey } = createTestKeyward()
    const { apiKey } = await createKey({ addresses: ['192.0.2.0/24'] })
    expect(await keyward.verify({ apiKey, address: '192.0.2.7' })).toMatchObject({ valid: true })
    expect(await keyward.verify({ apiKey, address: '::ffff:192.0.2.7' })).toMatchObject({ valid: true })
    expect(await keyward.verify({ apiKey, address: '192.0.3.7' })).toEqual({
      valid: false,
      code: 'address_not_allowed',
    })
    expect(await keyward.verify({ apiKey })).toEqual({ valid: false, code: 'address_not_allowed' })
    expect(await keyward.verify({ apiKey: `${apiKey} ` })).toEqual({ valid: false, code: 'invalid_api_key_format' })
  })

  it('186: is throttled by address like a request, so that it is no oracle', async () => {
    const limits = { failedAttempts: { perMinute: 3, lookUpsPerSecond: 1 } }
    const { keyward } = createTestKeyward({ clientAddress: 'peer', limits })
    const { keyFormat } = keyward.profile
    const codes: (string | undefined)[] = []
    for (let attempt = 0; attempt < 6; attempt++)
      codes.push((await keyward.verify({ apiKey: keyFormat.make() }, { address: '192.0.2.7' })).code)
    expect(codes.slice(0, 4)).toEqual(Array(4).fill('invalid_api_key'))
    expect(codes.slice(4)).toEqual(Array(2).fill('too_many_failed_attempts'))
  })

  it('answers with a code for a key that is purged while it is verified', async () => {
    const clock = createTestClock()
    const store = memory({ losesDataOnExit: true, clock })
    const gone = { ...store, findById: async () => undefined }
    const { keyward, createKey } = createTestKeyward({ store: gone }, clock)
    const { apiKey } = await createKey()
    expect(await keyward.verify({ apiKey })).toEqual({ valid: false, code: 'invalid_api_key' })
  })
})

describe('what is no key', () => {
  it('32, 233: never reaches the store', async () => {
    const clock = createTestClock()
    let reads = 0
    const store = memory({ losesDataOnExit: true, clock })
    const counting: typeof store = {
      ...store,
      findByDigest(digests) {
        reads += 1
        return store.findByDigest(digests)
      },
    }
    const { keyward, createKey } = createTestKeyward({ store: counting }, clock)
    const { apiKey } = await createKey()
    const wrong = [
      apiKey.slice(1),
      `${apiKey}x`,
      apiKey.toUpperCase(),
      apiKey.replace('sk_', 'pk_'),
      'x'.repeat(15_000),
    ]
    for (const bad of wrong) expect(await outcomeOf(keyward, bad)).toBe('invalid_api_key_format')
    expect(reads).toBe(0)
  })

  it('is found by its digest only: SHA-256 of the whole key', async () => {
    const { keyward } = createTestKeyward()
    const apiKey = createKeyFormat({ prefix: 'sk_' }).make()
    const digest = createHash('sha256').update(apiKey).digest('hex')
    await keyward.keys.import({ owner: 'a', name: 'old', digest })
    expect(await outcomeOf(keyward, apiKey)).toBe('admitted')
    expect(await outcomeOf(keyward, digest)).toBe('invalid_api_key_format')
  })
})
