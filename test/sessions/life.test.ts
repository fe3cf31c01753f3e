import { createProfile, defaultProfile, type Identity, type Keyward, type KeywardOptions, memory } from 'keyward'
import { sessions } from 'keyward/sessions'
import { describe, expect, it } from 'vitest'
import { createTestClock } from '../../src/testing/test-clock.ts'
import { createTestKeyward } from '../../src/testing/test-keyward.ts'
import { forgetfulGate } from '../forgetful-gate.ts'
import { headWith, lastReason, outcomeOf, type VisitOptions, visit } from '../visit.ts'
import { sessionKeyward, signingKeys } from './session-kit.ts'

const MINUTE = 60_000
const onSession: VisitOptions = { accept: ['session'] }
const tick = () => new Promise<void>((resolve) => setImmediate(resolve))

async function minted(kit: ReturnType<typeof sessionKeyward>, input = {}, options = {}) {
  const key = await kit.createKey(input)
  const session = await kit.keyward.sessions.mint({ keyId: key.id }, options)
  return { ...key, ...session, keyId: key.id, sessionId: session.id }
}

/** Two instances over one store and one gate on a server, and how often records were read. */
function fleet(options: Partial<KeywardOptions> = {}) {
  const clock = createTestClock()
  const kept = memory({ losesDataOnExit: true, clock })
  const gate = forgetfulGate(clock)
  const reads = { count: 0, held: undefined as Promise<void> | undefined }
  const store = {
    ...kept,
    async findById(keyId: string) {
      reads.count += 1
      const record = await kept.findById(keyId)
      await reads.held
      return record
    },
  }
  const [one, two] = [0, 1].map(() => sessionKeyward({}, { ...options, store, gate }, clock))
  if (one === undefined || two === undefined) throw new Error('there are two')
  return { one, two, clock, gate, reads, kept }
}

