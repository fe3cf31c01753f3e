import express from 'express'
import { describe, expect, it } from 'vitest'
import { errorHandler, getIdentity, requireKey, sendError } from '../../adapters/express.ts'
import { ConfigError, defaultProfile, memory } from '../../src/index.ts'
import { createTestKeyward } from '../../src/testing/test-keyward.ts'
import { describeAdapter } from './contract.ts'
import { expressHarness } from './express-harness.ts'
import { listening } from './node-server.ts'

describeAdapter('Express 5', expressHarness(express))

describe('Express 5', () => {
  it('keeps the types that a path gives to its parameters', async () => {
    const { keyward, createKey } = createTestKeyward()
    const { apiKey } = await createKey()
    const app = express()
    app.get('/things/:id', requireKey(keyward), (request, response) => {
      const id: string = request.params.id
      response.json({ id })
    })
    await withServer(app, async (url) => {
      const response = await fetch(`${url}/things/7`, { headers: { authorization: `Bearer ${apiKey}` } })
      expect(await response.json()).toEqual({ id: '7' })
    })
  })

  it('keeps challenge, limits and Retry-After when a middleware behind it rewrites what is sent (29)', async () => {
    const { keyward, createKey } = createTestKeyward({
      limits: { policies: { default: [{ limit: 1, windowSeconds: 60 }] } },
    })
    const { apiKey } = await createKey()
    const app = express()
    app.use((_request, response, next) => {
      // As compression does: the head is written late, and the body's length is another one.
      const { writeHead } = response
      response.writeHead = function (this: typeof response, ...given: unknown[]) {
        this.removeHeader('Content-Length')
        this.setHeader('Content-Encoding', 'identity')
        return Reflect.apply(writeHead, this, given)
      } as typeof writeHead
      next()
    })
    app.use(requireKey(keyward), (_request, response) => void response.json({}))
    await withServer(app, async (url) => {
      const get = (key: string) => fetch(url, { headers: { authorization: `Bearer ${key}` } })
      expect((await get(apiKey)).headers.get('x-ratelimit-remaining')).toBe('0')
      const limited = await get(apiKey)
      expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '60'])
      expect((await get('x')).headers.get('www-authenticate')).toMatch(/^Bearer /)
    })
  })

  it('answers an error with its own body when the handler had described another one', async () => {
    const { keyward } = createTestKeyward()
    const app = express()
    app.get('/', (_request, response) => {
      response.setHeader('Content-Length', '100000')
      response.setHeader('Content-Encoding', 'gzip')
      throw new Error('secret-detail')
    })
    app.get('/p/:id', (_request, response) => void response.json({}))
    app.use(errorHandler(keyward))
    await withServer(app, async (url) => {
      const failed = await fetch(url)
      expect([failed.status, failed.headers.get('content-encoding')]).toEqual([500, null])
      expect((await failed.json()).error.request_id).toBe(failed.headers.get('x-request-id'))
      expect((await fetch(`${url}/p/%E0%A4%A`)).status).toBe(400)
    })
  })

  it('leaves a response that has begun to Express', async () => {
    const { keyward } = createTestKeyward()
    const app = express()
    app.get('/', (_request, response) => {
      response.write('begun')
      throw new Error('secret-detail')
    })
    app.use(errorHandler(keyward))
    await withServer(app, async (url) => {
      await expect(fetch(url).then((response) => response.text())).rejects.toThrow()
    })
  })

  it('does nothing more when somebody else has answered while the store was read', async () => {
    const { keyward } = createTestKeyward({
      store: { ...memory({ losesDataOnExit: true }), findByDigest: () => new Promise(() => {}) },
    })
    const app = express()
    app.use((_request, response, next) => {
      next()
      response.status(504).end('late')
    })
    app.use(requireKey(keyward), () => expect.unreachable())
    await withServer(app, async (url) => {
      const response = await fetch(url, { headers: { authorization: `Bearer ${defaultProfile.keyFormat.make()}` } })
      expect([response.status, await response.text()]).toEqual([504, 'late'])
      await keyward.close()
    })
  })

  it('says what is missing when it is asked who called, or for an answer, on an open route', () => {
    const request = { headers: {}, rawHeaders: [] }
    expect(() => getIdentity(request)).toThrow('getIdentity: no requireKey has admitted this request.')
    const response = { req: request } as unknown as Parameters<typeof sendError>[0]
    expect(() => sendError(response, 'not_found')).toThrow('neither requestId nor requireKey has seen this request')
  })

  it('checks the options of a route when it is declared', () => {
    const { keyward } = createTestKeyward()
    for (const scopes of [['a"b'], ['a\\b'], ['a b'], ['🔑']])
      expect(() => requireKey(keyward, { scopes })).toThrow(ConfigError)
  })

  it('treats the request anew where another keyward stands behind the first', async () => {
    const [first, second] = [createTestKeyward(), createTestKeyward()]
    const key = await first.createKey()
    const app = express()
    app.use(requireKey(first.keyward), requireKey(second.keyward), () => expect.unreachable())
    await withServer(app, async (url) => {
      const refused = await fetch(url, { headers: { authorization: `Bearer ${key.apiKey}` } })
      expect([refused.status, (await refused.json()).error.request_id]).toEqual([
        401,
        refused.headers.get('x-request-id'),
      ])
      expect(first.events.map(({ type }) => type)).toContain('admitted')
      expect(second.events.map(({ type }) => type)).toContain('denied')
    })
  })
})

async function withServer(app: express.Express, body: (url: string) => Promise<void>): Promise<void> {
  const server = await listening(app.listen(0, '127.0.0.1'))
  try {
    await body(`http://127.0.0.1:${server.port}`)
  } finally {
    await server.close()
  }
}
