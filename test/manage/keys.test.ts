import type { Actor } from 'keyward'
import { describe, expect, it } from 'vitest'
import { type Desk, openDesk } from './desk.ts'

const FIELDS = [
  'id',
  'owner',
  'name',
  'start',
  'scopes',
  'policies',
  'audiences',
  'addresses',
  'state',
  'version',
  'createdAt',
  'createdBy',
  'startsAt',
  'expiresAt',
  'lastUsedAt',
  'revokedAt',
  'rotatedFrom',
  'rotatedTo',
  'metadata',
]

async function create(desk: Desk, fields: Readonly<Record<string, unknown>> = {}) {
  const { status, body } = await desk.send('admin', 'POST', '/keys', { name: 'a key', owner: 'acme', ...fields })
  expect(status).toBe(201)
  return body
}

async function fieldsRefused(desk: Desk, method: string, path: string, body?: unknown): Promise<string[]> {
  const answer = await desk.send('admin', method, path, body)
  expect(answer.status).toBe(422)
  expect(answer.body.error.code).toBe('validation_failed')
  return answer.body.error.issues.map((issue: { path: (string | number)[] }) => issue.path.join('.'))
}

async function works({ keyward }: Desk, apiKey: string): Promise<boolean> {
  return !(await keyward.authenticate({ authorization: `Bearer ${apiKey}` })).denied
}