describe('a session token', () => {
  it('lets its holder in as its key, and says by which token', async () => {
    const kit = sessionKeyward()
    const { token, keyId, sessionId, expiresAt, apiKey } = await minted(kit, { owner: 'org_1', scopes: ['a', 'b'] })
    const byToken = (await visit(kit.keyward, token, onSession)) as Identity
    const byKey = (await visit(kit.keyward, apiKey)) as Identity
    expect(byToken).toMatchObject({ denied: false, keyId, owner: 'org_1', name: 'test', lineage: keyId })
    expect(byToken.session).toEqual({ id: sessionId, expiresAt })
    expect(byKey.session).toBeNull()
    expect([byToken.scopes, byKey.scopes]).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ])
    expect(JSON.parse(JSON.stringify(byToken))).toMatchObject({ keyId, sessionId })
    expect(JSON.stringify([kit.events, byToken])).not.toContain(token)
  })

  it('is dropped from what is told of its request: the page that it was opened on, and an id that is kept', async () => {
    const kit = sessionKeyward({}, { profile: createProfile(defaultProfile, { requestId: { keepIncoming: true } }) })
    const { token } = await minted(kit)
    const told = async (text: string) => {
      const headers = { Referer: `https://app.test/playground?token=${text}`, 'X-Title': text, 'X-Request-Id': text }
      return (await visit(kit.keyward, token, { ...onSession, headers })) as Identity
    }
    const { attribution, requestId } = await told(token)
    expect([attribution.referer, attribution.title]).toEqual([null, null])
    expect(requestId).not.toContain('eyJ')
    const other = await told('short')
    expect(other.attribution).toMatchObject({ referer: 'https://app.test/playground?token=short', title: 'short' })
    expect(other.requestId).toBe('short')
  })

  it('keeps what a handler does to its identity from the next request', async () => {
    const kit = sessionKeyward()
    const { token, expiresAt } = await minted(kit)
    const first = (await visit(kit.keyward, token, onSession)) as Identity
    first.session?.expiresAt.setTime(0)
    const second = (await visit(kit.keyward, token, onSession)) as Identity
    expect(second.session?.expiresAt).toEqual(expiresAt)
  })

  it.each(Object.entries(signingKeys))('is good to the last millisecond and no longer, with %s', async (_alg, key) => {
    const kit = sessionKeyward({ signingKeys: [key] })
    const { token, expiresAt } = await minted(kit, {}, { ttlSeconds: 60 })
    kit.clock.set(expiresAt.getTime() - 1)
    expect(await outcomeOf(kit.keyward, token, onSession)).toBe('admitted')
    kit.clock.set(expiresAt)
    expect(await outcomeOf(kit.keyward, token, onSession)).toBe('invalid_session_token')
    expect(await outcomeOf(kit.keyward, token, onSession)).toBe('invalid_session_token')
    // An entry of the memory of checked tokens is no way around: this keyward sees the token for the first time.
    const fresh = sessionKeyward({ signingKeys: [key] }, {}, kit.clock)
    expect(await outcomeOf(fresh.keyward, token, onSession)).toBe('invalid_session_token')
  })

  it('258, 261: has the scopes that both it and its key have, whichever was narrowed', async () => {
    const kit = sessionKeyward()
    const { token, keyId } = await minted(kit, { scopes: ['a', 'b', 'c'] }, { scopes: ['a', 'b'] })
    const needs = (...scopes: string[]) => outcomeOf(kit.keyward, token, { ...onSession, scopes })
    expect(await needs('a', 'b')).toBe('admitted')
    expect(await needs('c')).toBe('insufficient_scope')
    await kit.keyward.keys.update(keyId, { scopes: ['b', 'c', 'd'] })
    expect([await needs('a'), await needs('b'), await needs('c'), await needs('d')]).toEqual([
      'insufficient_scope',
      'admitted',
      'insufficient_scope',
      'insufficient_scope',
    ])
    const identity = (await visit(kit.keyward, token, onSession)) as Identity
    expect(identity.scopes).toEqual(['b'])
    await kit.keyward.keys.update(keyId, { scopes: ['a', 'b'] })
    expect(await needs('a', 'b')).toBe('admitted')
  })

  it.each(['revoke', 'disable', 'delete', 'purge', 'rotate'] as const)(
    '64, 261: dies with its key, at once: %s',
    async (action) => {
      const kit = sessionKeyward()
      const { token, keyId } = await minted(kit)
      expect(await outcomeOf(kit.keyward, token, onSession)).toBe('admitted')
      await kit.keyward.keys[action](keyId)
      expect(await outcomeOf(kit.keyward, token, onSession)).toBe('invalid_session_token')
      const reasons = {
        revoke: 'key_revoked',
        disable: 'key_disabled',
        delete: 'key_deleted',
        purge: 'key_unknown',
        rotate: 'key_revoked',
      }
      expect(lastReason(kit.events)).toBe(reasons[action])
      if (action !== 'disable') return
      await kit.keyward.keys.enable(keyId)
      expect(await outcomeOf(kit.keyward, token, onSession)).toBe('admitted')
    },
  )

  it('lives as long as the grace of a rotated key', async () => {
    const kit = sessionKeyward()
    const { token, keyId } = await minted(kit)
    await kit.keyward.keys.rotate(keyId, { graceSeconds: 60 })
    expect(await outcomeOf(kit.keyward, token, onSession)).toBe('admitted')
    kit.clock.advance(MINUTE)
    expect(await outcomeOf(kit.keyward, token, onSession)).toBe('invalid_session_token')
  })

  it('is judged as its key is: expiry that was moved, audience, address, and shows one answer for each', async () => {
    const kit = sessionKeyward({}, { keys: { audience: 'here' } })
    const expiring = await minted(kit)
    await kit.keyward.keys.update(expiring.keyId, { expiresAt: new Date(kit.clock.now() + 1_000) })
    kit.clock.advance(1_000)
    const elsewhere = await minted(kit)
    await kit.keyward.keys.update(elsewhere.keyId, { audiences: ['there'] })
    const scheduled = await minted(kit)
    await kit.keyward.keys.update(scheduled.keyId, { startsAt: new Date(kit.clock.now() + 1) })
    const outcomes = []
    for (const { token } of [expiring, elsewhere, scheduled])
      outcomes.push([await outcomeOf(kit.keyward, token, onSession), lastReason(kit.events)])
    expect(outcomes).toEqual([
      ['invalid_session_token', 'key_expired'],
      ['invalid_session_token', 'wrong_audience'],
      ['invalid_session_token', 'key_not_yet_valid'],
    ])
  })

  it("is refused where its key is not its owner's: nobody is taken for somebody else", async () => {
    const kit = sessionKeyward()
    const { keyId } = await minted(kit, { owner: 'mine' })
    const signer = sessions({ issuer: 'https://api.test', audience: 'api.test', signingKeys: [signingKeys.HS256] })
    const at = new Date(kit.clock.now())
    const claims = { id: 'session_1', keyId, scopes: [], expiresAt: new Date(kit.clock.now() + MINUTE) }
    expect(await outcomeOf(kit.keyward, await signer.sign({ ...claims, owner: 'mine' }, at), onSession)).toBe(
      'admitted',
    )
    expect(await outcomeOf(kit.keyward, await signer.sign({ ...claims, owner: 'yours' }, at), onSession)).toBe(
      'invalid_session_token',
    )
    expect(lastReason(kit.events)).toBe('wrong_owner')
  })

  it('262: shares the windows of its key, whichever comes first, and of its owner', async () => {
    const default_ = [
      { limit: 10, windowSeconds: 60 },
      { limit: 15, windowSeconds: 3_600, per: 'owner' as const },
    ]
    const kit = sessionKeyward({}, { limits: { policies: { default: default_ } } })
    const { token, apiKey, keyId } = await minted(kit)
    const second = await kit.keyward.sessions.mint({ keyId })
    const both: VisitOptions = { accept: ['key', 'session'] }
    const outcomes = []
    for (let request = 0; request < 12; request++)
      outcomes.push(await outcomeOf(kit.keyward, [token, apiKey, second.token][request % 3] ?? '', both))
    expect(outcomes).toEqual([...Array(10).fill('admitted'), 'rate_limit_exceeded', 'rate_limit_exceeded'])
    expect((await kit.keyward.limits.read(keyId)).map(({ remaining }) => remaining)).toEqual([0, 5])
    const sibling = await minted(kit)
    const others = await Promise.all(Array.from({ length: 6 }, () => outcomeOf(kit.keyward, sibling.token, both)))
    expect(others.filter((outcome) => outcome === 'admitted')).toHaveLength(5)
  })

  it('counts a second requireKey on its request once', async () => {
    const kit = sessionKeyward({}, { limits: { policies: { default: [{ limit: 10, windowSeconds: 60 }] } } })
    const { token, keyId } = await minted(kit, { scopes: ['a'] })
    const context = kit.keyward.receive(headWith(token))
    await kit.keyward.admit(context, kit.keyward.route({ accept: ['session'] }))
    const again = await kit.keyward.admit(context, kit.keyward.route({ accept: ['session', 'key'], scopes: ['a'] }))
    expect(again.denied).toBe(false)
    expect((await kit.keyward.limits.read(keyId)).map(({ remaining }) => remaining)).toEqual([9])
    const keysOnly = await kit.keyward.admit(context, kit.keyward.route())
    expect(keysOnly).toMatchObject({ denied: true, code: 'invalid_api_key_format' })
  })

  it('is a use of its key', async () => {
    const clock = createTestClock()
    const store = memory({ losesDataOnExit: true, clock })
    const kit = sessionKeyward({}, { store }, clock)
    const { token, keyId } = await minted(kit)
    expect((await store.findById(keyId))?.lastUsedAt).toBeNull()
    expect(await outcomeOf(kit.keyward, token, onSession)).toBe('admitted')
    await kit.keyward.close()
    expect((await store.findById(keyId))?.lastUsedAt).toEqual(new Date(clock.now()))
  })

  it('that was slow to send its body is judged again before the handler: an end, a revocation', async () => {
    for (const end of ['expiry', 'revocation'] as const) {
      const kit = sessionKeyward()
      const { token, keyId } = await minted(kit, {}, { ttlSeconds: 10 })
      const context = kit.keyward.receive(headWith(token))
      const route = kit.keyward.route(onSession)
      expect((await kit.keyward.admit(context, route)).denied).toBe(false)
      if (end === 'revocation') await kit.keyward.keys.revoke(keyId)
      kit.clock.advance(end === 'expiry' ? 10_000 : 1_001)
      expect(await kit.keyward.begin(context, route)).toMatchObject({ code: 'invalid_session_token' })
    }
  })

  it('is checked by verify() and authenticate() only where they are told to accept it', async () => {
    const { keyward, createKey } = sessionKeyward()
    const { id } = await createKey()
    const { token } = await keyward.sessions.mint({ keyId: id })
    expect(await keyward.verify({ apiKey: token })).toEqual({ valid: false, code: 'invalid_api_key_format' })
    expect(await keyward.verify({ apiKey: token, accept: ['session'] })).toMatchObject({ valid: true, key: { id } })
    const other = { actor: { id: 'someone', owner: 'other', scopes: ['*'] } }
    expect(await keyward.verify({ apiKey: token, accept: ['session'] }, other)).toMatchObject({ valid: false })
    const headers = { authorization: `Bearer ${token}` }
    expect(await keyward.authenticate(headers)).toMatchObject({ denied: true })
    expect(await keyward.authenticate(headers, { accept: ['session'] })).toMatchObject({ denied: false, keyId: id })
  })

  it('waits for the store to be opened, and is 503 and not 401 while that fails', async () => {
    const clock = createTestClock()
    const kept = memory({ losesDataOnExit: true, clock })
    const door = { isShut: false }
    const store = { ...kept, open: async () => (door.isShut ? Promise.reject(new Error('shut')) : kept.open()) }
    const kit = sessionKeyward({}, { store }, clock)
    const { token } = await minted(kit)
    const cold = sessionKeyward({}, { store }, clock)
    door.isShut = true
    expect(await outcomeOf(cold.keyward, token, onSession)).toBe('service_unavailable')
    door.isShut = false
    const warm = sessionKeyward({}, { store }, clock)
    expect(await outcomeOf(warm.keyward, token, onSession)).toBe('admitted')
  })
})

