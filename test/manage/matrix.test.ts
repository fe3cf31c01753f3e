import { type Actor, createKeyward, type KeyStore, memory } from 'keyward'
import { adminToken, manage } from 'keyward/manage'
import { describe, expect, it } from 'vitest'
import { alertsOf, openOne } from '../../src/testing/alert-store/samples.ts'
import { type Desk, openDesk } from './desk.ts'

/** Who is let in, by route: the status that each actor gets. Rows of actors who are nobody are the same for all. */
interface Row {
  readonly body?: unknown
  /** The owner's own admin, and the admin of every owner. */
  readonly own: number
  /** Another owner's admin. */
  readonly foreign: number
  /** An actor of the owner without any scope. */
  readonly unscoped: number
  /** Only for actors of every owner. */
  readonly everyOwner?: number
}

const key = { own: 200, foreign: 404, unscoped: 403 }
const money = { own: 403, foreign: 403, unscoped: 403 }
const MATRIX: Readonly<Record<string, Row>> = {
  'POST /keys': { body: { name: 'new', owner: 'acme' }, own: 201, foreign: 404, unscoped: 403 },
  'GET /keys': { own: 200, foreign: 200, unscoped: 403 },
  'GET /keys?owner=acme': key,
  'GET /keys?search=stocked&sort=name': { own: 200, foreign: 200, unscoped: 403 },
  'GET /keys/:id/limits': key,
  'GET /keys/:id': key,
  'PATCH /keys/:id': { body: { name: 'renamed' }, ...key },
  'DELETE /keys/:id': key,
  'DELETE /keys/:id?purge=true': key,
  'POST /keys/:id/rotate': { body: {}, ...key, own: 201 },
  'POST /keys/:id/revoke': key,
  'POST /keys/:id/disable': key,
  'POST /keys/:id/enable': key,
  'POST /keys/bulk': { body: { action: 'revoke', owner: 'acme' }, ...key },
  'GET /credits/:owner': key,
  'PUT /credits/:owner': { body: { balance: 7 }, ...money, everyOwner: 200 },
  'POST /credits/:owner/top-ups': { body: { amount: 7 }, ...money, everyOwner: 201 },
  'GET /credits/:owner/movements': key,
  'GET /keys/:id/credits': key,
  'PUT /keys/:id/credits': { body: { balance: 7 }, ...money, everyOwner: 200 },
  'POST /keys/:id/credits/top-ups': { body: { amount: 7 }, ...money, everyOwner: 201 },
  'GET /keys/:id/credits/movements': key,
  'GET /audit': { own: 200, foreign: 200, unscoped: 403 },
  'GET /audit?owner=acme': key,
  'GET /audit/export?format=csv': { own: 200, foreign: 200, unscoped: 403 },
  'GET /audit/export?owner=acme': key,
  'GET /audit/verify?owner=acme': key,
  'GET /policies': { own: 200, foreign: 200, unscoped: 403 },
  'GET /policies/:name': { own: 200, foreign: 200, unscoped: 403 },
  'PUT /policies/:name': {
    body: { windows: [{ limit: 1, windowSeconds: 1 }] },
    own: 403,
    foreign: 403,
    unscoped: 403,
    everyOwner: 200,
  },
  'GET /usage': { own: 200, foreign: 200, unscoped: 403 },
  'GET /usage?owner=acme': key,
  'GET /usage?by=key&keyId=:id': key,
  'GET /rankings': { own: 200, foreign: 200, unscoped: 403 },
  'GET /rankings?owner=acme': key,
  'POST /verify': { body: { apiKey: 'sk_unknown' }, own: 200, foreign: 200, unscoped: 403 },
  'GET /docs': { own: 200, foreign: 200, unscoped: 200 },
  'GET /alerts': { own: 200, foreign: 200, unscoped: 403 },
  'GET /alerts?owner=acme': key,
  'GET /alerts/:id': key,
  'POST /alerts/:id/acknowledge': key,
  'POST /alerts/:id/snooze': { body: { until: new Date(Date.now() + 3_600_000).toISOString() }, ...key },
  'GET /openapi.json': { own: 200, foreign: 200, unscoped: 200 },
}

const guest: Actor = { id: 'guest', owner: 'acme', scopes: ['tasks:write'] }
const lines = Object.entries(MATRIX)