describe('issuing a key', () => {
  it('answers with every field of a key and the API key, and no other field', async () => {
    const desk = await openDesk()
    const body = await create(desk, {
      scopes: ['tasks:read'],
      audiences: ['eu'],
      addresses: ['10.0.0.0/8'],
      startsAt: '2020-01-01T00:00:00Z',
      expiresAt: '2999-01-01T01:00:00+01:00',
      metadata: { team: { name: 'blue' } },
    })
    expect(Object.keys(body)).toEqual([...FIELDS, 'apiKey'])
    expect(body).toMatchObject({
      id: expect.stringMatching(/^key_[0-9A-Z]{26}$/),
      state: 'active',
      startsAt: '2020-01-01T00:00:00.000Z',
      expiresAt: '2999-01-01T00:00:00.000Z',
      createdAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      metadata: { team: { name: 'blue' } },
      apiKey: expect.stringMatching(/^sk_/),
    })
    expect(body.start).toBe(body.apiKey.slice(0, 12))
  })

  it('shows the API key in that answer and in none after it (row 180)', async () => {
    const desk = await openDesk()
    const { id, apiKey } = await create(desk)
    const after = [
      await desk.send('admin', 'GET', `/keys/${id}`),
      await desk.send('admin', 'GET', '/keys'),
      await desk.send('admin', 'PATCH', `/keys/${id}`, { name: 'b' }),
      await desk.send('admin', 'POST', '/verify', { apiKey }),
      await desk.send('admin', 'POST', `/keys/${id}/rotate`, {}),
      await desk.send('admin', 'DELETE', `/keys/${id}`),
    ]
    const trail = JSON.stringify(await desk.store.listAudit('acme', 0, 100))
    for (const text of [...after.map((answer) => answer.text), trail]) {
      expect(text).not.toContain(apiKey)
      expect(text).not.toContain('digest')
    }
  })

  it('demands an owner of who acts for every owner, and takes their own from all others (row 168)', async () => {
    const desk = await openDesk()
    expect(await fieldsRefused(desk, 'POST', '/keys', { name: 'a' })).toEqual(['owner'])
    expect((await desk.send('acme', 'POST', '/keys', { name: 'a' })).body.owner).toBe('acme')
    expect((await desk.send('acme', 'POST', '/keys', { name: 'a', owner: 'acme' })).status).toBe(201)
    const foreign = await desk.send('acme', 'POST', '/keys', { name: 'a', owner: 'other' })
    expect(foreign.status).toBe(404)
    expect((await desk.keyward.keys.list({ owner: 'other' })).items).toEqual([])
  })

  it('names every field that breaks a rule, and every field that it does not know', async () => {
    const desk = await openDesk()
    const good = { name: 'a', owner: 'acme' }
    const refused = async (body: unknown) => fieldsRefused(desk, 'POST', '/keys', body)
    expect(await refused({ ...good, credits: 5 })).toEqual(['credits'])
    expect(await refused({ ...good, orgId: 'other', id: 'x' })).toEqual(['orgId', 'id'])
    expect(await refused({ ...good, name: 1, scopes: 'read', metadata: [] })).toEqual(['name', 'scopes', 'metadata'])
    expect(await refused({ ...good, scopes: ['good', 'not good'] })).toEqual(['scopes.1'])
    expect(await refused({ ...good, policies: ['no-such-policy'] })).toEqual(['policies.0'])
    expect(await refused({ ...good, expiresAt: '2001-01-01T00:00:00Z' })).toEqual(['expiresAt'])
    for (const at of ['tomorrow', '2999-01-01', '2999-01-01T00:00:00', '2999-02-30T00:00:00Z', 4_102_444_800_000])
      expect(await refused({ ...good, expiresAt: at })).toEqual(['expiresAt'])
    for (const body of [[], '"text"', null, 1, true]) expect(await refused(body)).toEqual([''])
    expect((await desk.keyward.keys.list()).items).toEqual([])
  })

  it('refuses names that would break a line, and metadata that is too much (rows 174, 175)', async () => {
    const desk = await openDesk()
    const good = { name: 'a', owner: 'acme' }
    for (const name of ['a\r\nSet-Cookie: x', 'a\u0000', 'a\u001b[31m', 'a\u202eb', '', ' a', 'a'.repeat(10_240)])
      expect(await fieldsRefused(desk, 'POST', '/keys', { ...good, name })).toEqual(['name'])
    const nested = JSON.parse(`${'{"a":'.repeat(40)}1${'}'.repeat(40)}`)
    for (const metadata of [{ a: 'x'.repeat(17_000) }, nested])
      expect(await fieldsRefused(desk, 'POST', '/keys', { ...good, metadata })).toEqual(['metadata'])
  })

  it('repeats no value, and bounds what it says of wrong fields', async () => {
    const { send } = await openDesk()
    const many = Object.fromEntries(Array.from({ length: 2_000 }, (_, at) => [`field${at}`, 1]))
    const answer = await send('admin', 'POST', '/keys', {
      ...many,
      name: 'secret-looking\nvalue',
      ['x'.repeat(9_000)]: 1,
    })
    expect(answer.status).toBe(422)
    expect(answer.body.error.issues).toHaveLength(32)
    expect(answer.text.length).toBeLessThan(8_000)
    expect(answer.text).not.toContain('secret-looking')
  })

  it('keeps members called __proto__ away from everything', async () => {
    const desk = await openDesk()
    const body = '{"name":"a","owner":"acme","__proto__":{"owner":"other"},"metadata":{"__proto__":{"polluted":true}}}'
    const answer = await desk.send('admin', 'POST', '/keys', body)
    expect([201, 422]).toContain(answer.status)
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false)
    expect((await desk.keyward.keys.list({ owner: 'other' })).items).toEqual([])
  })

  it('grants no scope that the actor does not have, by creation, change or rotation (row 171)', async () => {
    const reader: Actor = { id: 'reader', owner: 'acme', scopes: ['keyward:keys:write', 'read'] }
    const desk = await openDesk({ actors: { reader } })
    const { id } = await create(desk, { scopes: ['read', 'write'] })
    expect((await desk.send('reader', 'POST', '/keys', { name: 'a', scopes: ['read'] })).status).toBe(201)
    for (const [method, path, body] of [
      ['POST', '/keys', { name: 'a', scopes: ['write'] }],
      ['POST', '/keys', { name: 'a', scopes: ['*'] }],
      ['PATCH', `/keys/${id}`, { scopes: ['read', 'write', 'admin'] }],
      ['POST', `/keys/${id}/rotate`, {}],
    ] as const) {
      const refused = await desk.send('reader', method, path, body)
      expect(refused.status, `${method} ${path}`).toBe(403)
      expect(refused.body.error.code).toBe('forbidden')
    }
    expect((await desk.keyward.keys.get(id)).version).toBe(1)
  })

  it('lets an actor of one owner choose policies only with the scope for it (row 172)', async () => {
    const writer: Actor = { id: 'writer', owner: 'acme', scopes: ['keyward:keys:write'] }
    const chooser: Actor = { ...writer, scopes: ['keyward:keys:write', 'keyward:policies:write'] }
    const generous = [{ limit: 1_000_000, windowSeconds: 1 }]
    const desk = await openDesk({ actors: { writer, chooser }, keyward: { limits: { policies: { generous } } } })
    const { id } = await create(desk)
    const body = { name: 'a', policies: ['generous'] }
    expect((await desk.send('writer', 'POST', '/keys', body)).status).toBe(403)
    expect((await desk.send('writer', 'PATCH', `/keys/${id}`, body)).status).toBe(403)
    expect((await desk.send('chooser', 'POST', '/keys', body)).body.policies).toEqual(['generous'])
    expect((await desk.send('chooser', 'PATCH', `/keys/${id}`, body)).body.policies).toEqual(['generous'])
  })

  it('lets no key that is an actor widen itself (row 172)', async () => {
    const desk = await openDesk({
      authorize: (keyward) => async (request) => {
        const identity = await keyward.authenticate(request.headers)
        return identity.denied ? undefined : { id: identity.keyId, owner: identity.owner, scopes: identity.scopes }
      },
    })
    const { id, apiKey } = await desk.keyward.keys.create({
      name: 'manager',
      owner: 'acme',
      scopes: ['keyward:keys:write', 'keyward:policies:write'],
      expiresAt: new Date('2999-01-01'),
    })
    for (const patch of [{ expiresAt: null }, { startsAt: null }, { policies: [] }, { addresses: [] }, { scopes: [] }])
      expect((await desk.send(apiKey, 'PATCH', `/keys/${id}`, patch)).status).toBe(403)
    expect((await desk.send(apiKey, 'POST', `/keys/${id}/enable`)).status).toBe(403)
    expect((await desk.send(apiKey, 'PATCH', `/keys/${id}`, { name: 'mine' })).body.name).toBe('mine')
    expect((await desk.send(apiKey, 'POST', `/keys/${id}/revoke`, { force: true })).status).toBe(200)
    expect((await desk.send(apiKey, 'GET', '/keys')).status).toBe(401)
  })
})

