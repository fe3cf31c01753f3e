import { createClient } from 'keyward/client'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { API_KEY, callerOf } from './caller.ts'
import { serveSteps } from './scripted-server.ts'

const fine = { json: { fine: true } }

describe('a client presents', () => {
  afterEach(() => vi.unstubAllEnvs())

  it('the key that it was given, whatever the call says', async () => {
    const { url, received } = await serveSteps(fine)
    await callerOf(url).fetch('/', { headers: { authorization: 'Bearer other' } })
    expect(received[0]?.headers.authorization).toBe(`Bearer ${API_KEY}`)
  })

  it('the key of the environment, read when the client is made', async () => {
    const { url, received } = await serveSteps(fine, fine)
    vi.stubEnv('API_KEY', 'sk_default')
    vi.stubEnv('PIPEVIDEO_API_KEY', 'sk_named')
    const clients = [
      createClient({ baseUrl: url }),
      createClient({ baseUrl: url, apiKeyVariable: 'PIPEVIDEO_API_KEY' }),
    ]
    vi.unstubAllEnvs()
    for (const client of clients) await client.fetch('/')
    expect(received.map(({ headers }) => headers.authorization)).toEqual(['Bearer sk_default', 'Bearer sk_named'])
  })

  it('the names of its app, in any script, unless the call has its own', async () => {
    const { url, received } = await serveSteps(fine, fine)
    const app = { name: 'storyboard', title: 'Märchen 🎬', url: 'https://storyboard.example/märchen' }
    const client = callerOf(url, { app })
    await client.fetch('/')
    await client.fetch('/', { headers: { 'x-title': 'Mine' } })
    const read = (name: string) =>
      received.map(({ headers }) => Buffer.from(String(headers[name]), 'latin1').toString())
    expect(read('x-application-name')).toEqual(['storyboard', 'storyboard'])
    expect(read('x-title')).toEqual(['Märchen 🎬', 'Mine'])
    expect(read('http-referer')).toEqual(['https://storyboard.example/märchen', 'https://storyboard.example/märchen'])
  })

  it('no names and no idempotency key where there is no need', async () => {
    const { url, received } = await serveSteps(fine, fine, fine)
    for (const method of ['GET', 'PUT', 'DELETE']) await callerOf(url).fetch('/', { method })
    const names = ['x-application-name', 'x-title', 'http-referer', 'idempotency-key']
    for (const { headers } of received) expect(names.filter((name) => name in headers)).toEqual([])
  })

  it('one idempotency key for each call, the same for its retries', async () => {
    const { url, received } = await serveSteps({ status: 503 }, { status: 503 }, fine, fine)
    const client = callerOf(url)
    await client.json('POST', '/', {})
    await client.json('PATCH', '/', {})
    const [first, second, third, other] = received.map(({ headers }) => headers['idempotency-key'])
    expect(first).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
    expect([second, third]).toEqual([first, first])
    expect(other).not.toBe(first)
  })

  it('an idempotency key of the caller, as an option or as a header', async () => {
    const { url, received } = await serveSteps(fine, fine, { status: 503 }, fine)
    const client = callerOf(url, { idempotencyKeys: false })
    await client.fetch('/', { method: 'PUT', idempotencyKey: 'order-1' })
    await client.fetch('/', { method: 'POST', headers: { 'Idempotency-Key': 'order-2' } })
    await client.fetch('/', { method: 'POST', idempotencyKey: 'order-3' })
    const keys = received.map(({ headers }) => headers['idempotency-key'])
    expect(keys).toEqual(['order-1', 'order-2', 'order-3', 'order-3'])
  })

  it('a form byte by byte as it was, when it is sent again', async () => {
    const { url, received } = await serveSteps({ status: 503 }, fine)
    const body = new FormData()
    body.set('file', new Blob(['frames']), 'clip.txt')
    await callerOf(url).fetch('/', { method: 'POST', body })
    expect(received[0]?.headers['content-type']).toMatch(/^multipart\/form-data; boundary=/)
    expect(received[0]?.body).toContain('frames')
    expect(received[1]).toMatchObject({
      body: received[0]?.body,
      headers: { 'content-type': received[0]?.headers['content-type'] },
    })
  })

  it.each([
    ['a text', () => 'same'],
    ['bytes', () => new TextEncoder().encode('same')],
    ['a buffer', () => new TextEncoder().encode('same').buffer],
    ['a blob', () => new Blob(['same'])],
    ['fields', () => new URLSearchParams({ same: '' })],
  ])('%s again', async (_, make) => {
    const { url, received } = await serveSteps({ status: 503 }, fine)
    await callerOf(url).fetch('/', { method: 'POST', body: make() })
    expect(received.map(({ body }) => body.replace('=', ''))).toEqual(['same', 'same'])
  })
})

