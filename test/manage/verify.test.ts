import { createProfile, defaultProfile, memory, pipevideo, StoreUnavailableError } from 'keyward'
import { describe, expect, it } from 'vitest'
import { openDesk } from './desk.ts'

const GOOD = { name: 'a', owner: 'acme', scopes: ['tasks:write'] }

describe('verifying a key for a service in another language', () => {
  it('shows a good key, and counts it like a request', async () => {
    const { send, keyward } = await openDesk({
      keyward: { limits: { policies: { default: [{ limit: 3, windowSeconds: 60 }] } } },
    })
    const { id, apiKey } = await keyward.keys.create(GOOD)
    const { status, body, headers } = await send('admin', 'POST', '/verify', {
      apiKey,
      scopes: ['tasks:write'],
      cost: 2,
    })
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(Object.keys(body)).toEqual(['valid', 'key'])
    expect(body).toMatchObject({ valid: true, key: { id, owner: 'acme', scopes: ['tasks:write'] } })
    expect(body.key).not.toHaveProperty('apiKey')
    expect((await keyward.limits.read(id))[0]?.remaining).toBe(1)
    expect((await send('admin', 'POST', '/verify', { apiKey, cost: 2 })).body).toEqual({
      valid: false,
      code: 'rate_limit_exceeded',
    })
  })

  it('tells nothing of a key that is not good but a code (row 186)', async () => {
    const { send, keyward } = await openDesk()
    const { id, apiKey } = await keyward.keys.create(GOOD)
    const ask = async (body: object, as = 'admin') => (await send(as, 'POST', '/verify', body)).body
    expect(await ask({ apiKey, scopes: ['admin'] })).toEqual({ valid: false, code: 'insufficient_scope' })
    expect(await ask({ apiKey }, 'other')).toEqual({ valid: false, code: 'invalid_api_key' })
    expect(await ask({ apiKey: defaultProfile.keyFormat.make() })).toEqual({ valid: false, code: 'invalid_api_key' })
    for (const odd of [
      'x',
      ' ',
      `${apiKey} `,
      `${apiKey},`,
      `${apiKey}\r\nX: y`,
      `Bearer ${apiKey}`,
      'é',
      '\u0000',
      'x'.repeat(60_000),
    ])
      expect(await ask({ apiKey: odd })).toEqual({ valid: false, code: 'invalid_api_key' })
    await keyward.keys.revoke(id)
    expect(await ask({ apiKey })).toEqual({ valid: false, code: 'invalid_api_key' })
  })

  it('judges a key by the address that it is told', async () => {
    const { send, keyward } = await openDesk()
    const { apiKey } = await keyward.keys.create({ ...GOOD, addresses: ['192.0.2.0/24'] })
    const ask = async (address: string) => (await send('admin', 'POST', '/verify', { apiKey, address })).body
    expect((await ask('192.0.2.7')).valid).toBe(true)
    expect(await ask('192.0.3.7')).toEqual({ valid: false, code: 'address_not_allowed' })
    expect((await send('admin', 'POST', '/verify', { apiKey, address: 'nowhere' })).status).toBe(422)
  })

  it('says the code as the profile says it', async () => {
    const { send, keyward } = await openDesk({ keyward: { profile: pipevideo } })
    const { apiKey } = await keyward.keys.create(GOOD)
    expect((await send('admin', 'POST', '/verify', { apiKey, scopes: ['admin'] })).body).toEqual({
      valid: false,
      code: 'INSUFFICIENT_SCOPE',
    })
    expect((await send('other', 'POST', '/verify', { apiKey })).body.code).toBe('INVALID_API_KEY')
  })

  it('refuses what is no question, and never repeats the key', async () => {
    const { send, keyward } = await openDesk()
    const { id, apiKey } = await keyward.keys.create(GOOD)
    for (const [body, field] of [
      [{}, 'apiKey'],
      [{ apiKey: '' }, 'apiKey'],
      [{ apiKey: [apiKey] }, 'apiKey'],
      [{ apiKey: { a: apiKey } }, 'apiKey'],
      [{ apiKey, scopes: 'tasks:write' }, 'scopes'],
      [{ apiKey, scopes: ['a b'] }, 'scopes.0'],
      [{ apiKey, cost: -1 }, 'cost'],
      [{ apiKey, cost: 1e9 + 1 }, 'cost'],
      [{ apiKey, cost: 0.5 }, 'cost'],
      [{ apiKey, policies: ['x'] }, 'policies'],
      [{ apiKey, owner: 'acme' }, 'owner'],
    ] as const) {
      const { status, body: answer, text } = await send('admin', 'POST', '/verify', body)
      expect(status).toBe(422)
      expect(answer.error.issues.map((issue: { path: string[] }) => issue.path.join('.'))).toEqual([field])
      expect(text).not.toContain(apiKey)
      expect(text).not.toContain(id)
    }
    const cut = await send('admin', 'POST', '/verify', `{"apiKey":"${apiKey}"`)
    expect(cut.status).toBe(400)
    expect(cut.text).not.toContain(apiKey)
  })

  it('takes no failure of ours for a bad key: 503, so that nobody throws a good one away', async () => {
    const store = memory({ losesDataOnExit: true })
    let isDown = false
    const { send, keyward } = await openDesk({
      store: {
        ...store,
        findByDigest: (digests) =>
          isDown ? Promise.reject(new StoreUnavailableError('down')) : store.findByDigest(digests),
      },
    })
    const { apiKey } = await keyward.keys.create(GOOD)
    isDown = true
    const refused = await send('admin', 'POST', '/verify', { apiKey })
    expect(refused.status).toBe(503)
    expect(refused.headers.get('retry-after')).toBe('1')
    isDown = false
    expect((await send('admin', 'POST', '/verify', { apiKey })).body.valid).toBe(true)
  })

  it('needs its own scope', async () => {
    const verifier = { id: 'service', owner: null, scopes: ['keyward:verify'] }
    const keeper = { id: 'keeper', owner: null, scopes: ['keyward:keys:write', 'keyward:keys:read'] }
    const { send } = await openDesk({ actors: { verifier, keeper } })
    expect((await send('verifier', 'POST', '/verify', { apiKey: 'x' })).status).toBe(200)
    expect((await send('verifier', 'GET', '/keys')).status).toBe(403)
    expect((await send('keeper', 'POST', '/verify', { apiKey: 'x' })).status).toBe(403)
  })

  it('answers in any profile, its request id included', async () => {
    const profile = createProfile(defaultProfile, { requestId: { header: 'X-Trace', prefix: 't_' } })
    const { send } = await openDesk({ keyward: { profile } })
    expect((await send('admin', 'POST', '/verify', { apiKey: 'x' })).headers.get('x-trace')).toMatch(/^t_/)
  })
})