describe('listing keys', () => {
  it('pages through all of them once, newest first, revoked ones too and deleted ones not', async () => {
    const desk = await openDesk()
    const ids: string[] = []
    for (let at = 0; at < 7; at++) ids.unshift((await create(desk, { name: `key ${at}` })).id)
    await desk.send('admin', 'POST', `/keys/${ids[1]}/revoke`)
    await desk.send('admin', 'DELETE', `/keys/${ids[2]}`)
    const seen: string[] = []
    let path: string | undefined = '/keys?limit=2'
    while (path !== undefined) {
      const { body } = await desk.send('admin', 'GET', path)
      expect(body.items.length).toBeLessThanOrEqual(2)
      for (const item of body.items) {
        expect(Object.keys(item)).toEqual(FIELDS)
        seen.push(item.id)
      }
      path = body.nextCursor === null ? undefined : `/keys?limit=2&cursor=${encodeURIComponent(body.nextCursor)}`
    }
    expect(seen).toEqual(ids.filter((id) => id !== ids[2]))
    const states = async (state: string) => (await desk.send('admin', 'GET', `/keys?state=${state}`)).body.items
    expect(await states('revoked')).toMatchObject([{ id: ids[1], state: 'revoked' }])
    expect(await states('deleted')).toMatchObject([{ id: ids[2], state: 'deleted' }])
  })

  it('refuses limits, states and parameters that are none (row 176)', async () => {
    const desk = await openDesk()
    const refused = async (query: string) => fieldsRefused(desk, 'GET', `/keys?${query}`)
    for (const limit of ['0', '-1', '1e9', '1000000000', '101', 'NaN', 'abc', '1.5', '+1', ' 1', '', '0x10', '007'])
      expect(await refused(`limit=${encodeURIComponent(limit)}`), limit).toEqual(['limit'])
    expect(await refused('limit=1&limit=2')).toEqual(['limit'])
    expect(await refused('state=gone')).toEqual(['state'])
    expect(await refused('find=x&__proto__=1')).toEqual(expect.arrayContaining(['find']))
    for (const search of ['', 'x'.repeat(201), 'a%00', 'a%0Ab', 'a%1B'])
      expect(await refused(`search=${search}`), search).toEqual(['search'])
    expect(await refused('search=a&search=b')).toEqual(['search'])
    expect(await refused('sort=random')).toEqual(['sort'])
    expect((await desk.send('admin', 'GET', '/keys?limit=100')).status).toBe(200)
  })

  it('takes no cursor that is none, and shows nothing foreign for a foreign one (row 176)', async () => {
    const desk = await openDesk()
    for (const owner of ['acme', 'other', 'acme', 'other']) await create(desk, { owner })
    const { nextCursor } = (await desk.send('other', 'GET', '/keys?limit=1')).body
    const cursors = ['x', '%00', `${nextCursor}A`, nextCursor.slice(2), btoa('key_'), 'A'.repeat(300), '../..']
    for (const cursor of cursors)
      expect(await fieldsRefused(desk, 'GET', `/keys?cursor=${encodeURIComponent(cursor)}`)).toEqual(['cursor'])
    const { body } = await desk.send('acme', 'GET', `/keys?cursor=${encodeURIComponent(nextCursor)}`)
    expect(body.items.map((key: { owner: string }) => key.owner)).toEqual(['acme', 'acme'])
  })

  it('takes an owner literally (row 177)', async () => {
    const desk = await openDesk()
    await create(desk)
    for (const owner of ['%', '_', '*', "' OR 1=1--", 'acm%', 'ACME'])
      expect((await desk.send('admin', 'GET', `/keys?owner=${encodeURIComponent(owner)}`)).body.items).toEqual([])
    expect((await desk.send('acme', 'GET', '/keys?owner=other')).status).toBe(404)
  })
})

