import type { NewKey, Sessions } from 'keyward'
import { describe, expect, it, onTestFinished } from 'vitest'
import { apps } from './session-apps.ts'
import { forge, hmac, SECRET, sessionKeyward, takeApart } from './session-kit.ts'

describe.each(Object.entries(apps))('session tokens on %s', (_name, app) => {
  /** Serves the API, whose first minting is done; what `beforeMint` does comes right before each later one. */
  async function open(key: Partial<NewKey> = {}, beforeMint: (keyId: string) => Promise<unknown> = async () => {}) {
    const kit = sessionKeyward({}, { limits: { policies: { default: [{ limit: 6, windowSeconds: 60 }] } } })
    let mintings = 0
    const mint: Sessions['mint'] = async (subject, ...rest) => {
      if (mintings++ > 0) await beforeMint(subject.keyId)
      return kit.keyward.sessions.mint(subject, ...rest)
    }
    const { port, close } = await app({ ...kit.keyward, sessions: { ...kit.keyward.sessions, mint } })
    onTestFinished(close)
    const get = async (path: string, bearer: string) => {
      const response = await fetch(`http://127.0.0.1:${port}${path}`, {
        headers: { authorization: `Bearer ${bearer}` },
      })
      const text = await response.text()
      return { status: response.status, headers: response.headers, body: JSON.parse(text), text }
    }
    const created = await kit.createKey({ owner: 'org_1', scopes: ['tasks:read', 'tasks:write'], ...key })
    const minted = await get('/sessions', created.apiKey)
    return { ...kit, get, key: created, minted, token: String(minted.body.token) }
  }

  it('are minted by a handler from its identity, and good where a route accepts them', async () => {
    const { get, key, minted, token, clock } = await open()
    expect(minted.status).toBe(200)
    expect(minted.body.expiresAt).toBe(new Date(clock.now() + 900_000).toISOString())
    const shown = { keyId: key.id, owner: 'org_1', scopes: ['tasks:read', 'tasks:write'], session: minted.body.id }
    expect(await get('/tasks', token)).toMatchObject({ status: 200, body: shown })
    expect(await get('/both', token)).toMatchObject({ status: 200, body: shown })
    expect(await get('/both', key.apiKey)).toMatchObject({ status: 200, body: { ...shown, session: null } })
  })

  it('35: are 401 where a route wants keys, and keys are 401 where it wants tokens', async () => {
    const { get, key, token } = await open()
    const refused = await get('/keys-only', token)
    expect([refused.status, refused.body.error.code]).toEqual([401, 'invalid_api_key'])
    const other = await get('/tasks', key.apiKey)
    expect([other.status, other.body.error.code]).toEqual([401, 'invalid_session_token'])
    expect(other.headers.get('www-authenticate')).toBe('Bearer realm="api", error="invalid_token"')
    expect((await get('/keys-only', key.apiKey)).status).toBe(200)
  })

  it('260: mint no others: 403, and the one that tried is still good', async () => {
    const { get, token } = await open()
    const refused = await get('/sessions', token)
    expect([refused.status, refused.body.error.code]).toEqual([403, 'forbidden'])
    expect((await get('/tasks', token)).status).toBe(200)
  })

  it('261: die with their key, and lose its scopes with it', async () => {
    const { keyward, get, key, token } = await open()
    expect((await get('/tasks', token)).status).toBe(200)
    await keyward.keys.update(key.id, { scopes: ['tasks:write'] })
    expect([(await get('/tasks', token)).status, (await get('/both', token)).status]).toEqual([403, 200])
    await keyward.keys.disable(key.id)
    expect((await get('/tasks', token)).body.error.code).toBe('invalid_session_token')
    await keyward.keys.enable(key.id)
    expect((await get('/both', token)).status).toBe(200)
    await keyward.keys.revoke(key.id)
    for (const path of ['/tasks', '/both', '/sessions'])
      expect((await get(path, token)).body.error.code).toBe('invalid_session_token')
  })

  it('262: spend the window of their key', async () => {
    const { get, key, token } = await open()
    const statuses = []
    for (const bearer of [token, key.apiKey, token, key.apiKey, token, token])
      statuses.push((await get('/both', bearer)).status)
    // The sixth of the minute was the first: minting took one.
    expect(statuses).toEqual([200, 200, 200, 200, 200, 429])
    expect((await get('/both', key.apiKey)).headers.get('x-ratelimit-remaining')).toBe('0')
  })

  it('262: spend the credits of their key', async () => {
    const { keyward, get, key, token } = await open()
    await keyward.credits.topUp({ owner: 'org_1' }, { amount: 3 })
    const statuses = []
    for (const bearer of [token, key.apiKey, token, token, key.apiKey])
      statuses.push((await get('/paid', bearer)).status)
    expect(statuses).toEqual([200, 200, 200, 402, 402])
    expect(await keyward.credits.get({ owner: 'org_1' })).toMatchObject({ balance: 0 })
  })

  it('265: are 401 with one body whatever is wrong with them, at 10 KB too', async () => {
    const { get, token } = await open()
    const { header, payload, signature } = takeApart(token)
    const bad = [
      forge({ ...header, alg: 'none' }, payload, () => ''),
      forge(header, { ...payload, sub: 'org_2' }, () => signature),
      forge(header, { ...payload, exp: payload['iat'] }, hmac(SECRET)),
      forge(header, { ...payload, aud: 'other.test' }, hmac(SECRET)),
      forge(header, { ...payload, scope: 'x'.repeat(7_400) }, hmac(SECRET)),
      `${token}x`,
      'eyJ.eyJ.x',
    ]
    expect(bad[4]?.length).toBeGreaterThan(10_000)
    const answers = await Promise.all(bad.map((bearer) => get('/tasks', bearer)))
    const bodies = answers.map(({ status, body, text }) => [status, text.replaceAll(body.error.request_id, 'id')])
    expect(new Set(bodies.map((line) => JSON.stringify(line))).size).toBe(1)
    expect(bodies[0]?.[0]).toBe(401)
    expect(answers[0]?.body.error).toMatchObject({
      code: 'invalid_session_token',
      message: 'Invalid or expired session token.',
    })
  })

  it('259: are not minted from a key that was revoked while its request ran', async () => {
    const { keyward, get, key } = await open({}, (id) => keyward.keys.revoke(id))
    const refused = await get('/sessions', key.apiKey)
    expect([refused.status, refused.body.error.code]).toEqual([401, 'invalid_api_key'])
  })
})
