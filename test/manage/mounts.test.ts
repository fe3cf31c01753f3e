import { createServer } from 'node:http'
import { connect } from 'node:net'
import { getRequestListener, type HttpBindings } from '@hono/node-server'
import express from 'express'
import fastify from 'fastify'
import { Hono } from 'hono'
import { createKeyward, memory } from 'keyward'
import { requestId as expressRequestId } from 'keyward/express'
import { requestId as fastifyRequestId } from 'keyward/fastify'
import { requestId as honoRequestId } from 'keyward/hono'
import { manage } from 'keyward/manage'
import { describe, expect, it } from 'vitest'
import { type Desk, openDesk } from './desk.ts'
import { listen, type Mount, mountNames, mounts } from './mounts.ts'

const NEW_KEY = { name: 'a key', owner: 'acme' }

describe.each(mountNames)('the management API on %s', (name) => {
  const open = (options: Parameters<typeof openDesk>[0] = {}) => openDesk({ mount: mounts[name], ...options })

  it('issues a key at 201 with Location, entity tag and request id, for no cache to keep', async () => {
    const { send } = await open()
    const { status, headers, body } = await send('admin', 'POST', '/keys', NEW_KEY)
    expect(status).toBe(201)
    expect(headers.get('location')).toBe(`/manage/keys/${body.id}`)
    expect(headers.get('etag')).toBe('"1"')
    expect(headers.get('cache-control')).toBe('no-store')
    expect(headers.get('content-type')).toBe('application/json; charset=utf-8')
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('x-request-id')).toMatch(/^req_[0-9a-f-]{36}$/)
    expect((await send('admin', 'GET', `/keys/${body.id}`)).body).toMatchObject({ owner: 'acme', createdBy: 'admin' })
  })

  it('answers errors in the envelope of the profile, with the id of the header', async () => {
    const { send } = await open()
    const { status, headers, body } = await send('admin', 'GET', '/keys/key_unknown')
    expect(status).toBe(404)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(body).toEqual({
      error: {
        type: 'invalid_request_error',
        code: 'not_found',
        message: 'Not found.',
        request_id: headers.get('x-request-id'),
      },
    })
  })

  it('answers in problem details where they are asked for', async () => {
    const { send } = await open()
    const answer = await send('admin', 'POST', '/keys', {}, { accept: 'application/problem+json' })
    expect(answer.status).toBe(422)
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect(answer.body).toMatchObject({ status: 422, code: 'validation_failed', errors: [{ pointer: '#/name' }] })
  })

  it('answers HEAD like GET, without a body', async () => {
    const { send } = await open()
    const { body } = await send('admin', 'POST', '/keys', NEW_KEY)
    expect(await send('admin', 'HEAD', `/keys/${body.id}`)).toMatchObject({ status: 200, text: '' })
    expect(await send(undefined, 'HEAD', '/keys')).toMatchObject({ status: 401, text: '' })
  })

  it('tells who has no credential from who has a bad one, whatever is asked for', async () => {
    const { send } = await open()
    for (const path of ['/keys', '/nowhere', '/openapi.json', '/', '']) {
      expect((await send(undefined, 'GET', path)).body.error.code).toBe('missing_authorization_header')
      const refused = await send('nobody', 'GET', path)
      expect(refused.status).toBe(401)
      expect(refused.body.error.code).toBe('invalid_api_key')
      expect(refused.headers.get('www-authenticate')).toBe('Bearer realm="api", error="invalid_token"')
    }
  })

  it('has 404 for unknown paths, and 405 with the methods that there are', async () => {
    const { send } = await open()
    for (const path of ['/nowhere', '/', '', '/keys/', '/KEYS', '/keys/a/b/c', '/keys/..%2fpolicies'])
      expect((await send('admin', 'GET', path)).status, path).toBe(404)
    const refused = await send('admin', 'PUT', '/keys', {})
    expect(refused.status).toBe(405)
    expect(refused.headers.get('allow')).toBe('POST, GET, HEAD')
    expect((await send('admin', 'OPTIONS', '/policies/default')).headers.get('allow')).toBe('GET, PUT, HEAD')
  })

  it('refuses TRACE, which fetch has no requests for (row 179)', async () => {
    const { port } = await open()
    const head = (as: string) => `TRACE /manage/keys HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${as}\r\n\r\n`
    expect(await converse(port, head('nobody'))).toMatch(/^HTTP\/1\.1 401 /)
    expect(await converse(port, head('admin'))).toMatch(/^HTTP\/1\.1 405 /)
  })

  it('ignores what wants to override the method (row 179)', async () => {
    const { send } = await open()
    const { body } = await send('admin', 'POST', '/keys', NEW_KEY)
    const override = { 'x-http-method-override': 'DELETE', 'x-method-override': 'DELETE' }
    expect((await send('admin', 'GET', `/keys/${body.id}?`, undefined, override)).body.state).toBe('active')
    expect((await send('admin', 'POST', `/keys/${body.id}`, {}, override)).status).toBe(405)
  })

  it('takes JSON and nothing else (row 178)', async () => {
    const { send, keyward } = await open()
    const text = JSON.stringify(NEW_KEY)
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/json; charset=latin1',
      'application/jsonp',
      'nonsense',
      'application/json, text/plain',
    ]) {
      const refused = await send('admin', 'POST', '/keys', text, { 'content-type': type })
      expect(refused.status, type).toBe(415)
      expect(refused.body.error.code).toBe('unsupported_media_type')
      expect((await send(undefined, 'POST', '/keys', text, { 'content-type': type })).status).toBe(401)
    }
    expect((await keyward.keys.list()).items).toEqual([])
    const type = 'Application/JSON; charset="UTF-8"'
    expect((await send('admin', 'POST', '/keys', text, { 'content-type': type })).status).toBe(201)
  })

  it('refuses a body without a content type, and takes no body for one without fields', async () => {
    const { send, port } = await open()
    const { body } = await send('admin', 'POST', '/keys', NEW_KEY)
    const head = 'POST /manage/keys HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin\r\n'
    expect(await converse(port, `${head}Content-Length: 2\r\n\r\n{}`)).toMatch(/^HTTP\/1\.1 415 /)
    expect(await converse(port, `${head}\r\n`)).toMatch(/^HTTP\/1\.1 422 /)
    expect((await send('admin', 'POST', `/keys/${body.id}/rotate`)).status).toBe(201)
  })

  it('refuses a byte order mark, bytes that are no UTF-8, and what is no JSON (row 178)', async () => {
    const { send } = await open()
    const bytes = (...parts: (string | number[])[]) =>
      new Uint8Array(parts.flatMap((part) => (typeof part === 'string' ? [...new TextEncoder().encode(part)] : part)))
    for (const body of [
      bytes([0xef, 0xbb, 0xbf], JSON.stringify(NEW_KEY)),
      bytes('{"owner":"acme","name":"', [0xff, 0xfe], '"}'),
      '{"owner":"acme","name":"a"',
      '{owner:1}',
      `${'['.repeat(30_000)}${']'.repeat(30_000)}`,
      `{"owner":"acme","name":"a","metadata":${'{"a":'.repeat(1_000)}1${'}'.repeat(1_000)}}`,
    ]) {
      const refused = await send('admin', 'POST', '/keys', body)
      expect(refused.status).toBe(400)
      expect(refused.body.error.code).toBe('bad_request')
    }
  })

  it('counts the bytes of a body while they come, and answers at 64 kB (row 174)', async () => {
    const { send, port } = await open()
    expect((await send('admin', 'POST', '/keys', `"${'a'.repeat(65_534)}"`)).status).toBe(422)
    expect((await send('admin', 'POST', '/keys', `"${'a'.repeat(65_535)}"`)).status).toBe(413)
    const head =
      'POST /manage/keys HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer admin\r\nContent-Type: application/json\r\n'
    const unended = `${head}Transfer-Encoding: chunked\r\n\r\n${(70_000).toString(16)}\r\n${' '.repeat(70_000)}\r\n`
    expect(await converse(port, unended)).toMatch(/^HTTP\/1\.1 413 /)
  })

  it('reads no body of a request that nobody may send', async () => {
    const { port } = await open()
    const head =
      'POST /manage/keys HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n'
    expect(await converse(port, head)).toMatch(/^HTTP\/1\.1 401 /)
  })

  it('takes the last of two members with one name, for checks and storage alike (row 178)', async () => {
    const { send } = await open({
      actors: { reader: { id: 'r', owner: 'acme', scopes: ['keyward:keys:write', 'read'] } },
    })
    const body = '{"name":"a","scopes":["read"],"scopes":["admin"]}'
    expect((await send('reader', 'POST', '/keys', body)).status).toBe(403)
    const turned = '{"name":"a","scopes":["admin"],"scopes":["read"]}'
    expect((await send('reader', 'POST', '/keys', turned)).body.scopes).toEqual(['read'])
  })

  it('finds two Authorization lines, whichever the framework would take', async () => {
    const { port } = await open({
      authorize: () => (request) => ({ id: String(request.headers.get('authorization')), owner: null, scopes: ['*'] }),
    })
    const lines = 'Authorization: Bearer one\r\nAuthorization: Bearer two\r\n'
    const answer = await converse(
      port,
      `POST /manage/keys HTTP/1.1\r\nHost: x\r\n${lines}Content-Type: application/json\r\nContent-Length: 27\r\n\r\n{"owner":"acme","name":"a"}`,
    )
    expect(answer).toContain('"createdBy":"Bearer one, Bearer two"')
  })

  it('gives authorize the request with its whole URL, and what the framework has of it', async () => {
    const seen: { url: string; method: string; hasBody: boolean; native: unknown }[] = []
    const { send, port } = await open({
      authorize: () => (request, native) => {
        seen.push({ url: request.url, method: request.method, hasBody: request.body !== null, native })
        return { id: 'somebody', owner: null, scopes: ['*'] }
      },
    })
    await send('x', 'POST', '/keys?a=1', NEW_KEY)
    const [visit] = seen
    expect(visit).toMatchObject({ url: `http://127.0.0.1:${port}/manage/keys?a=1`, method: 'POST', hasBody: false })
    expect(visit?.native).toMatchObject(
      {
        express: { baseUrl: '/manage' },
        'express 4': { baseUrl: '/manage' },
        fastify: { raw: {} },
        hono: { req: {} },
        fetch: { remoteAddr: {} },
      }[name],
    )
  })

  it('writes actor, address and request id into the audit entry (row 249)', async () => {
    const { send, store } = await open()
    const { headers } = await send('acme', 'POST', '/keys', { name: 'a' })
    expect(await store.listAudit('acme', 0, 10)).toMatchObject([
      { action: 'key.created', actor: 'acme-admin', address: '127.0.0.1', requestId: headers.get('x-request-id') },
    ])
  })
})

