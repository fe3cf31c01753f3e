import { type Actor, type KeyStore, type KeywardEvent, memory, StoreUnavailableError } from 'keyward'
import { createTestClock } from 'keyward/testing'
import { describe, expect, it } from 'vitest'
import { openDesk } from '../manage/desk.ts'
import { storeKinds } from '../store-kinds.ts'

const clerk: Actor = { id: 'clerk', owner: 'acme', scopes: [] }
const auditor: Actor = { id: 'auditor', owner: null, scopes: ['keyward:audit:read'] }

function refusalsOf(entries: Awaited<ReturnType<KeyStore['listAudit']>>) {
  return entries.filter(({ action }) => action === 'manage.refused')
}

describe.each(storeKinds)('refusals of the management API in %s', (_, createStore) => {
  async function open() {
    const clock = createTestClock()
    const events: KeywardEvent[] = []
    const store = createStore(clock)
    const desk = await openDesk({
      store,
      actors: { clerk, auditor },
      keyward: { onEvent: (event) => void events.push(event) },
    })
    return { ...desk, clock, events }
  }

  it('leave one entry each, under the id of the answer (rows 249, 255)', async () => {
    const { send, store, keyward } = await open()
    const { id } = await keyward.keys.create({ owner: 'acme', name: 'a' })
    const requests = [
      ['clerk', 'GET', `/keys/${id}`, 403, 'forbidden', '/keys/{id}', id],
      ['acme', 'GET', '/keys?limit=x', 422, 'validation_failed', '/keys', null],
      ['acme', 'GET', '/credits/other', 404, 'not_found', '/credits/{owner}', 'other'],
      ['acme', 'GET', '/nowhere', 404, 'not_found', null, null],
      ['acme', 'PUT', '/keys', 405, 'method_not_allowed', '/keys', null],
      ['acme', 'DELETE', '/audit', 405, 'method_not_allowed', '/audit', null],
      ['acme', 'GET', `/keys/key_${'Z'.repeat(26)}`, 404, 'not_found', '/keys/{id}', `key_${'Z'.repeat(26)}`],
    ] as const
    const answers = []
    for (const [as, method, path, status] of requests) {
      const answer = await send(as, method, path)
      expect(answer.status, path).toBe(status)
      answers.push(answer)
    }
    const refusals = refusalsOf(await store.listAudit('acme', 0, 100))
    expect(refusals).toHaveLength(requests.length)
    for (const [index, [as, method, , , code, route, target]] of requests.entries())
      expect(refusals[index]).toMatchObject({
        actor: as === 'clerk' ? 'clerk' : 'acme-admin',
        requestId: answers[index]?.body.error.request_id,
        address: '127.0.0.1',
        keyId: target?.startsWith('key_') ? target : null,
        details: { code, method, route, target },
      })
    expect(await keyward.audit.verify({ owner: 'acme' })).toMatchObject({ isIntact: true })
  })

  it('of an actor of every owner are in the chain that belongs to none', async () => {
    const { send, store } = await open()
    expect((await send('auditor', 'POST', '/keys', { name: 'a' })).status).toBe(403)
    expect(await store.listAudit('', 0, 10)).toMatchObject([{ action: 'manage.refused', actor: 'auditor' }])
  })

  it('of strangers are events, and leave nothing behind', async () => {
    const { send, keyward, events } = await open()
    expect((await send(undefined, 'GET', '/keys')).status).toBe(401)
    const { status, body } = await send('who', 'DELETE', '/keys/key_1')
    expect(status).toBe(401)
    expect((await keyward.audit.list()).items).toEqual([])
    const told = events.filter(({ type }) => type === 'manage_refused')
    expect(told).toMatchObject([
      { code: 'missing_authorization_header', actor: null, owner: undefined },
      { code: 'invalid_api_key', actor: null, requestId: body.error.request_id, address: '127.0.0.1' },
    ])
  })

  it('cannot flood the table: 20 entries a minute for an actor, and one that counts the rest', async () => {
    const { send, store, clock, keyward } = await open()
    for (let each = 0; each < 45; each++) await send('clerk', each % 3 === 0 ? 'POST' : 'GET', '/keys', undefined)
    await send('acme', 'GET', '/nowhere')
    expect(refusalsOf(await store.listAudit('acme', 0, 100))).toHaveLength(21)
    clock.advance(60_000)
    await send('clerk', 'GET', '/nowhere')
    const refusals = refusalsOf(await store.listAudit('acme', 0, 100))
    expect(refusals.slice(21)).toMatchObject([
      {
        ...{ actor: 'clerk', keyId: null, requestId: null },
        details: {
          counted: 25,
          codes: { forbidden: 25 },
          since: new Date(clock.now() - 60_000).toISOString(),
          until: new Date(clock.now()).toISOString(),
        },
      },
      { actor: 'clerk', details: { code: 'not_found' } },
    ])
    expect(refusals).toHaveLength(23)
    expect(await keyward.audit.verify({ owner: 'acme' })).toMatchObject({ isIntact: true })
  })

  it('247: keep no key that stands in a path', async () => {
    const { send, store, keyward } = await open()
    const { apiKey } = await keyward.keys.create({ owner: 'acme', name: 'a' })
    const token = `eyJ${'a'.repeat(20)}.${'b'.repeat(20)}.c`
    for (const text of [apiKey, token, 'x'.repeat(300)])
      for (const path of [`/keys/${text}`, `/credits/${text}`, `/${text}`])
        expect((await send('acme', 'GET', path)).status).toBeGreaterThanOrEqual(400)
    const refusals = refusalsOf(await store.listAudit('acme', 0, 100))
    expect(refusals).toHaveLength(9)
    const written = JSON.stringify(refusals)
    for (const secret of [apiKey, token, 'x'.repeat(300)]) expect(written).not.toContain(secret)
  })

  it('that were counted are written when the process is closed', async () => {
    const { send, store, keyward } = await open()
    for (let each = 0; each < 22; each++) await send('clerk', 'GET', '/keys')
    // Another store on the same data cannot be closed with this one.
    const written: unknown[] = []
    const { appendAudit } = store
    store.appendAudit = async (drafts) => {
      written.push(...drafts.map(({ details }) => details))
      await appendAudit.call(store, drafts)
    }
    await keyward.close()
    expect(written).toMatchObject([{ counted: 2 }])
  })
})

describe('a refusal that cannot be written down', () => {
  it('is answered as the failure that it is', async () => {
    const store = memory({ losesDataOnExit: true })
    store.appendAudit = () => Promise.reject(new StoreUnavailableError('away'))
    const { send } = await openDesk({ store, actors: { clerk } })
    const answer = await send('clerk', 'GET', '/keys')
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('1')
  })
})