describe('changing a key', () => {
  it('changes what is given and leaves the rest, for all who send no condition (row 181)', async () => {
    const desk = await openDesk()
    const { id } = await create(desk, { metadata: { a: 1 }, expiresAt: '2999-01-01T00:00:00Z' })
    await Promise.all([
      desk.send('admin', 'PATCH', `/keys/${id}`, { name: 'renamed' }),
      desk.send('admin', 'PATCH', `/keys/${id}`, { scopes: ['read'] }),
    ])
    const { body } = await desk.send('admin', 'PATCH', `/keys/${id}`, { expiresAt: null })
    expect(body).toMatchObject({ name: 'renamed', scopes: ['read'], metadata: { a: 1 }, expiresAt: null, fenced: true })
    expect(body.version).toBe(4)
  })

  it('refuses fields that cannot be changed', async () => {
    const desk = await openDesk()
    const { id } = await create(desk)
    for (const field of [
      'owner',
      'id',
      'state',
      'revokedAt',
      'disabledAt',
      'version',
      'createdBy',
      'digest',
      'credits',
    ])
      expect(await fieldsRefused(desk, 'PATCH', `/keys/${id}`, { [field]: null })).toEqual([field])
    expect((await desk.keyward.keys.get(id)).version).toBe(1)
  })

  it('lets one of two with the same entity tag through (row 181)', async () => {
    const desk = await openDesk()
    const { id } = await create(desk)
    const etag = (await desk.send('admin', 'GET', `/keys/${id}`)).headers.get('etag') ?? ''
    expect(etag).toBe('"1"')
    const both = await Promise.all(
      ['one', 'two'].map((name) => desk.send('admin', 'PATCH', `/keys/${id}`, { name }, { 'if-match': etag })),
    )
    expect(both.map(({ status }) => status).sort()).toEqual([200, 412])
    expect(both.find(({ status }) => status === 412)?.body.error.code).toBe('precondition_failed')
    expect(both.find(({ status }) => status === 200)?.headers.get('etag')).toBe('"2"')
  })

  it('honours If-Match wherever a single key is changed', async () => {
    const desk = await openDesk()
    const { id } = await create(desk)
    const changes = [
      ['PATCH', '', { name: 'b' }],
      ['POST', '/rotate', {}],
      ['POST', '/disable', undefined],
      ['POST', '/enable', undefined],
      ['POST', '/revoke', undefined],
      ['DELETE', '', undefined],
      ['DELETE', '?purge=true', undefined],
    ] as const
    for (const [method, tail, body] of changes) {
      const send = (tag: string) => desk.send('admin', method, `/keys/${id}${tail}`, body, { 'if-match': tag })
      for (const tag of ['"2"', 'W/"1"', '"abc"', '""', '"01"', '"-1"']) expect((await send(tag)).status, tag).toBe(412)
      for (const tag of ['1', '"1', '"1", "2"', '', 'W/1', '"1"x']) expect((await send(tag)).status, tag).toBe(400)
    }
    expect((await desk.keyward.keys.get(id)).version).toBe(1)
    expect((await desk.send('admin', 'PATCH', `/keys/${id}`, { name: 'b' }, { 'if-match': '*' })).status).toBe(200)
    expect((await desk.send('admin', 'DELETE', `/keys/${id}`, undefined, { 'if-match': '"2"' })).status).toBe(200)
  })

  it('revokes, disables, enables and deletes, and says whether the gate knows', async () => {
    const desk = await openDesk()
    const { id, apiKey } = await create(desk)
    const act = async (method: string, tail: string) => (await desk.send('admin', method, `/keys/${id}${tail}`)).body
    expect(await act('POST', '/disable')).toMatchObject({ state: 'disabled', fenced: true, version: 2 })
    expect(await works(desk, apiKey)).toBe(false)
    expect(await act('POST', '/enable')).toMatchObject({ state: 'active', fenced: true, version: 3 })
    expect(await works(desk, apiKey)).toBe(true)
    const revoked = await act('POST', '/revoke')
    expect(Object.keys(revoked)).toEqual([...FIELDS, 'fenced'])
    expect(revoked).toMatchObject({ state: 'revoked', revokedAt: expect.stringMatching(/Z$/), fenced: true })
    expect(await works(desk, apiKey)).toBe(false)
    expect(await act('DELETE', '?purge=false')).toMatchObject({ state: 'deleted', fenced: true })
    expect(await act('DELETE', '')).toMatchObject({ state: 'deleted', fenced: true })
    expect((await desk.send('admin', 'GET', `/keys/${id}`)).body.state).toBe('deleted')
    expect(await act('DELETE', '?purge=true')).toMatchObject({ id, state: 'deleted' })
    expect((await desk.send('admin', 'GET', `/keys/${id}`)).status).toBe(404)
  })

  it('never brings a revoked key back (row 181)', async () => {
    const desk = await openDesk()
    const { id } = await create(desk)
    await desk.send('admin', 'POST', `/keys/${id}/revoke`)
    for (const [method, tail, body] of [
      ['POST', '/enable', undefined],
      ['POST', '/rotate', {}],
      ['PATCH', '', { name: 'b' }],
    ] as const) {
      const refused = await desk.send('admin', method, `/keys/${id}${tail}`, body)
      expect(refused.status).toBe(409)
      expect(refused.body.error.code).toBe('conflict')
    }
    expect((await desk.send('admin', 'POST', `/keys/${id}/revoke`)).status).toBe(200)
  })

  it('rotates a key: the new one, its API key, and what became of the old', async () => {
    const desk = await openDesk()
    const { id, apiKey } = await create(desk)
    const { status, headers, body } = await desk.send('admin', 'POST', `/keys/${id}/rotate`, { graceSeconds: 60 })
    expect(status).toBe(201)
    expect(Object.keys(body)).toEqual([...FIELDS, 'apiKey', 'previous', 'fenced'])
    expect(body).toMatchObject({ rotatedFrom: id, version: 2, fenced: true, previous: { id, rotatedTo: body.id } })
    expect(Object.keys(body.previous)).toEqual(FIELDS)
    expect(headers.get('location')).toBe(`/manage/keys/${body.id}`)
    expect(headers.get('etag')).toBe('"2"')
    expect(await works(desk, apiKey)).toBe(true)
    expect(await works(desk, body.apiKey)).toBe(true)
    for (const graceSeconds of [-1, 1.5, 31_536_001, '60', null])
      expect(await fieldsRefused(desk, 'POST', `/keys/${body.id}/rotate`, { graceSeconds })).toEqual(['graceSeconds'])
    await desk.send('admin', 'POST', `/keys/${body.id}/rotate`)
    expect(await works(desk, body.apiKey)).toBe(false)
  })

  it('takes no field and no parameter where there are none', async () => {
    const desk = await openDesk()
    const { id } = await create(desk)
    expect(await fieldsRefused(desk, 'POST', `/keys/${id}/revoke`, { forced: true })).toEqual(['forced'])
    expect(await fieldsRefused(desk, 'POST', `/keys/${id}/revoke`, { force: 'true' })).toEqual(['force'])
    expect(await fieldsRefused(desk, 'POST', `/keys/${id}/enable`, { force: true })).toEqual(['force'])
    expect(await fieldsRefused(desk, 'POST', `/keys/${id}/revoke?force=1`)).toEqual(['force'])
    expect(await fieldsRefused(desk, 'DELETE', `/keys/${id}?purge=yes`)).toEqual(['purge'])
    expect(await fieldsRefused(desk, 'GET', `/keys/${id}?expand=1`)).toEqual(['expand'])
    expect((await desk.keyward.keys.get(id)).state).toBe('active')
  })
})

