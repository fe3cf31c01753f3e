import { inspect } from 'node:util'
import type { ApiError, Runtime } from 'keyward/client'
import { describe, expect, it } from 'vitest'
import { API_KEY, callerOf, failureOf } from './caller.ts'
import { serveSteps } from './scripted-server.ts'
import { createTestRuntime } from './test-runtime.ts'

/** Everything that somebody may come to print of an error. */
function printed(error: ApiError): string {
  const all = [String(error), error.stack, JSON.stringify(error), JSON.stringify(error.body), String(error.body)]
  return [...all, inspect(error, { depth: 20, showHidden: true, getters: true })].join('\n')
}

const once = { retry: { maxRetries: 0 } }

describe('the API key', () => {
  it('cannot be read from a client', async () => {
    const client = callerOf('http://127.0.0.1:1')
    expect(inspect(client, { depth: 20, showHidden: true }) + JSON.stringify(client)).not.toContain(API_KEY)
  })

  const escaped = JSON.stringify({ message: `Bad key ${API_KEY}` }).replaceAll('/', '\\/')
  it.each([
    ['in a text', { text: `<p>Bad key ${API_KEY}</p>` }, '<p>Bad key [API key]</p>'],
    ['in JSON', { json: { message: `Bad key ${API_KEY}` } }, { message: 'Bad key [API key]' }],
    ['in JSON with escapes', { text: escaped }, { message: 'Bad key [API key]' }],
    ['as a name', { json: { [API_KEY]: 1 } }, { '[API key]': 1 }],
    ['in a header', { headers: { 'X-Request-Id': API_KEY } }, ''],
    [
      'as a code',
      { json: { error: { code: API_KEY, type: API_KEY, issues: [{ message: API_KEY }] } } },
      expect.anything(),
    ],
  ])('is not in an error, where a server quotes it %s', async (_, answer, body) => {
    const { url } = await serveSteps({ status: 401, ...answer })
    const error = await failureOf(callerOf(url).fetch('/'))
    expect(error.body).toEqual(body)
    expect(printed(error)).not.toContain(API_KEY)
  })

  it.each([65_530, 65_536 - API_KEY.length + 1])('is not in an error in half, from byte %i on', async (start) => {
    const { url } = await serveSteps({ status: 400, text: 'x'.repeat(start) + API_KEY + 'x'.repeat(100) })
    const error = await failureOf(callerOf(url).fetch('/'))
    expect(String(error.body).length).toBeGreaterThan(65_000)
    expect(printed(error)).toMatch(/x{65000}/)
    expect(printed(error)).not.toContain(API_KEY.slice(0, 4))
  })

  it('is not in an answer that is no JSON', async () => {
    const { url } = await serveSteps({ text: `Hello ${API_KEY}` })
    expect(printed(await failureOf(callerOf(url).json('GET', '/')))).not.toContain(API_KEY)
  })

  const failures: readonly (readonly [string, (init: RequestInit) => unknown])[] = [
    ['its message', () => new Error(`invalid header: Bearer ${API_KEY}`)],
    ['the message of its cause', () => new Error('failed', { cause: new Error(API_KEY) })],
    [
      'a member',
      ({ headers }) => Object.assign(new Error('failed'), { headers: Object.fromEntries(headers as Headers) }),
    ],
    [
      'a member that cannot be looked into',
      (init) => Object.assign(new Error('failed'), { init: new Request('http://a', init) }),
    ],
    ['one of several errors', () => new AggregateError([new Error(API_KEY)], 'failed')],
    ['a name', () => Object.assign(new Error('failed'), { name: API_KEY })],
    ['a text that is thrown', () => `failed with ${API_KEY}`],
    ['a getter', () => Object.defineProperty(new Error('failed'), 'key', { get: () => API_KEY, enumerable: true })],
  ]

  it.each(failures)('is not in the cause of a network failure that shows it in %s', async (_, fail) => {
    const fetch: Runtime['fetch'] = async (_, init) => {
      throw fail(init)
    }
    const runtime = { ...createTestRuntime(), fetch }
    const error = await failureOf(callerOf('http://127.0.0.1', { ...once, runtime }).fetch('/'))
    expect(error.code).toBe('network_error')
    expect(error.cause).toBeInstanceOf(Error)
    expect(printed(error)).not.toContain(API_KEY)
  })

  it('hides nothing else: any other cause is kept as it is', async () => {
    const cause = Object.assign(new Error('failed', { cause: new Error('deep') }), {
      code: 'ECONNRESET',
      info: { port: 1 },
    })
    const runtime = { ...createTestRuntime(), fetch: () => Promise.reject(cause) }
    expect((await failureOf(callerOf('http://127.0.0.1', { ...once, runtime }).fetch('/'))).cause).toBe(cause)
  })

  it('leaves the body out of what is logged by itself', async () => {
    const { url } = await serveSteps({ status: 422, json: { message: 'No.', email: 'a@example.com' } })
    const error = await failureOf(callerOf(url).fetch('/'))
    expect(JSON.parse(JSON.stringify(error))).toEqual({
      name: 'ApiError',
      message: 'No.',
      status: 422,
      code: null,
      type: null,
      requestId: null,
      retryAfterSeconds: null,
      issues: [],
    })
    expect(inspect(error) + JSON.stringify(error)).not.toContain('a@example.com')
    expect(error.body).toEqual({ message: 'No.', email: 'a@example.com' })
  })
})