describe('where the mount itself reads the URL', () => {
  it.each(['express', 'express 4', 'fastify'] as const)('survives a Host that is none, on %s', async (name) => {
    const { port } = await openDesk({ mount: mounts[name] })
    for (const host of ['a b', '[', 'evil@host', 'x:99999'])
      expect(
        await converse(port, `GET /manage/policies HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer admin\r\n\r\n`),
      ).toMatch(/^HTTP\/1\.1 200 /)
  })
})

describe('beside what a host has mounted', () => {
  it('takes what express.json() has read, by the host’s rules and then its own', async () => {
    const behind: Mount = (api) => listen(createServer(express().use(express.json()).use('/manage', api.express())))
    const { send } = await openDesk({ mount: behind })
    expect((await send('admin', 'POST', '/keys', NEW_KEY)).status).toBe(201)
    expect((await send('admin', 'POST', '/keys', { ...NEW_KEY, credits: 1 })).status).toBe(422)
    expect((await send('admin', 'POST', '/keys', { name: 'a'.repeat(70_000) })).status).toBe(413)
    expect((await send('admin', 'POST', '/keys', 'name=a', { 'content-type': 'text/plain' })).status).toBe(415)
    const deep = `{"metadata":${'['.repeat(40_000)}${']'.repeat(40_000)}}`
    expect((await send('admin', 'POST', '/keys', deep)).status).toBe(413)
  })

  it('takes what express.raw() and express.text() have read', async () => {
    for (const parser of [express.raw({ type: '*/*' }), express.text({ type: '*/*' })]) {
      const behind: Mount = (api) => listen(createServer(express().use(parser).use('/manage', api.express())))
      const { send } = await openDesk({ mount: behind })
      expect((await send('admin', 'POST', '/keys', NEW_KEY)).status).toBe(201)
    }
  })

  it('takes what a middleware of Hono has read', async () => {
    const behind: Mount = (api) => {
      const app = new Hono()
      app.use(async (c, next) => {
        await c.req.text()
        await next()
      })
      return listen(createServer(getRequestListener(app.route('/manage', api.hono()).fetch)))
    }
    const { send } = await openDesk({ mount: behind })
    expect((await send('admin', 'POST', '/keys', NEW_KEY)).status).toBe(201)
  })

  it('leaves the parsers and errors of a Fastify host as they are', async () => {
    const mount: Mount = async (api) => {
      const app = fastify()
      app.register(api.fastify, { prefix: '/manage' })
      app.post('/manage-not', (request) => ({ got: request.body }))
      await app.ready()
      return listen(app.server, () => app.close())
    }
    const { send, url } = await openDesk({ mount })
    expect((await send('admin', 'POST', '/keys', NEW_KEY)).status).toBe(201)
    const headers = { 'content-type': 'application/json' }
    const other = await fetch(`${url}-not`, { method: 'POST', headers, body: '{"a":1}' })
    expect(await other.json()).toEqual({ got: { a: 1 } })
    expect((await fetch(`${url}-not`, { method: 'POST', headers: { 'content-type': 'x' }, body: 'x' })).status).toBe(
      415,
    )
  })

  it('is kept shut by a hook of the Fastify host', async () => {
    const mount: Mount = async (api) => {
      const app = fastify()
      app.addHook('onRequest', async () => {
        throw Object.assign(new Error('not today'), { statusCode: 403, code: 'HOST_SAYS_NO' })
      })
      app.register(api.fastify, { prefix: '/manage' })
      await app.ready()
      return listen(app.server, () => app.close())
    }
    const { send } = await openDesk({ mount })
    expect(await send('admin', 'GET', '/keys')).toMatchObject({ status: 403, body: { message: 'not today' } })
  })

  it.each([
    [
      'express',
      (desk: Desk, see: (id: unknown) => void) => {
        const app = express().use(expressRequestId(desk.keyward))
        app.use((_request, response, next) => {
          see(response.getHeader('x-request-id'))
          next()
        })
        return listen(createServer(app.use('/manage', desk.api.express())))
      },
    ],
    [
      'fastify',
      async (desk: Desk, see: (id: unknown) => void) => {
        const app = fastify()
        app.addHook('onRequest', fastifyRequestId(desk.keyward))
        app.addHook('onRequest', async (_request, reply) => see(reply.getHeader('x-request-id')))
        app.register(desk.api.fastify, { prefix: '/manage' })
        await app.ready()
        return listen(app.server, () => app.close())
      },
    ],
    [
      'hono',
      (desk: Desk, see: (id: unknown) => void) => {
        const app = new Hono<{ Bindings: HttpBindings }>().use(honoRequestId(desk.keyward))
        app.use(async (c, next) => {
          see(c.env.outgoing.getHeader('x-request-id'))
          await next()
        })
        return listen(createServer(getRequestListener(app.route('/manage', desk.api.hono()).fetch)))
      },
    ],
  ])('shares the request id with the host on %s (row 255)', async (_name, mount) => {
    const desk = await openDesk()
    const seen: unknown[] = []
    const { url, close } = await mount(desk, (id) => seen.push(id))
    const response = await fetch(`${url}/keys`)
    const body = await response.json()
    await close()
    expect(seen).toEqual([expect.stringMatching(/^req_[0-9a-f-]{36}$/)])
    expect([body.error.request_id]).toEqual(seen)
    expect([response.headers.get('x-request-id')]).toEqual(seen)
  })

  it('finds its way at any path: mounted deeper, and under a parameter', async () => {
    const keyward = createKeyward({ store: memory({ losesDataOnExit: true }) })
    const api = manage(keyward, {
      authorize: () => ({ id: 'a', owner: null, scopes: ['*'] }),
      basePath: '/v1/keys-admin',
    })
    const app = fastify()
    app.register(api.fastify, { prefix: '/t/:tenant/manage' })
    await app.ready()
    const deep = await listen(app.server, () => app.close())
    const hono = new Hono().route('/t/:tenant/manage', api.hono())
    const router = express.Router().use('/manage', api.express())
    const onExpress = await listen(createServer(express().use('/t/:tenant', router)))
    const init = () => ({
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(NEW_KEY),
    })
    const locations = [
      await fetch(`http://127.0.0.1:${deep.port}/t/acme/manage/keys`, init()),
      await fetch(`http://127.0.0.1:${onExpress.port}/t/acme/manage/keys`, init()),
      await hono.request('/t/acme/manage/keys', init()),
      await api.fetch(new Request('http://x/v1/keys-admin/keys', init())),
    ].map((response) => response.headers.get('location')?.replace(/key_.*/, ''))
    expect(locations).toEqual([...Array(3).fill('/t/acme/manage/keys/'), '/v1/keys-admin/keys/'])
    expect((await api.fetch(new Request('http://x/keys', init()))).status).toBe(404)
    expect((await api.fetch(new Request('http://x/v1/keys-administration/keys', init()))).status).toBe(404)
    await Promise.all([deep.close(), onExpress.close()])
    await keyward.close()
  })
})

/** Sends bytes over a socket and reads what comes back. */
function converse(port: number, bytes: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1', () => socket.write(bytes))
    let heard = ''
    socket.setEncoding('utf8')
    socket.on('data', (part) => {
      heard += part
      if (/\r\n\r\n[\s\S]*[}\]]\s*$/.test(heard)) socket.destroy()
    })
    socket.on('close', () => resolve(heard))
    socket.on('error', reject)
  })
}
