import { describe, expect, it } from 'vitest'
import { openDesk } from './desk.ts'

const WINDOWS = [{ limit: 5, windowSeconds: 60 }]
const open = () => openDesk({ keyward: { limits: { policies: { default: WINDOWS } } } })

describe('the policies of the management API', () => {
  it('are shown by name, those of the code at version 0', async () => {
    const { send } = await open()
    const shown = { name: 'default', windows: [{ ...WINDOWS[0], per: 'key' }], version: 0, updatedAt: null }
    expect((await send('acme', 'GET', '/policies')).body).toEqual({ items: [shown] })
    const one = await send('acme', 'GET', '/policies/default')
    expect(one.body).toEqual(shown)
    expect(one.headers.get('etag')).toBe('"0"')
    for (const name of ['unknown', '%00', 'a b', '__proto__', 'x'.repeat(5_000)])
      expect((await send('acme', 'GET', `/policies/${name}`)).status, name).toBe(404)
  })

  it('are stored whole, and judge the keys that name them from then on', async () => {
    const { send, keyward } = await open()
    const { apiKey } = (await send('admin', 'POST', '/keys', { name: 'a', owner: 'acme' })).body
    const windows = [
      { limit: 1, windowSeconds: 3_600 },
      { limit: 9, windowSeconds: 86_400, per: 'owner' },
    ]
    const stored = await send('admin', 'PUT', '/policies/default', { windows })
    expect(stored.status).toBe(200)
    expect(stored.body).toMatchObject({
      windows: [{ ...windows[0], per: 'key' }, windows[1]],
      version: 1,
      updatedAt: expect.stringMatching(/Z$/),
    })
    const ask = async () => keyward.authenticate({ authorization: `Bearer ${apiKey}` })
    expect((await ask()).denied).toBe(false)
    expect(await ask()).toMatchObject({ denied: true, code: 'rate_limit_exceeded' })
    expect((await send('admin', 'PUT', '/policies/fresh', { windows: WINDOWS })).body.version).toBe(1)
  })

  it('are stored under the version that If-Match names', async () => {
    const { send } = await open()
    const put = async (tag: string) =>
      (await send('admin', 'PUT', '/policies/default', { windows: WINDOWS }, { 'if-match': tag })).status
    expect(await put('"1"')).toBe(412)
    expect(await put('"0"')).toBe(200)
    expect(await put('"0"')).toBe(412)
    expect(await put('*')).toBe(200)
    expect(await put('0')).toBe(400)
  })

  it('are edited only by who acts for every owner, and leave an audit entry', async () => {
    const { send, store } = await open()
    const refused = await send('acme', 'PUT', '/policies/default', { windows: WINDOWS })
    expect(refused.status).toBe(403)
    expect(refused.body.error.code).toBe('forbidden')
    expect(await store.listPolicies()).toEqual([])
    const { headers } = await send('admin', 'PUT', '/policies/default', { windows: WINDOWS })
    expect(await store.listAudit('', 0, 10)).toMatchObject([
      { action: 'policy.set', actor: 'admin', address: '127.0.0.1', requestId: headers.get('x-request-id') },
    ])
  })

  it('are refused by field when they break a rule', async () => {
    const { send } = await open()
    const refused = async (body: unknown, name = 'default') => {
      const answer = await send('admin', 'PUT', `/policies/${name}`, body)
      expect(answer.status).toBe(422)
      return answer.body.error.issues.map((issue: { path: (string | number)[] }) => issue.path.join('.'))
    }
    expect(await refused({})).toEqual(['windows'])
    expect(await refused({ windows: [] })).toEqual(['windows'])
    expect(await refused({ windows: Array(9).fill(WINDOWS[0]) })).toEqual(['windows'])
    expect(await refused({ windows: [{ limit: -1, windowSeconds: 0 }] })).toEqual([
      'windows.0.limit',
      'windows.0.windowSeconds',
    ])
    expect(await refused({ windows: [{ ...WINDOWS[0], burst: 1 }] })).toEqual(['windows.0.burst'])
    expect(await refused({ windows: WINDOWS, name: 'other' })).toEqual(['name'])
    expect(await refused({ windows: WINDOWS }, 'Not-A-Name')).toEqual(['name'])
  })
})
