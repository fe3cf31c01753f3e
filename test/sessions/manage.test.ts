import { createKeyward, memory } from 'keyward'
import { adminToken, manage } from 'keyward/manage'
import { sessions } from 'keyward/sessions'
import { describe, expect, it } from 'vitest'
import { exchange } from '../../src/testing/adapter/raw-http.ts'
import { openDesk } from '../manage/desk.ts'
import { mountNames, mounts } from '../manage/mounts.ts'
import { forge, hmac, SECRET, signingKeys, takeApart } from './session-kit.ts'

const signer = sessions({ issuer: 'https://api.test', audience: 'api.test', signingKeys: [signingKeys.HS256] })
const { routes } = manage(createKeyward({ store: memory({ losesDataOnExit: true }) }), { authorize: () => undefined })
const anybody = { id: 'anybody', owner: null, scopes: ['*'] }

/** A desk whose host lets in whoever comes, with a key and a token of it. */
async function gullible(mount = mounts.express) {
  const asked = { times: 0 }
  const desk = await openDesk({
    mount,
    keyward: { sessions: signer },
    authorize: () => () => {
      asked.times += 1
      return anybody
    },
  })
  const { id, apiKey } = await desk.keyward.keys.create({ name: 'kept', owner: 'acme', scopes: ['*'] })
  const { token } = await desk.keyward.sessions.mint({ keyId: id })
  const state = async () => ({
    keys: await desk.store.list({ owner: undefined, beforeId: undefined, limit: 100, conditions: [] }),
    policies: await desk.store.listPolicies(),
    audit: await desk.store.listAudit('acme', 0, 100),
  })
  return { ...desk, id, apiKey, token, state, asked }
}

describe('the management API', () => {
  it.each(routes)(
    '166, 260: refuses a session token with 403 whoever the host lets in: $method $path',
    async ({ method, path }) => {
      const { send, token, id, state, asked } = await gullible()
      const before = await state()
      const body = /POST|PUT|PATCH/.test(method) ? {} : undefined
      const answer = await send(token, method, path.replace(/:(id|keyId)/, id).replace(/:\w+/, 'default'), body)
      expect([answer.status, answer.body.error.code]).toEqual([403, 'forbidden'])
      expect(await state()).toEqual(before)
      expect(asked.times).toBe(0)
    },
  )

  it.each(mountNames)('refuses it on %s, for routes that are none, and other methods', async (name) => {
    const { send, token } = await gullible(mounts[name])
    for (const [method, path] of [
      ['GET', '/keys'],
      ['GET', '/nothing'],
      ['OPTIONS', '/keys'],
      ['POST', '/keys'],
    ] as const)
      expect((await send(token, method, path)).status, `${method} ${path}`).toBe(403)
    expect((await send('somebody else', 'GET', '/keys')).status).toBe(200)
  })

  it.each([
    ['in another scheme', (token: string) => [`Authorization: Token ${token}`]],
    ['without a scheme', (token: string) => [`Authorization: ${token}`]],
    ['behind another one', (token: string) => [`Authorization: Bearer admin, Bearer ${token}`]],
    ['in a second line', (token: string) => ['Authorization: Bearer admin', `Authorization: Bearer ${token}`]],
    ['in lower case', (token: string) => [`authorization: bearer   ${token}`]],
  ])('refuses it %s', async (_how, lines) => {
    for (const name of ['express', 'fastify', 'hono', 'fetch'] as const) {
      const { port, token, asked } = await gullible(mounts[name])
      const head = ['GET /manage/keys HTTP/1.1', 'Host: localhost', ...lines(token)].join('\r\n')
      const [response] = (await exchange(port, `${head}\r\n\r\n`, ['GET'])).responses
      expect([name, response?.status, asked.times]).toEqual([name, 403, 0])
    }
  })

  it('leaves a token that is not good to the host, as any other bearer', async () => {
    const desk = await openDesk({
      keyward: { sessions: signer },
      authorize: () => adminToken('correct-horse-battery'),
    })
    const { id } = await desk.keyward.keys.create({ name: 'kept', owner: 'acme' })
    const { token } = await desk.keyward.sessions.mint({ keyId: id })
    const { header, payload } = takeApart(token)
    const expired = forge(header, { ...payload, exp: Number(payload['iat']) - 1 }, hmac(SECRET))
    for (const bearer of [expired, `${token}x`, 'eyJ.eyJ.x'])
      expect((await desk.send(bearer, 'GET', '/keys')).body.error.code).toBe('invalid_api_key')
    expect((await desk.send(token, 'GET', '/keys')).body.error.code).toBe('forbidden')
    await desk.keyward.keys.revoke(id)
    expect((await desk.send(token, 'GET', '/keys')).body.error.code).toBe('forbidden')
    expect((await desk.send('correct-horse-battery', 'GET', '/keys')).status).toBe(200)
  })

  it('takes none where it is asked whether a key is good', async () => {
    const { send, token } = await gullible()
    const answer = await send('admin', 'POST', '/verify', { apiKey: token })
    expect([answer.status, answer.body.valid]).toEqual([200, false])
    expect((await send('admin', 'POST', '/verify', { apiKey: token, accept: ['session'] })).status).toBe(422)
  })
})