describe('changing many keys', () => {
  it('has a result for each, and leaves the foreign one alone (row 184)', async () => {
    const desk = await openDesk()
    const own = [(await create(desk)).id, (await create(desk)).id]
    const foreign = (await create(desk, { owner: 'other' })).id
    const { status, body } = await desk.send('acme', 'POST', '/keys/bulk', {
      action: 'revoke',
      ids: [...own, foreign, 'x'],
    })
    expect(status).toBe(200)
    expect(body).toEqual({
      results: [
        { id: own[0], ok: true, fenced: true },
        { id: own[1], ok: true, fenced: true },
        { id: foreign, ok: false, code: 'not_found' },
        { id: 'x', ok: false, code: 'not_found' },
      ],
    })
    expect((await desk.keyward.keys.get(foreign)).state).toBe('active')
    const revoked = (await desk.store.listAudit('acme', 0, 100)).filter(({ action }) => action === 'key.revoked')
    expect(revoked.map(({ keyId, actor }) => [keyId, actor])).toEqual(own.map((id) => [id, 'acme-admin']))
  })

  it('takes all keys of an owner, of the actor’s own only', async () => {
    const desk = await openDesk()
    const ids = [(await create(desk)).id, (await create(desk)).id]
    const { body } = await desk.send('acme', 'POST', '/keys/bulk', { action: 'disable', owner: 'acme' })
    expect(body.results.map(({ id }: { id: string }) => id).sort()).toEqual(ids.sort())
    expect((await desk.send('other', 'POST', '/keys/bulk', { action: 'disable', owner: 'acme' })).status).toBe(404)
  })

  it('names either ids or an owner, and an action that there is', async () => {
    const desk = await openDesk()
    const refused = async (body: unknown) => fieldsRefused(desk, 'POST', '/keys/bulk', body)
    expect(await refused({ action: 'revoke' })).toEqual([''])
    expect(await refused({ action: 'revoke', ids: ['x'], owner: 'acme' })).toEqual([''])
    expect(await refused({ action: 'rotate', ids: ['x'] })).toEqual(['action'])
    expect(await refused({ action: 'revoke', ids: [] })).toEqual(['ids'])
    expect(await refused({ action: 'revoke', ids: Array(1_001).fill('x') })).toEqual(['ids'])
    expect(await refused({ action: 'revoke', ids: [1], all: true })).toEqual(['ids.0', 'all'])
  })

  it('does not let a key that is an actor enable itself among others (row 172)', async () => {
    const desk = await openDesk()
    const { id } = await create(desk)
    const itself = await openDesk({ store: desk.store, actors: { itself: { id, owner: 'acme', scopes: ['*'] } } })
    await desk.keyward.keys.disable(id)
    expect((await itself.send('itself', 'POST', '/keys/bulk', { action: 'enable', ids: [id] })).status).toBe(403)
    expect((await itself.send('itself', 'POST', '/keys/bulk', { action: 'enable', owner: 'acme' })).status).toBe(403)
    expect((await desk.keyward.keys.get(id)).state).toBe('disabled')
  })
})