describe('the copy of a key that a token names', () => {
  it('is one read for 1,000 requests at once, and good for a minute', async () => {
    const { one, clock, reads } = fleet()
    const { token } = await minted(one)
    await one.keyward.ready()
    expect(await outcomeOf(one.keyward, token, onSession)).toBe('admitted')
    reads.count = 0
    const requests = Array.from({ length: 1_000 }, () => outcomeOf(one.keyward, token, onSession))
    expect(new Set(await Promise.all(requests))).toEqual(new Set(['admitted']))
    expect(reads.count).toBe(0)
    clock.advance(60_001)
    const later = Array.from({ length: 1_000 }, () => outcomeOf(one.keyward, token, onSession))
    expect(new Set(await Promise.all(later))).toEqual(new Set(['admitted']))
    expect(reads.count).toBe(1)
  })

  it('is read again after a change on another instance, and no request is admitted by what was before', async () => {
    const { one, two } = fleet()
    const { token, keyId } = await minted(one, { scopes: ['a'] })
    for (const { keyward } of [one, two]) expect(await outcomeOf(keyward, token, onSession)).toBe('admitted')
    await one.keyward.keys.update(keyId, { scopes: [] })
    expect(await outcomeOf(two.keyward, token, { ...onSession, scopes: ['a'] })).toBe('insufficient_scope')
    await one.keyward.keys.disable(keyId)
    expect(await outcomeOf(two.keyward, token, onSession)).toBe('invalid_session_token')
    await one.keyward.keys.enable(keyId)
    expect(await outcomeOf(two.keyward, token, onSession)).toBe('admitted')
    await one.keyward.keys.revoke(keyId)
    for (const { keyward } of [two, one, two])
      expect(await outcomeOf(keyward, token, onSession)).toBe('invalid_session_token')
  })

  it.each(['revoke', 'delete', 'purge'] as const)(
    'never undoes a %s when the gate forgets everything',
    async (action) => {
      const { one, two, gate } = fleet()
      const { token, keyId } = await minted(one)
      for (const { keyward } of [one, two]) expect(await outcomeOf(keyward, token, onSession)).toBe('admitted')
      await one.keyward.keys[action](keyId)
      gate.forget()
      for (const { keyward } of [two, one, two])
        expect(await outcomeOf(keyward, token, onSession)).toBe('invalid_session_token')
    },
  )

  it('that was being read when its key was revoked admits nobody', async () => {
    const { one, two, gate, reads } = fleet()
    const { token, keyId } = await minted(one)
    await two.keyward.ready()
    let release = () => {}
    reads.held = new Promise((resolve) => {
      release = resolve
    })
    const stalled = outcomeOf(two.keyward, token, onSession)
    await tick()
    reads.held = undefined
    await one.keyward.keys.revoke(keyId)
    gate.forget()
    release()
    expect(await stalled).toBe('invalid_session_token')
    expect(await outcomeOf(two.keyward, token, onSession)).toBe('invalid_session_token')
  })

  it('under fire: no request that begins after revoke() has resolved is admitted, on either instance', async () => {
    const { one, two } = fleet()
    const { token, keyId } = await minted(one)
    let revokedAt = Number.POSITIVE_INFINITY
    let begun = 0
    const late: string[] = []
    const early: string[] = []
    const fire = async (keyward: Keyward) => {
      for (let request = 0; request < 200; request++) {
        const number = begun++
        const outcome = await outcomeOf(keyward, token, onSession)
        ;(number > revokedAt ? late : early).push(outcome)
      }
    }
    const shots = [one, two, one, two].map(({ keyward }) => fire(keyward))
    for (let wait = 0; wait < 50; wait++) await tick()
    await one.keyward.keys.revoke(keyId)
    revokedAt = begun - 1
    await Promise.all(shots)
    expect(early).toContain('admitted')
    expect(late.length).toBeGreaterThan(100)
    expect(new Set(late)).toEqual(new Set(['invalid_session_token']))
  })

  it('is not taken for a copy by digest: keys and tokens of one key go on side by side', async () => {
    const { one, reads } = fleet()
    const { token, apiKey, keyId } = await minted(one)
    expect(await outcomeOf(one.keyward, apiKey)).toBe('admitted')
    expect(await outcomeOf(one.keyward, token, onSession)).toBe('admitted')
    expect(await outcomeOf(one.keyward, `#${keyId}`, { accept: ['key', 'session'] })).toBe('invalid_api_key_format')
    const before = reads.count
    expect(await outcomeOf(one.keyward, token, onSession)).toBe('admitted')
    expect(reads.count).toBe(before)
  })

  it('is refused with 503 where the store returns another key than the one that was asked for', async () => {
    const clock = createTestClock()
    const kept = memory({ losesDataOnExit: true, clock })
    const kit = sessionKeyward({}, { store: kept }, clock)
    const { token } = await minted(kit)
    const other = await kit.createKey()
    const mixed = sessionKeyward({}, { store: { ...kept, findById: () => kept.findById(other.id) } }, clock)
    expect(await outcomeOf(mixed.keyward, token, onSession)).toBe('service_unavailable')
    const away = sessionKeyward({}, { store: { ...kept, findById: () => Promise.reject(new Error('away')) } }, clock)
    expect(await outcomeOf(away.keyward, token, onSession)).toBe('service_unavailable')
  })
})

