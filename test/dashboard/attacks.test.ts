import { type KeyStore, memory } from 'keyward'
import { adminToken, dashboard } from 'keyward/dashboard'
import { createTestKeyward } from 'keyward/testing'
import { describe, expect, it } from 'vitest'
import { actorFromHeader, boardMountNames, boardMounts, hiddenFields, openBoard, sendRaw, TOKEN } from './board.ts'

const PLACES = ['', '/new', '/usage', '/apps', '/audit', '/audit/export', '/audit/verify', '/alerts']

async function stocked(options: Parameters<typeof openBoard>[0] = {}) {
  const board = await openBoard(options)
  const key = await board.keyward.keys.create({ name: 'Payroll exporter', owner: 'acme', scopes: ['tasks:write'] })
  const pages = ['', '/edit', '/rotate', '/revoke', '/disable', '/delete', '/purge', '/top-up'].map(
    (end) => `/${key.id}${end}`,
  )
  return { ...board, key, paths: [...PLACES, ...pages].map((path) => `/keys${path}`) }
}

async function snapshot(store: KeyStore) {
  const keys = await store.list({ owner: undefined, beforeId: undefined, limit: 100, conditions: [] })
  const trails = await Promise.all(['', 'acme'].map((owner) => store.listAudit(owner, 0, 100)))
  return { keys, trails, account: await store.ledger?.findAccount({ owner: 'acme', lineage: null }) }
}

describe.each(boardMountNames)('a stranger at the dashboard on %s', (name) => {
  it('J189 sees where to sign in, and no data', async () => {
    const { paths, newVisitor, key } = await stocked({ mount: boardMounts[name] })
    const visitor = newVisitor()
    for (const path of paths) {
      const { status, text, headers } = await visitor.get(path)
      expect(status, path).toBe(401)
      expect(text, path).toContain('Admin token')
      for (const secret of ['Payroll', 'acme', 'tasks:write', key.start ?? '']) expect(text, path).not.toContain(secret)
      expect(headers.get('cache-control'), path).toBe('no-store')
      expect(headers.getSetCookie(), path).toEqual([])
    }
  })

  it('J203 and J194 gets the fields that keep a page in its frame, and no leave for other origins', async () => {
    const { newVisitor } = await stocked({ mount: boardMounts[name] })
    const visitor = newVisitor()
    await visitor.signIn()
    for (const cookies of [true, false]) {
      if (!cookies) visitor.cookies.clear()
      const { headers } = await visitor.get('/keys', { origin: 'https://evil.example' })
      expect(headers.get('access-control-allow-origin')).toBeNull()
      expect(headers.get('access-control-allow-credentials')).toBeNull()
      expect(headers.get('content-security-policy')).toContain("frame-ancestors 'none'")
      expect(headers.get('content-security-policy')).toContain("default-src 'none'")
      expect(headers.get('content-security-policy')).not.toMatch(/unsafe|\*|https?:|data:/)
      expect(headers.get('x-frame-options')).toBe('DENY')
      expect(headers.get('x-content-type-options')).toBe('nosniff')
      expect(headers.get('referrer-policy')).toBe('no-referrer')
    }
  })

  it('J195 gets nothing by an odd path', async () => {
    const { port } = await stocked({ mount: boardMounts[name] })
    const odd = [
      '/keys/..%2f..%2fetc/passwd',
      '/keys/%2e%2e/%2e%2e/etc/passwd',
      '//keys',
      '/keys%00',
      '/keys/usage%00',
      '/keys//usage',
      '/keys/%5c%5cevil',
      '/keys/key_x',
      '/keys/assets/../usage',
      '/keys/assets/style.css',
      '/KEYS',
    ]
    for (const path of odd) {
      const { status, text } = await sendRaw(port, path)
      expect([400, 401, 404], path).toContain(status)
      expect(text, path).not.toContain('Payroll')
      expect(text, path).not.toContain('root:')
    }
  })

  it('signs in, creates a key, revokes it, and signs out', async () => {
    const { newVisitor, store } = await stocked({ mount: boardMounts[name] })
    const visitor = newVisitor()
    expect((await visitor.signIn()).headers.get('location')).toBe('/keys')
    const created = await visitor.send('/keys/new', { name: 'Staging', owner: 'acme', expiry: 'never' })
    expect(created.status).toBe(201)
    const [id] = /key_[0-9A-Z]{26}/.exec(created.text) ?? []
    const revoked = await visitor.send(`/keys/${id}/revoke`)
    expect(revoked.status).toBe(200)
    expect(revoked.text).toContain('Revoked. No instance accepts it.')
    expect((await store.findById(id ?? ''))?.revokedAt).toBeInstanceOf(Date)
    expect((await visitor.send('/keys/sign-out')).status).toBe(303)
    expect((await visitor.get('/keys')).status).toBe(401)
  })
})

