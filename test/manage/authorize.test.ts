import { ConfigError, createKeyward, memory, StoreUnavailableError } from 'keyward'
import { adminToken, type ManageOptions, manage } from 'keyward/manage'
import { describe, expect, it } from 'vitest'
import { openDesk } from './desk.ts'

const keyward = () => createKeyward({ store: memory({ losesDataOnExit: true }) })
const TOKEN = 'correct-horse-battery'

describe('mounting the management API', () => {
  it('needs to be told who may use it (row 188)', () => {
    for (const options of [undefined, {}, { authorize: undefined }, { authorize: TOKEN }, { authorize: null }])
      expect(() => manage(keyward(), options as unknown as ManageOptions)).toThrow(
        new ConfigError('manage.authorize: must be a function that says who sends a request, such as adminToken(…)'),
      )
  })

  it('refuses a base path that is none', () => {
    for (const basePath of ['manage', '/manage/', '/', 'http://x', '/a b'])
      expect(() => manage(keyward(), { authorize: adminToken(TOKEN), basePath })).toThrow(ConfigError)
    expect(() => manage(keyward(), { authorize: adminToken(TOKEN), basePath: '' })).not.toThrow()
  })
})

describe('the admin token', () => {
  it('lets in who sends it, as an actor of every owner', async () => {
    const { send } = await openDesk({ authorize: () => adminToken(TOKEN) })
    const { status, body } = await send(TOKEN, 'POST', '/keys', { name: 'a', owner: 'acme' })
    expect(status).toBe(201)
    expect(body.createdBy).toBe('admin')
  })

  it('lets nobody else in', async () => {
    const { send } = await openDesk({ authorize: () => adminToken(TOKEN) })
    for (const authorization of [
      'Bearer',
      'Bearer ',
      `Bearer ${TOKEN.slice(1)}`,
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN.toUpperCase()}`,
      `Bearer ${TOKEN} ${TOKEN}`,
      `Bearer ${TOKEN}, Bearer ${TOKEN}`,
      `Basic ${TOKEN}`,
      TOKEN,
    ]) {
      const refused = await send(undefined, 'GET', '/keys', undefined, { authorization })
      expect(refused.status, authorization).toBe(401)
      expect(refused.body.error.code).toBe('invalid_api_key')
      expect(refused.text).not.toContain(TOKEN)
    }
    for (const place of ['?token=', '?access_token=', '?api_key='])
      expect((await send(undefined, 'GET', `/keys${place}${TOKEN}`)).status).toBe(401)
    const header = { 'x-api-key': TOKEN, cookie: `token=${TOKEN}` }
    expect((await send(undefined, 'GET', '/keys', undefined, header)).status).toBe(401)
  })

  it('must be long enough, and such as can be sent; the error does not hold it', () => {
    for (const token of [
      '',
      'fifteen-chars-x',
      'with a space in it',
      'with,a,comma,in,it',
      'with-é-in-the-token',
      'x'.repeat(513),
    ])
      expect(() => adminToken(token)).toThrow(ConfigError)
    for (const token of [undefined, null, 1234567890123456, ['a'.repeat(20)]])
      expect(() => adminToken(token as unknown as string)).toThrow(ConfigError)
    expect(() => adminToken('a space in a secret')).not.toThrow(/secret/)
    expect(() => adminToken('sixteen-chars-xx')).not.toThrow()
  })
})

describe('an authorize of the host’s own', () => {
  it('lets nobody in when it fails, or says nothing that makes sense', async () => {
    const answers: [ManageOptions['authorize'], number][] = [
      [() => Promise.reject(new StoreUnavailableError('postgres://user:secret@db')), 503],
      [() => Promise.reject(new Error('select * from sessions')), 500],
      [
        () => {
          throw 'a string'
        },
        500,
      ],
      [() => true as never, 500],
      [() => null as never, 500],
      [() => ({ id: 'a', scopes: ['*'] }) as never, 500],
      [() => ({ id: '', owner: null, scopes: ['*'] }), 500],
      [() => ({ id: 'a', owner: '', scopes: ['*'] }), 500],
      [() => ({ id: 'a', owner: null, scopes: '*' }) as never, 500],
      [() => undefined, 401],
    ]
    for (const [authorize, status] of answers) {
      const { send, keyward } = await openDesk({ authorize: () => authorize })
      const refused = await send('x', 'POST', '/keys', { name: 'a', owner: 'acme' })
      expect(refused.status).toBe(status)
      expect(refused.text).not.toMatch(/secret|select|string/)
      expect((await keyward.keys.list()).items).toEqual([])
    }
  })

  it('is asked for every request, so that who is removed is out with the next (row 183)', async () => {
    let isMember = true
    const { send } = await openDesk({
      authorize: () => async () => (isMember ? { id: 'member', owner: 'acme', scopes: ['*'] } : undefined),
    })
    expect((await send('x', 'GET', '/keys')).status).toBe(200)
    isMember = false
    expect((await send('x', 'GET', '/keys')).status).toBe(401)
  })
})