describe('the memory of checked tokens', () => {
  it('266: never crosses the claims of two tokens, 100,000 times', async () => {
    const kit = sessionKeyward({ signingKeys: [signingKeys.EdDSA] })
    const tokens = await Promise.all(['one', 'two'].map((owner) => minted(kit, { owner, scopes: [owner] })))
    let crossed = 0
    for (let request = 0; request < 100_000; request++) {
      const expected = tokens[request % 2]
      const identity = await visit(kit.keyward, expected?.token ?? '', onSession)
      const isOwn =
        !identity.denied &&
        identity.owner === expected?.owner &&
        identity.session?.id === expected.sessionId &&
        identity.scopes[0] === identity.owner
      if (!isOwn) crossed += 1
    }
    expect(crossed).toBe(0)
  })

  it('takes no token for another that begins, or ends, as it does', async () => {
    const kit = sessionKeyward()
    const { token } = await minted(kit)
    expect(await outcomeOf(kit.keyward, token, onSession)).toBe('admitted')
    const [header, payload, signature = ''] = token.split('.')
    const flipped = `${signature[0] === 'A' ? 'B' : 'A'}${signature.slice(1)}`
    for (const other of [
      `${header}.${payload}.${flipped}`,
      `${token}A`,
      `${header}.${payload}A.${signature}`,
      token.slice(0, -1),
    ])
      expect(await outcomeOf(kit.keyward, other, onSession)).toBe('invalid_session_token')
  })

  it('holds 10,000 tokens and forgets older ones without refusing them', async () => {
    let checked = 0
    const signer = createCountingSigner(() => {
      checked += 1
    })
    const kit = createTestKeyward({ sessions: signer })
    const { id } = await kit.createKey()
    const tokens = Array.from({ length: 10_001 }, (_, at) => `eyJ.${id}.${at}`)
    for (const token of tokens) expect(await outcomeOf(kit.keyward, token, onSession)).toBe('admitted')
    expect(checked).toBe(10_001)
    expect(await outcomeOf(kit.keyward, tokens[10_000] ?? '', onSession)).toBe('admitted')
    expect(checked).toBe(10_001)
    expect(await outcomeOf(kit.keyward, tokens[0] ?? '', onSession)).toBe('admitted')
    expect(checked).toBe(10_002)
  })

  it('265: is not even asked about a token above 8,192 characters', async () => {
    let checked = 0
    const signer = createCountingSigner(() => {
      checked += 1
    })
    const kit = createTestKeyward({ sessions: signer })
    const { id } = await kit.createKey()
    const tokenOf = (characters: number) => `eyJ.${id}.`.padEnd(characters, 'x')
    expect(await outcomeOf(kit.keyward, tokenOf(8_192), onSession)).toBe('admitted')
    expect(checked).toBe(1)
    for (const characters of [8_193, 10_000])
      expect(await outcomeOf(kit.keyward, tokenOf(characters), onSession)).toBe('invalid_session_token')
    expect(checked).toBe(1)
  })
})

/** A signer that believes every token, whose second part is the id of its key. */
function createCountingSigner(count: () => void) {
  return {
    maxTtlSeconds: 60,
    sign: async () => '',
    jwks: async () => ({ keys: [] }),
    verify(token: string, now: number) {
      count()
      const [, keyId = ''] = token.split('.')
      return { id: 'session_1', owner: 'test', keyId, scopes: [], expiresAt: new Date(now + MINUTE) }
    },
  }
}