describe('the dashboard', () => {
  it('J191 changes nothing by GET', async () => {
    const { paths, admin, store, key } = await stocked()
    const visitor = await admin()
    const before = await snapshot(store)
    for (const path of [...paths, `/keys/${key.id}/enable`, '/keys/sign-out', '/keys/theme', '/keys/sign-in']) {
      const { status } = await visitor.get(`${path}?token=x&name=x&once=x`)
      expect([200, 303, 404, 405, 422], path).toContain(status)
    }
    const after = await snapshot(store)
    // What a GET is refused for is an entry, as it is for the management API: it says so, and changes nothing else.
    const others = after.trails.map((trail) => trail.filter(({ action }) => action !== 'manage.refused'))
    expect({ ...after, trails: others }).toEqual(before)
    expect((await visitor.get('/keys')).status).toBe(200)
  })

  it('J193 keeps a session in a cookie that only this host gets, over HTTPS only', async () => {
    const { newVisitor } = await stocked()
    const https = { 'x-forwarded-proto': 'https' }
    const visitor = newVisitor()
    const { headers } = await visitor.post('/keys/sign-in', { 'admin-token': TOKEN }, https)
    expect(headers.getSetCookie()).toEqual([
      expect.stringMatching(
        /^__Host-keyward=\d{13}\.[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Lax; Secure$/,
      ),
    ])
    expect((await visitor.get('/keys', https)).status).toBe(200)
    // The same value under the plain name is nothing.
    visitor.cookies.set('keyward', visitor.cookies.get('__Host-keyward') ?? '')
    visitor.cookies.delete('__Host-keyward')
    expect((await visitor.get('/keys', https)).status).toBe(401)
  })

  it('J193 gives a new value at every login, and the one before ends', async () => {
    const { newVisitor } = await stocked()
    const visitor = newVisitor()
    visitor.cookies.set('keyward', `${Date.now() + 60_000}.${'A'.repeat(43)}`)
    await visitor.signIn()
    const first = visitor.cookies.get('keyward') ?? ''
    expect(first).not.toContain('AAAA')
    await visitor.signIn()
    expect(visitor.cookies.get('keyward')).not.toBe(first)
    const old = newVisitor()
    old.cookies.set('keyward', first)
    expect((await old.get('/keys')).status).toBe(401)
  })

  it('J193 ends a session on every instance at sign-out, whatever cookies are kept', async () => {
    const store = memory({ losesDataOnExit: true })
    const one = await openBoard({ store })
    const other = await openBoard({ store })
    const visitor = await one.admin()
    const stolen = other.newVisitor()
    stolen.cookies.set('keyward', visitor.cookies.get('keyward') ?? '')
    expect((await stolen.get('/keys')).status).toBe(200)
    await visitor.send('/keys/sign-out')
    expect((await stolen.get('/keys')).status).toBe(401)
    const actions = (await store.listAudit('', 0, 10)).map(({ action }) => action)
    expect(actions).toEqual(['dashboard.signed_in', 'dashboard.signed_out'])
  })

  it('J193 ends sessions when the admin token is replaced, and after 12 hours', async () => {
    const { clock } = createTestKeyward()
    const store = memory({ losesDataOnExit: true, clock })
    const before = await openBoard({ store })
    const after = await openBoard({ store, dashboard: { signIn: adminToken('another-token-of-the-host') } })
    const visitor = await before.admin()
    const late = after.newVisitor()
    late.cookies.set('keyward', visitor.cookies.get('keyward') ?? '')
    expect((await late.get('/keys')).status).toBe(401)
    expect((await visitor.get('/keys')).status).toBe(200)
    clock.advance(43_200_000)
    expect((await visitor.get('/keys')).status).toBe(401)
  })

  it('J193 keeps only the SHA-256 of a session', async () => {
    const inner = memory({ losesDataOnExit: true })
    const kept: string[] = []
    const store = {
      ...inner,
      keepNote: async (name: string, text: string) => {
        kept.push(name + text)
        return inner.keepNote(name, text)
      },
    }
    const { admin } = await openBoard({ store })
    const secret = (await admin()).cookies.get('keyward')?.split('.')[1] ?? ''
    expect(secret).toHaveLength(43)
    expect(kept.some((text) => text.startsWith('sign-in:'))).toBe(true)
    expect(kept.join()).not.toContain(secret)
  })

  it('signs nobody in over plain HTTP from elsewhere', async () => {
    const { newVisitor, port } = await stocked()
    const { text } = await sendRaw(port, '/keys', { host: 'keys.example.com' })
    expect(text).toContain('plain HTTP')
    expect(text).not.toContain('<form')
    const visitor = newVisitor()
    const own = await visitor.post('/keys/sign-in', { 'admin-token': TOKEN })
    expect(own.status).toBe(303)
  })

  it.each([
    ['another origin', { origin: 'https://evil.example' }],
    ['another origin, by Sec-Fetch-Site', { 'sec-fetch-site': 'cross-site', origin: 'null' }],
    ['a sibling of the host', { 'sec-fetch-site': 'same-site' }],
    ['a page without an origin', { origin: 'null' }],
  ])('takes no form from %s', async (_, headers) => {
    const { admin, newVisitor, store, key } = await stocked()
    const visitor = await admin()
    const token = hiddenFields((await visitor.get('/keys')).text)['token'] ?? ''
    const { status } = await visitor.post(`/keys/${key.id}/revoke`, { token }, headers)
    expect(status).toBe(403)
    expect((await store.findById(key.id))?.revokedAt).toBeNull()
    const stranger = newVisitor()
    expect((await stranger.post('/keys/sign-in', { 'admin-token': TOKEN }, headers)).status).toBe(403)
    expect(stranger.cookies.size).toBe(0)
  })

  it('takes a form with Sec-Fetch-Site same-origin and a hidden origin, as browsers send it under no-referrer', async () => {
    const { admin, store, key } = await stocked()
    const visitor = await admin()
    const { status } = await visitor.send(
      `/keys/${key.id}/revoke`,
      {},
      { 'sec-fetch-site': 'same-origin', origin: 'null' },
    )
    expect(status).toBe(200)
    expect((await store.findById(key.id))?.revokedAt).toBeInstanceOf(Date)
  })

  it.each([
    ['no token', {}],
    ['a wrong token', { token: 'x'.repeat(43) }],
  ])('takes no form with %s', async (_, fields) => {
    const { admin, store, key } = await stocked()
    const visitor = await admin()
    for (const path of [`/${key.id}/revoke`, `/${key.id}/purge`, `/${key.id}/rotate`, '/new', '/sign-out', '/theme'])
      expect((await visitor.post(`/keys${path}`, { ...fields, name: 'x', owner: 'acme', theme: 'dark' })).status).toBe(
        403,
      )
    expect((await store.findById(key.id))?.revokedAt).toBeNull()
    expect((await visitor.get('/keys')).status).toBe(200)
  })

  it("takes no form with another visitor's token", async () => {
    const { admin, store, key } = await stocked()
    const [one, other] = [await admin(), await admin()]
    const token = hiddenFields((await other.get('/keys')).text)['token'] ?? ''
    expect((await one.post(`/keys/${key.id}/revoke`, { token })).status).toBe(403)
    expect((await store.findById(key.id))?.revokedAt).toBeNull()
  })

  it("binds forms to the browser where the session is the host's", async () => {
    const admin = { id: 'ada', owner: null, scopes: ['*'] }
    const { newVisitor, store, key } = await stocked({
      dashboard: { signIn: undefined, authorize: actorFromHeader({ admin }) },
    })
    const visitor = newVisitor()
    const as = { 'x-test-actor': 'admin' }
    expect((await visitor.get('/keys')).text).toContain('You are not signed in')
    const token = hiddenFields((await visitor.get('/keys', as)).text)['token'] ?? ''
    const lured = newVisitor()
    await lured.get('/keys', as)
    expect((await lured.post(`/keys/${key.id}/revoke`, { token }, as)).status).toBe(403)
    expect((await store.findById(key.id))?.revokedAt).toBeNull()
    expect((await visitor.post(`/keys/${key.id}/revoke`, { token }, as)).status).toBe(200)
  })

  it('J196 makes neither links nor cookies from a host that the client names', async () => {
    const { admin, port } = await stocked()
    const visitor = await admin()
    const cookie = `__Host-keyward=${visitor.cookies.get('keyward')}`
    const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', cookie }
    for (const path of ['/keys', '/keys/new', '/keys/usage', '/keys/sign-in']) {
      const { text, headers: answered } = await sendRaw(port, path, headers)
      expect(text, path).not.toContain('evil.example')
      expect(JSON.stringify(answered), path).not.toContain('evil.example')
    }
  })

  it.each([
    '//evil.example',
    '/\\evil.example',
    'https://evil.example',
    '/%5c%5cevil.example',
    'javascript:alert(1)',
    '/../..//evil',
    '/usage\r\nSet-Cookie: x=y',
    '@evil.example',
    '.evil.example',
  ])('J197 goes nowhere else after signing in: %j', async (next) => {
    const { newVisitor } = await stocked()
    const { status, headers } = await newVisitor().post('/keys/sign-in', { 'admin-token': TOKEN, next })
    expect(status).toBe(303)
    expect(headers.get('location')).toBe('/keys')
    expect(headers.get('set-cookie')).not.toContain('x=y')
  })

  it('J197 comes back to where one wanted to go', async () => {
    const { newVisitor } = await stocked()
    const visitor = newVisitor()
    const next = hiddenFields((await visitor.get('/keys/audit?action=key.created')).text)['next'] ?? ''
    const { headers } = await visitor.post('/keys/sign-in', { 'admin-token': TOKEN, next })
    expect(headers.get('location')).toBe('/keys/audit?action=key.created')
  })

  it('J198 escapes what people and clients wrote, and has no script or style in its pages', async () => {
    const hostile = `</script><script>alert(1)</script>"'><img src=x onerror=alert(1)>{{7*7}}`
    const { keyward, admin } = await stocked()
    const key = await keyward.keys.create({
      name: hostile.slice(0, 100),
      owner: '"><svg onload=alert(1)>',
      scopes: ["x'onx=1"],
    })
    const visitor = await admin()
    const paths = ['', '/new', '/audit', `/${key.id}`, `/${key.id}/edit`, `/${key.id}/purge`, `/${key.id}/rotate`]
    for (const path of [
      ...paths,
      `?search=${encodeURIComponent(`${hostile}\u2028\u2029`)}`,
      `/audit?owner=${encodeURIComponent(`${hostile}\u2028\u2029`)}`,
    ]) {
      const { text, headers } = await visitor.get(`/keys${path}`)
      expect(text.match(/<script/g), path).toHaveLength(1)
      expect(text, path).toMatch(/<script src="\/keys\/assets\/script-[\w-]+\.js" defer=""><\/script>/)
      expect(text, path).not.toMatch(/<img|<svg onload|<style|\sstyle=|\son\w+="/)
      expect(headers.get('content-type'), path).toBe('text/html; charset=utf-8')
      expect(headers.get('x-content-type-options'), path).toBe('nosniff')
    }
  })

  it('J199 exports CSV that no spreadsheet runs', async () => {
    const { keyward, admin } = await stocked()
    for (const id of ['=cmd()', '+1', '-1', '@SUM(1)', '\t=1'])
      await keyward.keys.create({ name: 'x', owner: 'acme' }, { actor: { id, owner: 'acme', scopes: ['*'] } })
    const { text, headers, status } = await (await admin()).get('/keys/audit/export?format=csv')
    expect(status).toBe(200)
    expect(headers.get('content-disposition')).toMatch(/^attachment; filename="audit-.*\.csv"$/)
    expect(headers.get('content-security-policy')).toContain("default-src 'none'")
    expect(text).not.toMatch(/(^|,)"?[=+\-@\t][^,"]*/m)
    expect(text).toContain("'=cmd()")
  })

  it('J200 shows a new key once: not to a second form, in an address, or on any page', async () => {
    const { admin, keyward } = await stocked()
    const visitor = await admin()
    const { text: form } = await visitor.get('/keys/new')
    const fields = { ...hiddenFields(form), name: 'Once', owner: 'acme', expiry: 'never' }
    const created = await visitor.post('/keys/new', fields)
    expect(created.headers.get('cache-control')).toBe('no-store')
    expect(created.headers.get('location')).toBeNull()
    const [apiKey = ''] = /sk_\w+/.exec(created.text) ?? []
    const { key } = await keyward.verify({ apiKey })
    expect(key?.name).toBe('Once')
    const again = await visitor.post('/keys/new', fields)
    expect(again.status).toBe(409)
    expect(again.text).not.toContain(apiKey)
    expect((await keyward.keys.list({ owner: 'acme' })).items).toHaveLength(2)
    for (const path of ['', `/${key?.id}`, '/audit', `/${key?.id}/rotate`])
      expect((await visitor.get(`/keys${path}`)).text, path).not.toContain(apiKey)
  })

  it('J200 shows a rotated key once', async () => {
    const { admin, keyward, key } = await stocked()
    const visitor = await admin()
    const { text: form } = await visitor.get(`/keys/${key.id}/rotate`)
    const rotated = await visitor.post(`/keys/${key.id}/rotate`, { ...hiddenFields(form), grace: '3600' })
    expect(rotated.status).toBe(201)
    expect(rotated.text).toContain('works for another 1 hour')
    const [apiKey = ''] = /sk_\w+/.exec(rotated.text) ?? []
    expect((await keyward.verify({ apiKey })).valid).toBe(true)
    expect((await visitor.post(`/keys/${key.id}/rotate`, { ...hiddenFields(form), grace: '0' })).status).toBe(409)
    expect((await keyward.verify({ apiKey: key.apiKey })).valid).toBe(true)
  })

  it('J201 rations an address that fails to sign in, and no other', async () => {
    const { newVisitor } = await openBoard({ keyward: { clientAddress: { trustedProxies: ['127.0.0.1'] } } })
    const visitor = newVisitor()
    const from = (address: string) => ({ 'x-forwarded-for': address })
    const statuses: number[] = []
    for (let count = 0; count < 50; count++)
      statuses.push(
        (await visitor.post('/keys/sign-in', { 'admin-token': `wrong-${count}` }, from('192.0.2.1'))).status,
      )
    expect(statuses.slice(0, 10)).toEqual(Array(10).fill(401))
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThan(20)
    const throttled = await visitor.post('/keys/sign-in', { 'admin-token': 'wrong' }, from('192.0.2.1'))
    if (throttled.status === 429) expect(Number(throttled.headers.get('retry-after'))).toBeGreaterThan(0)
    expect(visitor.cookies.size).toBe(0)
    const other = await newVisitor().post('/keys/sign-in', { 'admin-token': TOKEN }, from('198.51.100.1'))
    expect(other.status).toBe(303)
  })

  it('J201 tells the observer of every failed login, and leaves no entry behind', async () => {
    const events: unknown[] = []
    const { newVisitor, store } = await openBoard({
      keyward: { clientAddress: 'peer', onEvent: (event) => events.push(event) },
    })
    await newVisitor().post('/keys/sign-in', { 'admin-token': 'wrong' })
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'manage_refused', code: 'invalid_api_key', actor: null, address: '127.0.0.1' }),
    )
    expect(JSON.stringify(events)).not.toContain('wrong')
    expect(await store.listAudit('', 0, 10)).toEqual([])
  })

  it('J202 does not start without anybody who says who may look', () => {
    const { keyward } = createTestKeyward()
    expect(() => dashboard(keyward, {})).toThrow('dashboard: authorize or signIn must be given')
    expect(() => dashboard(keyward, undefined as never)).toThrow('authorize or signIn must be given')
    expect(() => dashboard(keyward, { authorize: true as never })).toThrow('dashboard.authorize')
    expect(() => dashboard(keyward, { signIn: adminToken(TOKEN), basePath: 'keys/' })).toThrow('dashboard.basePath')
    expect(() => adminToken('admin')).toThrow('16 to 512')
  })

  it('lets nobody in by a bearer token or a session token', async () => {
    const { newVisitor } = await stocked()
    const { status } = await newVisitor().get('/keys', { authorization: `Bearer ${TOKEN}` })
    expect(status).toBe(401)
  })

  it('answers with an error page, and fails closed, when the store is away', async () => {
    const inner = memory({ losesDataOnExit: true })
    let isAway = false
    const away = async (): Promise<never> => {
      throw new Error('connection to 10.0.0.7 refused, password hunter2')
    }
    const store: KeyStore = {
      ...inner,
      list: (query) => (isAway ? away() : inner.list(query)),
      findNote: (name) => (isAway ? away() : inner.findNote(name)),
    }
    const { admin } = await openBoard({ store })
    const visitor = await admin()
    isAway = true
    const { status, text } = await visitor.get('/keys')
    expect(status).toBe(503)
    expect(text).toContain('Request req_')
    expect(text).not.toMatch(/hunter2|10\.0\.0\.7/)
  })
})