describe('json()', () => {
  it('sends and reads JSON, and nothing where there is nothing', async () => {
    const { url, received } = await serveSteps(fine, { status: 204 }, fine)
    const client = callerOf(url)
    expect(await client.json<{ fine: boolean }>('POST', '/a', { b: [1] })).toEqual({ fine: true })
    expect(await client.json('DELETE', '/a')).toBeUndefined()
    await client.json('PATCH', '/a', {}, { headers: { 'Content-Type': 'application/merge-patch+json' } })
    const [post, remove, patch] = received
    expect(post).toMatchObject({
      method: 'POST',
      path: '/a',
      body: '{"b":[1]}',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
    })
    expect([remove?.body, remove?.headers['content-type']]).toEqual(['', undefined])
    expect(patch?.headers['content-type']).toBe('application/merge-patch+json')
  })
})

describe('a path', () => {
  const paths = [
    ['', '/', '/'],
    ['', 'tasks?state=done', '/tasks?state=done'],
    ['/v1', '/tasks', '/v1/tasks'],
    ['/v1/', 'tasks', '/v1/tasks'],
    ['/v1', '', '/v1/'],
    ['/v1', 'a/../b', '/v1/b'],
    ['', '//elsewhere.example/', '//elsewhere.example/'],
    ['', 'a b/ü', '/a%20b/%C3%BC'],
  ] as const

  it.each(paths)('behind "%s": "%s" leads to %s', async (base, path, expected) => {
    const { url, received } = await serveSteps(fine)
    await callerOf(url + base).fetch(path)
    expect(received.map((request) => request.path)).toEqual([expected])
  })

  it('may be a whole address below the base, such as a link to the next page', async () => {
    const { url, received } = await serveSteps(fine, fine)
    await callerOf(`${url}/v1`).fetch(`${url}/v1/tasks?cursor=2`)
    await callerOf(`${url}/v1`).fetch(new URL(`${url}/v1/tasks?cursor=3`))
    expect(received.map((request) => request.path)).toEqual(['/v1/tasks?cursor=2', '/v1/tasks?cursor=3'])
  })

  it.each([
    'https://elsewhere.example/v1/',
    'http:elsewhere.example/v1/',
    'http://127.0.0.1:1/v1/',
    '../admin',
    'tasks/../../admin',
    '%2e%2e/admin',
    '..\\admin',
    'SELF/admin',
    'USER/v1/tasks',
  ])('that leads out of the base is not sent: %s', async (path) => {
    const { url, received } = await serveSteps(fine)
    const address = path.replace('SELF', url).replace('USER', url.replace('//', '//name:password@'))
    await expect(callerOf(`${url}/v1`).fetch(address)).rejects.toThrow(
      new TypeError('path: must lead to an address below baseUrl'),
    )
    expect(received).toEqual([])
  })
})

describe('a call that cannot be one', () => {
  it.each([
    ['method', { method: 'CONNECT' }],
    ['body', { body: 'of a GET' }],
    ['idempotencyKey', { method: 'POST', idempotencyKey: '' }],
    ['idempotencyKey', { method: 'POST', idempotencyKey: 'ü' }],
    ['timeoutSeconds', { timeoutSeconds: 0 }],
  ])('is told so by %s, and not sent', async (option, request) => {
    const { url, received } = await serveSteps(fine)
    await expect(callerOf(url).fetch('/', request)).rejects.toThrow(new RegExp(`^${option}: `))
    expect(received).toEqual([])
  })
})