describe('the audit trail', () => {
  it('has exactly one entry for every change, and for every refusal of an actor (row 249)', async () => {
    const desk = await openDesk()
    const ids: string[] = []
    const act = async (method: string, path: string, body?: unknown) => {
      const answer = await desk.send('acme', method, path, body)
      expect(answer.status).toBeLessThan(300)
      ids.push(answer.headers.get('x-request-id') ?? '')
      return answer.body
    }
    const { id } = await act('POST', '/keys', { name: 'a' })
    await act('PATCH', `/keys/${id}`, { name: 'b' })
    await act('POST', `/keys/${id}/disable`)
    await act('POST', `/keys/${id}/enable`)
    const next = await act('POST', `/keys/${id}/rotate`, {})
    await act('POST', `/keys/${next.id}/revoke`)
    await act('DELETE', `/keys/${next.id}`)
    await act('DELETE', `/keys/${id}?purge=true`)
    const refusedIds: string[] = []
    for (const [as, method, path, body] of [
      ['other', 'DELETE', `/keys/${next.id}`],
      ['nothing', 'POST', '/keys', { name: 'a' }],
      ['acme', 'POST', '/keys', { name: '' }],
      [undefined, 'POST', '/keys', { name: 'a' }],
    ] as const)
      refusedIds.push((await desk.send(as, method, path, body)).body.error.request_id)
    const all = await desk.store.listAudit('acme', 0, 100)
    const entries = all.slice(0, 8)
    expect(all.slice(8)).toMatchObject([
      { action: 'manage.refused', actor: 'acme-guest', requestId: refusedIds[1], details: { code: 'forbidden' } },
      {
        action: 'manage.refused',
        actor: 'acme-admin',
        requestId: refusedIds[2],
        details: { code: 'validation_failed' },
      },
    ])
    const details = { code: 'not_found', method: 'DELETE', route: '/keys/{id}', target: next.id }
    expect(await desk.store.listAudit('other', 0, 100)).toMatchObject([
      { action: 'manage.refused', actor: 'other-admin', keyId: next.id, requestId: refusedIds[0], details },
    ])
    expect(entries.map(({ action }) => action)).toEqual([
      'key.created',
      'key.updated',
      'key.disabled',
      'key.enabled',
      'key.rotated',
      'key.revoked',
      'key.deleted',
      'key.purged',
    ])
    expect(entries.map(({ requestId }) => requestId)).toEqual(ids)
    for (const entry of entries)
      expect(entry).toMatchObject({ actor: 'acme-admin', address: '127.0.0.1', owner: 'acme' })
    expect(entries[1]?.details).toMatchObject({ before: { name: 'a' }, after: { name: 'b' } })
  })
})