describe('166: the matrix of routes and actors', () => {
  it('has a line for every route, and no line for a route that is none', () => {
    const api = manage(createKeyward({ store: memory({ losesDataOnExit: true }) }), { authorize: () => undefined })
    const routes = api.routes.map(({ method, path }) => `${method} ${path}`)
    expect(new Set(routes).size).toBe(routes.length)
    expect(new Set(Object.keys(MATRIX).map((line) => line.split('?')[0]))).toEqual(new Set(routes))
  })

  it.each(lines)('lets nobody in without a credential: %s', async (line, row) => {
    const desk = await stocked()
    await expectRefused(desk, line, row, undefined, 401, 'missing_authorization_header')
  })

  it.each(lines)('lets nobody in with a data key in the place of the admin token: %s', async (line, row) => {
    const desk = await stocked({ authorize: () => adminToken('correct-horse-battery') })
    await expectRefused(desk, line, row, desk.apiKey, 401, 'invalid_api_key')
  })

  it.each(lines)('gives a data key that is let in as an actor only what its scopes are for: %s', async (line, row) => {
    const desk = await stocked({ actors: { guest } })
    if (row.unscoped === 200) expect((await ask(desk, 'guest', line, row)).status).toBe(200)
    else await expectRefused(desk, line, row, 'guest', 403, 'forbidden')
  })

  it.each(lines)('demands a scope: %s', async (line, row) => {
    const desk = await stocked()
    if (row.unscoped === 200) expect((await ask(desk, 'nothing', line, row)).status).toBe(200)
    else await expectRefused(desk, line, row, 'nothing', row.unscoped, 'forbidden')
  })

  it.each(lines)("does not show or change another owner's keys: %s", async (line, row) => {
    const desk = await stocked()
    const before = await snapshot(desk.store)
    const { status, text } = await ask(desk, 'other', line, row)
    expect(status).toBe(row.foreign)
    expect(text).not.toContain(desk.id)
    expect(text).not.toContain('stocked key')
    expect(text).not.toContain('424242424242')
    expect(await snapshot(desk.store)).toEqual(before)
  })

  it.each(lines)('serves the owner, and who acts for every owner: %s', async (line, row) => {
    expect((await ask(await stocked(), 'acme', line, row)).status).toBe(row.own)
    expect((await ask(await stocked(), 'admin', line, row)).status).toBe(row.everyOwner ?? row.own)
  })
})

async function stocked(options: Parameters<typeof openDesk>[0] = {}) {
  const desk = await openDesk({
    keyward: { limits: { policies: { default: [{ limit: 100, windowSeconds: 60 }] } } },
    ...options,
  })
  const { id, apiKey } = await desk.keyward.keys.create({ name: 'stocked key', owner: 'acme', scopes: ['tasks:write'] })
  await desk.keyward.credits.topUp({ owner: 'acme' }, { amount: 424_242_424_242, reason: `for ${id}` })
  const alert = await openOne(alertsOf(desk.store), { keyId: id, reason: 'The alert of the stocked key.' })
  return { ...desk, id, apiKey, alertId: alert.id }
}

type Stocked = Desk & { readonly id: string; readonly alertId: string }

function ask(desk: Stocked, as: string | undefined, line: string, { body }: Row) {
  const [method = '', path = ''] = line.split(' ')
  const id = path.startsWith('/alerts/') ? desk.alertId : desk.id
  return desk.send(as, method, path.replace(':id', id).replace(':name', 'default').replace(':owner', 'acme'), body)
}

async function expectRefused(
  desk: Stocked,
  line: string,
  row: Row,
  as: string | undefined,
  status: number,
  code: string,
): Promise<void> {
  const before = await snapshot(desk.store)
  const answer = await ask(desk, as, line, row)
  expect(answer.status).toBe(status)
  expect(answer.body.error.code).toBe(code)
  expect(answer.headers.get('www-authenticate')?.startsWith('Bearer ') ?? false).toBe(status === 401)
  const { audit, ...state } = await snapshot(desk.store)
  expect({ ...state, audit: audit.slice(0, before.audit.length) }).toEqual(before)
  // A stranger leaves nothing behind; the refusal of an actor, one entry.
  const left = status === 401 ? [] : [{ action: 'manage.refused', requestId: answer.headers.get('x-request-id') }]
  expect(audit.slice(before.audit.length)).toMatchObject(left)
}

async function snapshot(store: KeyStore) {
  const keys = await store.list({ owner: undefined, beforeId: undefined, limit: 100, conditions: [] })
  const account = await store.ledger?.findAccount({ owner: 'acme', lineage: null })
  const alerts = await store.alerts?.listAlerts({ limit: 100 })
  return { keys, account, alerts, policies: await store.listPolicies(), audit: await store.listAudit('acme', 0, 100) }
}
