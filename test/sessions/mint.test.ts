import { ForbiddenError, type Identity, InvalidInputError, InvalidKeyError, memory } from 'keyward'
import { describe, expect, it } from 'vitest'
import { createTestClock } from '../../src/testing/test-clock.ts'
import { outcomeOf, visit } from '../visit.ts'
import { sessionKeyward, signingKeys, takeApart } from './session-kit.ts'

const MINUTE = 60
const HOUR = 3_600
const seconds = (date: Date) => date.getTime() / 1_000

describe('minting a token', () => {
  it.each(Object.entries(signingKeys))('writes the claims of its key, with %s', async (alg, key) => {
    const { keyward, createKey, clock, events } = sessionKeyward({ signingKeys: [key] })
    const { id: keyId } = await createKey({ owner: 'org_1', scopes: ['tasks:read', 'tasks:write'] })
    clock.advance(1_500)
    const { token, expiresAt, id } = await keyward.sessions.mint({ keyId })
    const { header, payload } = takeApart(token)
    expect(header).toEqual({ alg, typ: 'keyward-session+jwt', kid: key.kid })
    const iat = Date.UTC(2026, 0, 1) / 1_000 + 1
    expect(payload).toEqual({
      ...{ iss: 'https://api.test', aud: 'api.test', sub: 'org_1', jti: id },
      ...{ iat, exp: iat + 15 * MINUTE, key: keyId, scope: 'tasks:read tasks:write' },
    })
    expect(id).toMatch(/^session_[0-9a-f-]{36}$/)
    expect(seconds(expiresAt)).toBe(iat + 15 * MINUTE)
    expect(events.filter(({ type }) => type === 'minted')).toEqual([
      { type: 'minted', sessionId: id, keyId, owner: 'org_1', actor: null, expiresAt },
    ])
    expect(JSON.stringify(events)).not.toContain(token)
  })

  it('258: cuts what is asked for to the maximum, and to the end of the key', async () => {
    const { keyward, createKey, clock } = sessionKeyward({ maxTtlSeconds: HOUR })
    const begin = seconds(new Date(clock.now()))
    const { id } = await createKey()
    const ttl = async (keyId: string, ttlSeconds?: number) =>
      seconds((await keyward.sessions.mint({ keyId }, { ttlSeconds })).expiresAt) - begin
    expect(await ttl(id)).toBe(15 * MINUTE)
    expect(await ttl(id, 1)).toBe(1)
    expect(await ttl(id, HOUR)).toBe(HOUR)
    expect(await ttl(id, HOUR + 1)).toBe(HOUR)
    expect(await ttl(id, 1e9)).toBe(HOUR)
    const short = await createKey({ expiresAt: new Date(clock.now() + 10_900) })
    expect(await ttl(short.id, HOUR)).toBe(10)
    expect(await ttl((await createKey({ expiresAt: new Date(clock.now() + 2 * HOUR * 1_000) })).id, HOUR)).toBe(HOUR)
    const byDefault = sessionKeyward()
    const { expiresAt } = await byDefault.keyward.sessions.mint(
      { keyId: (await byDefault.createKey()).id },
      { ttlSeconds: 1e9 },
    )
    expect(seconds(expiresAt) - begin).toBe(24 * HOUR)
    const brief = sessionKeyward({ maxTtlSeconds: 60 })
    const minted = await brief.keyward.sessions.mint({ keyId: (await brief.createKey()).id })
    expect(seconds(minted.expiresAt) - begin).toBe(60)
  })

  it.each([0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, '60'])(
    'refuses a length of %s seconds',
    async (ttlSeconds) => {
      const { keyward, createKey } = sessionKeyward()
      const { id } = await createKey()
      const minting = keyward.sessions.mint({ keyId: id }, { ttlSeconds: ttlSeconds as number })
      await expect(minting).rejects.toThrow(InvalidInputError)
    },
  )

  it('258: narrows to scopes of the key, and refuses others', async () => {
    const { keyward, createKey } = sessionKeyward()
    const { id: keyId } = await createKey({ scopes: ['a', 'b'] })
    const scopeOf = async (scopes: readonly string[]) =>
      takeApart((await keyward.sessions.mint({ keyId }, { scopes })).token).payload['scope']
    expect(await scopeOf(['b'])).toBe('b')
    expect(await scopeOf(['b', 'b', 'a'])).toBe('b a')
    expect(await scopeOf([])).toBe('')
    for (const scopes of [['c'], ['a', 'c'], ['*']])
      await expect(keyward.sessions.mint({ keyId }, { scopes })).rejects.toThrow(ForbiddenError)
    for (const scopes of [['a b'], [''], 'a'])
      await expect(keyward.sessions.mint({ keyId }, { scopes: scopes as string[] })).rejects.toThrow(InvalidInputError)
    await expect(keyward.sessions.mint({ keyId }, { ttl: 60 } as object)).rejects.toThrow(InvalidInputError)
  })

  it('takes what the key may do now, not what an identity was admitted with', async () => {
    const { keyward, createKey } = sessionKeyward()
    const { id, apiKey } = await createKey({ scopes: ['a', 'b'] })
    const identity = (await visit(keyward, apiKey)) as Identity
    await keyward.keys.update(id, { scopes: ['a'] })
    expect(takeApart((await keyward.sessions.mint(identity)).token).payload['scope']).toBe('a')
    await expect(keyward.sessions.mint(identity, { scopes: ['b'] })).rejects.toThrow(ForbiddenError)
  })

  it('refuses to make a token that is too long to be used', async () => {
    const { keyward, createKey } = sessionKeyward()
    const scopes = Array.from({ length: 100 }, (_, at) => `scope-${at}-${'x'.repeat(100)}`)
    const { id: keyId } = await createKey({ scopes })
    await expect(keyward.sessions.mint({ keyId })).rejects.toThrow(InvalidInputError)
    const { token } = await keyward.sessions.mint({ keyId }, { scopes: scopes.slice(0, 50) })
    expect(await outcomeOf(keyward, token, { accept: ['session'], scopes: scopes.slice(0, 50) })).toBe('admitted')
  })

  it.each<[string, (kit: ReturnType<typeof sessionKeyward>) => Promise<string>]>([
    ['revoked', async (kit) => (await kit.keyward.keys.revoke((await kit.createKey()).id)).id],
    ['disabled', async (kit) => (await kit.keyward.keys.disable((await kit.createKey()).id)).id],
    ['deleted', async (kit) => (await kit.keyward.keys.delete((await kit.createKey()).id)).id],
    ['purged', async (kit) => (await kit.keyward.keys.purge((await kit.createKey()).id)).id],
    ['not yet valid', async (kit) => (await kit.createKey({ startsAt: new Date(kit.clock.now() + 1) })).id],
    ['good for other audiences', async (kit) => (await kit.createKey({ audiences: ['elsewhere'] })).id],
    ['unknown', async () => 'key_01ARZ3NDEKTSV4RRFFQ69G5FAV'],
    ['none', async () => "key_'; DROP TABLE keyward_keys"],
    [
      'expired',
      async (kit) => {
        const { id } = await kit.createKey({ expiresAt: new Date(kit.clock.now() + 1) })
        kit.clock.advance(1)
        return id
      },
    ],
  ])('259: refuses a key that is %s, which is answered with 401', async (_what, arrange) => {
    const kit = sessionKeyward()
    const keyId = await arrange(kit)
    const error: unknown = await kit.keyward.sessions.mint({ keyId }).catch((thrown: unknown) => thrown)
    expect(error).toBeInstanceOf(InvalidKeyError)
    const context = kit.keyward.receive({ method: 'POST', header: () => undefined, headerLines: () => [] } as never)
    expect(kit.keyward.denyError(context, error)).toMatchObject({ status: 401, code: 'invalid_api_key' })
    expect(kit.events.filter(({ type }) => type === 'minted')).toEqual([])
  })

  it('mints from a key that is good from some addresses only, and the token is good from there only', async () => {
    const { keyward, createKey } = sessionKeyward()
    const { id } = await createKey({ addresses: ['192.0.2.0/24'] })
    const { token } = await keyward.sessions.mint({ keyId: id })
    expect(await outcomeOf(keyward, token, { accept: ['session'], peer: '192.0.2.7' })).toBe('admitted')
    expect(await outcomeOf(keyward, token, { accept: ['session'], peer: '192.0.3.7' })).toBe('address_not_allowed')
  })

  it('mints from a key that is good for this audience among others', async () => {
    const { keyward, createKey } = sessionKeyward({}, { keys: { audience: 'here' } })
    const { id } = await createKey({ audiences: ['there', 'here'] })
    const { token } = await keyward.sessions.mint({ keyId: id })
    expect(await outcomeOf(keyward, token, { accept: ['session'] })).toBe('admitted')
  })

  it('260: refuses an identity that came by a token, and minted nothing', async () => {
    const { keyward, createKey, events } = sessionKeyward()
    const { token } = await keyward.sessions.mint({ keyId: (await createKey()).id })
    const identity = (await visit(keyward, token, { accept: ['session'] })) as Identity
    expect(identity.session).not.toBeNull()
    await expect(keyward.sessions.mint(identity)).rejects.toThrow(ForbiddenError)
    await expect(
      keyward.sessions.mint({ ...identity, keyId: identity.keyId, session: identity.session }),
    ).rejects.toThrow(ForbiddenError)
    expect(events.filter(({ type }) => type === 'minted')).toHaveLength(1)
  })

  it("is no way for an actor to another owner's keys, or to scopes that it does not have", async () => {
    const { keyward, createKey } = sessionKeyward()
    const { id: keyId } = await createKey({ owner: 'acme', scopes: ['a', 'b'] })
    const as = (owner: string | null, scopes: readonly string[]) => ({ actor: { id: 'someone', owner, scopes } })
    const foreign = keyward.sessions.mint({ keyId }, {}, as('other', ['*']))
    const unknown = keyward.sessions.mint({ keyId: 'key_01ARZ3NDEKTSV4RRFFQ69G5FAV' }, {}, as('other', ['*']))
    const errors = await Promise.all(
      [foreign, unknown].map((minting) => minting.catch((error: Error) => error.message)),
    )
    expect(errors[0]).toBe(errors[1])
    await expect(foreign).rejects.toThrow(InvalidKeyError)
    await expect(keyward.sessions.mint({ keyId }, {}, as('acme', ['a']))).rejects.toThrow(ForbiddenError)
    for (const context of [as('acme', ['a', 'b']), as(null, ['*'])])
      await expect(keyward.sessions.mint({ keyId }, {}, context)).resolves.toBeDefined()
  })

  it('fails where the store does, and says that it is away', async () => {
    const clock = createTestClock()
    const kept = memory({ losesDataOnExit: true, clock })
    const store = { ...kept, findById: () => Promise.reject(new Error('gone')) }
    const { keyward, createKey } = sessionKeyward({}, { store }, clock)
    const { id } = await createKey()
    await expect(keyward.sessions.mint({ keyId: id })).rejects.toMatchObject({ code: 'service_unavailable' })
  })
})
