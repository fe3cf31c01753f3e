import { type Actor, memory } from 'keyward'
import { describe, expect, it } from 'vitest'
import { createTestClock } from '../../src/testing/test-clock.ts'
import { openDesk } from './desk.ts'
import { mounts } from './mounts.ts'

const empty = { balance: 0, reserved: 0, version: 0, refill: null, refillAt: null }
const daily = { amount: 10, mode: 'add', every: 'day' }

function open(account: 'owner' | 'key' = 'owner') {
  const clock = createTestClock()
  const store = memory({ losesDataOnExit: true, clock })
  return openDesk({ store, keyward: { credits: { account } } })
}

describe('the credits of the management API', () => {
  it('are shown, topped up, set and listed', async () => {
    const { send } = await open()
    const none = await send('acme', 'GET', '/credits/acme')
    expect([none.status, none.body, none.headers.get('etag')]).toEqual([200, empty, '"0"'])

    const topUp = { amount: 100, operationId: 'invoice-7', reason: 'Invoice 7' }
    const toppedUp = await send('admin', 'POST', '/credits/acme/top-ups', topUp)
    expect([toppedUp.status, toppedUp.body]).toEqual([201, { ...empty, balance: 100, version: 1 }])
    expect(toppedUp.headers.get('etag')).toBe('"1"')
    expect(toppedUp.headers.get('cache-control')).toBe('no-store')

    const set = await send('admin', 'PUT', '/credits/acme', { balance: 30, refill: daily })
    const state = { ...empty, balance: 30, version: 2, refill: daily, refillAt: '2026-01-02T00:00:00.000Z' }
    expect([set.status, set.body, set.headers.get('etag')]).toEqual([200, state, '"2"'])
    expect((await send('acme', 'GET', '/credits/acme')).body).toEqual(state)

    const listed = await send('acme', 'GET', '/credits/acme/movements?limit=1')
    const written = { shortfall: 0, keyId: null, actor: 'admin', at: '2026-01-01T00:00:00.000Z' }
    const id = (answer: typeof set) => answer.headers.get('x-request-id')
    const newest = { ...written, sequence: 2, kind: 'set', amount: -70, balance: 30, operation: null, reason: null }
    expect(listed.body).toEqual({ items: [{ ...newest, requestId: id(set) }], nextCursor: expect.any(String) })
    const rest = await send('acme', 'GET', `/credits/acme/movements?limit=1&cursor=${listed.body.nextCursor}`)
    const oldest = {
      sequence: 1,
      kind: 'top_up',
      amount: 100,
      balance: 100,
      operation: 'invoice-7',
      reason: 'Invoice 7',
    }
    expect(rest.body).toEqual({ items: [{ ...written, ...oldest, requestId: id(toppedUp) }], nextCursor: null })
  })

  it('are topped up once for each operation, and not for another amount', async () => {
    const { send, store } = await open()
    const topUp = (amount: number) => send('admin', 'POST', '/credits/acme/top-ups', { amount, operationId: 'once' })
    const answers = await Promise.all(Array.from({ length: 10 }, () => topUp(5)))
    expect(answers.map(({ status, body }) => [status, body.balance])).toEqual(Array(10).fill([201, 5]))
    const refused = await topUp(6)
    expect([refused.status, refused.body.error.code]).toEqual([409, 'conflict'])
    expect((await send('admin', 'GET', '/credits/acme')).body).toMatchObject({ balance: 5, version: 1 })
    expect(await store.listAudit('acme', 0, 100)).toMatchObject([{ action: 'credits.topped_up', actor: 'admin' }])
  })

  it('120: are set under the version that If-Match names', async () => {
    const { send } = await open()
    const put = async (balance: number, tag: string) =>
      (await send('admin', 'PUT', '/credits/acme', { balance }, { 'if-match': tag })).status
    expect(await put(1, '"1"')).toBe(412)
    expect(await put(1, '"0"')).toBe(200)
    expect(await put(2, '"0"')).toBe(412)
    expect(await put(2, 'W/"1"')).toBe(412)
    expect((await send('admin', 'GET', '/credits/acme')).body).toMatchObject({ balance: 1, version: 1 })
    expect(await put(2, '*')).toBe(200)
    expect(await put(3, '2')).toBe(400)
  })

  it.each([
    ['POST', '/top-ups', {}, ['amount']],
    ['POST', '/top-ups', { amount: 0 }, ['amount']],
    ['POST', '/top-ups', { amount: 1.5 }, ['amount']],
    ['POST', '/top-ups', { amount: '5' }, ['amount']],
    ['POST', '/top-ups', '{"amount":9007199254740993}', ['amount']],
    ['POST', '/top-ups', '{"amount":1e400}', ['amount']],
    ['POST', '/top-ups', { amount: 5, operationId: 'a b' }, ['operationId']],
    ['POST', '/top-ups', { amount: 5, reason: 'a\nb' }, ['reason']],
    ['POST', '/top-ups', { amount: 5, balance: 5 }, ['balance']],
    ['PUT', '', {}, ['']],
    ['PUT', '', { balance: -1 }, ['balance']],
    ['PUT', '', { balance: 5, refill: { ...daily, every: 'week' } }, ['refill.every']],
    ['PUT', '', { balance: 5, refill: { ...daily, every: 30 } }, ['refill.every']],
    ['PUT', '', { balance: 5, refill: { ...daily, at: 'noon' } }, ['refill.at']],
  ] as const)(
    'are refused by field when they break a rule, and nothing is moved: %s %s %o',
    async (method, path, body, fields) => {
      const { send, store } = await open()
      const answer = await send('admin', method, `/credits/acme${path}`, body)
      expect(answer.status).toBe(422)
      const named = answer.body.error.issues.map((issue: { path: (string | number)[] }) => issue.path.join('.'))
      expect(named).toEqual(fields)
      expect(await store.ledger?.findAccount({ owner: 'acme', lineage: null })).toBeUndefined()
      expect(await store.listAudit('acme', 0, 100)).toEqual([])
    },
  )

  it('119: stay when a top-up would raise them above 2^53 - 1', async () => {
    const { send } = await open()
    await send('admin', 'PUT', '/credits/acme', '{"balance":9007199254740990}')
    const refused = await send('admin', 'POST', '/credits/acme/top-ups', { amount: 2 })
    expect([refused.status, refused.body.error.issues[0].path]).toEqual([422, ['amount']])
    const { text } = await send('admin', 'POST', '/credits/acme/top-ups', { amount: 1 })
    expect(text).toContain('"balance":9007199254740991')
  })

  it.each(Object.entries(mounts))(
    'are of the owner whose name is in the path, whatever its letters are, on %s',
    async (_name, mount) => {
      const desk = await openDesk({ mount })
      for (const owner of ['a/b', 'größe', '日本', 'a b', 'a%2Fb', 'x?y#z', '~', 'top-ups', '😀']) {
        const path = `/credits/${encodeURIComponent(owner)}`
        expect((await desk.send('admin', 'POST', `${path}/top-ups`, { amount: 3 })).status, owner).toBe(201)
        expect((await desk.send('admin', 'GET', path)).body.balance, owner).toBe(3)
        expect(await desk.store.ledger?.findAccount({ owner, lineage: null }), owner).toMatchObject({ balance: 3 })
        expect((await desk.send('admin', 'GET', `${path}/movements`)).body.items, owner).toHaveLength(1)
      }
    },
  )

  it('are no account for what cannot be the name of an owner', async () => {
    const { send } = await open()
    for (const name of ['%00', 'a%0Ab', '%20', `${'x'.repeat(257)}`]) {
      expect((await send('admin', 'GET', `/credits/${name}`)).status, name).toBe(422)
      expect((await send('acme', 'GET', `/credits/${name}`)).status, name).toBe(422)
    }
  })

  it('126: are not there for an actor of another owner, and moved by no actor of one', async () => {
    const { send, keyward, store } = await open()
    const { id } = await keyward.keys.create({ owner: 'acme', name: 'a' })
    for (const path of ['/credits/acme', `/keys/${id}/credits`]) {
      for (const read of [path, `${path}/movements`]) {
        const answer = await send('other', 'GET', read)
        expect([answer.status, answer.body.error.code]).toEqual([404, 'not_found'])
      }
      for (const who of ['other', 'acme']) {
        expect((await send(who, 'PUT', path, { balance: 5 })).status).toBe(403)
        expect((await send(who, 'POST', `${path}/top-ups`, { amount: 5 })).status).toBe(403)
      }
    }
    expect(await store.ledger?.findAccount({ owner: 'acme', lineage: null })).toBeUndefined()
  })

  it('take a scope of their own, for reading and for writing', async () => {
    const actors: Record<string, Actor> = {
      reader: { id: 'reader', owner: null, scopes: ['keyward:credits:read'] },
      writer: { id: 'writer', owner: null, scopes: ['keyward:credits:write'] },
      keys: { id: 'keys', owner: null, scopes: ['keyward:keys:read', 'keyward:keys:write'] },
    }
    const { send } = await openDesk({ actors })
    const statusOf = async (who: string) => [
      (await send(who, 'GET', '/credits/acme')).status,
      (await send(who, 'GET', '/credits/acme/movements')).status,
      (await send(who, 'POST', '/credits/acme/top-ups', { amount: 1 })).status,
      (await send(who, 'PUT', '/credits/acme', { balance: 1 })).status,
    ]
    expect(await statusOf('reader')).toEqual([200, 200, 403, 403])
    expect(await statusOf('writer')).toEqual([403, 403, 201, 200])
    expect(await statusOf('keys')).toEqual([403, 403, 403, 403])
  })

  it('172: are no affair of the key that spends them', async () => {
    const desk = await open('key')
    const { id } = await desk.keyward.keys.create({ owner: 'acme', name: 'a', scopes: ['*'] })
    const key: Actor = { id, owner: 'acme', scopes: ['*'] }
    const { send } = await openDesk({ store: desk.store, actors: { key }, keyward: { credits: { account: 'key' } } })
    expect((await send('key', 'GET', `/keys/${id}/credits`)).status).toBe(200)
    expect((await send('key', 'POST', `/keys/${id}/credits/top-ups`, { amount: 1 })).status).toBe(403)
    expect((await send('key', 'PUT', `/keys/${id}/credits`, { balance: 1 })).status).toBe(403)
    expect((await send('key', 'POST', '/keys', { name: 'b', credits: 1 })).status).toBe(403)
    expect((await send('admin', 'GET', `/keys/${id}/credits`)).body).toEqual(empty)
  })

  it('come with a new key, where keys have credits of their own', async () => {
    const { send, store } = await open('key')
    const { status, body } = await send('admin', 'POST', '/keys', { name: 'a', owner: 'acme', credits: 5 })
    expect([status, body.credits]).toEqual([201, undefined])
    expect((await send('acme', 'GET', `/keys/${body.id}/credits`)).body).toMatchObject({ balance: 5, version: 1 })
    expect((await send('admin', 'GET', '/credits/acme')).status).toBe(404)
    expect(await store.listAudit('acme', 0, 10)).toMatchObject([{ action: 'key.created', details: { credits: 5 } }])
    for (const id of ['key_none', 'acme', '%2F'])
      expect((await send('admin', 'GET', `/keys/${id}/credits`)).status, id).toBe(404)
  })

  it('do not come with a new key that spends from a pool', async () => {
    const { send } = await open()
    const refused = await send('admin', 'POST', '/keys', { name: 'a', owner: 'acme', credits: 5 })
    expect([refused.status, refused.body.error.issues[0].path]).toEqual([422, ['credits']])
    expect((await send('acme', 'POST', '/keys', { name: 'a', credits: 5 })).status).toBe(403)
    expect((await send('admin', 'GET', '/keys')).body.items).toEqual([])
  })

  it('176: are listed by pages of at most 100, from cursors of their own', async () => {
    const { send } = await open()
    await send('admin', 'POST', '/credits/acme/top-ups', { amount: 1 })
    for (const query of [
      'limit=0',
      'limit=-1',
      'limit=1e9',
      'limit=NaN',
      'limit=101',
      'cursor=x',
      'cursor=',
      'owner=b',
    ])
      expect((await send('admin', 'GET', `/credits/acme/movements?${query}`)).status, query).toBe(422)
    expect((await send('admin', 'GET', '/credits/acme/movements?limit=100')).body.items).toHaveLength(1)
  })

  it('are not there over a store that keeps none', async () => {
    const { ledger: _ledger, ...store } = memory({ losesDataOnExit: true })
    const { send, keyward, api } = await openDesk({ store })
    expect(keyward.credits.isAvailable).toBe(false)
    await expect(keyward.credits.get({ owner: 'acme' })).rejects.toMatchObject({
      name: 'ConfigError',
      message: expect.stringContaining('store'),
    })
    expect((await send('admin', 'GET', '/credits/acme')).status).toBe(404)
    expect((await send('admin', 'POST', '/credits/acme/top-ups', { amount: 1 })).status).toBe(404)
    expect(api.routes.filter(({ path }) => path.includes('credits'))).toEqual([])
    await expect(openDesk({ store, keyward: { credits: {} } })).rejects.toThrow(/createKeyward\.credits/)
  })
})
