import express from 'express'
import { createProfile, defaultProfile, type Profile, pi, pipevideo, visionpipe } from 'keyward'
import { errorHandler, requestId, requireKey, sendError } from 'keyward/express'
import { createTestKeyward } from 'keyward/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { listening } from '../adapters/node-server.ts'
import { callerOf, failureOf } from './caller.ts'
import { reset, serveSteps } from './scripted-server.ts'

const issues = [{ path: ['items', 0], message: 'must be a number' }]
const videogen = createProfile(defaultProfile, { name: 'videogen', body: ({ message }) => ({ message }) })

/** What the client makes of a 401 and of a 422 of a real server that answers as a profile says. */
async function errorsOf(profile: Profile, accept: string) {
  const { keyward, createKey } = createTestKeyward({ profile })
  const { apiKey } = await createKey()
  const app = express()
  app.use(requestId(keyward))
  app.get('/', requireKey(keyward), (_, response) => sendError(response, 'validation_failed', { issues }))
  app.use(errorHandler(keyward))
  const { port, close } = await listening(app.listen(0, '127.0.0.1'))
  onTestFinished(close)
  const call = (options: object) =>
    failureOf(callerOf(`http://127.0.0.1:${port}`, options).fetch('/', { headers: { accept } }))
  return [await call({ apiKey: 'sk_wrong' }), await call({ apiKey })] as const
}

describe('an error says what the API said', () => {
  const type = 'invalid_request_error'
  const withoutCode = { code: null, type: null, issues: [] }
  it.each([
    ['the default profile', defaultProfile, '*/*', { code: 'validation_failed', type, issues }],
    ['Pi', pi, '*/*', { code: 'validation_failed', type, issues }],
    ['Pipevideo', pipevideo, '*/*', { code: 'VALIDATION_FAILED', type: null, issues: [] }],
    ['VisionPipe', visionpipe, '*/*', withoutCode],
    ['VideoGen', videogen, '*/*', withoutCode],
    [
      'problem details',
      defaultProfile,
      'application/problem+json',
      { code: 'validation_failed', type: null, issues: [{ path: ['items', '0'], message: 'must be a number' }] },
    ],
  ])('in the envelope of %s', async (_, profile, accept, expected) => {
    const [unauthorized, invalid] = await errorsOf(profile, accept)
    const { prefix = '' } = profile.requestId
    expect(invalid).toMatchObject({
      ...expected,
      status: 422,
      message: profile.answers.validation_failed.message,
      requestId: expect.stringMatching(new RegExp(`^${prefix}[0-9a-f-]{36}$`)),
      retryAfterSeconds: null,
    })
    expect(unauthorized.message).toBe(profile.answers.invalid_api_key_format.message)
    expect(unauthorized.status).toBe(401)
  })

  it('with the request id of the body, where no header has one', async () => {
    const { url } = await serveSteps({ status: 400, json: { error: { message: 'No.', request_id: 'req_1' } } })
    expect(await failureOf(callerOf(url).fetch('/'))).toMatchObject({ message: 'No.', requestId: 'req_1' })
  })

  it.each([
    ['a page of HTML', { text: '<html><h1>502 Bad Gateway</h1></html>' }, '<html><h1>502 Bad Gateway</h1></html>'],
    ['nothing', {}, ''],
    ['null', { text: 'null' }, null],
    ['a list', { json: [{ message: 'one' }] }, [{ message: 'one' }]],
    ['members of other kinds', { json: { error: { code: 7, message: {} }, issues: 'all' } }, expect.anything()],
    ['issues that are none', { json: { issues: [null, 1, { path: 'a' }] } }, expect.anything()],
  ])('in no words of its own when its body is %s', async (_, answer, body) => {
    const { url } = await serveSteps({ status: 404, ...answer })
    const error = await failureOf(callerOf(url).fetch('/'))
    expect(error).toMatchObject({
      message: 'The server answered with status 404.',
      status: 404,
      code: null,
      requestId: null,
      issues: [],
      body,
    })
  })

  it('from the first 65,536 bytes of a body that never ends', async () => {
    let sent = 0
    const { url } = await serveSteps((response) => {
      response.writeHead(500, { 'Idempotent-Replayed': 'true' })
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(65_536))) sent += 65_536
      }
      response.on('drain', more)
      more()
    })
    const error = await failureOf(callerOf(url).fetch('/'))
    expect([error.status, typeof error.body]).toEqual([500, 'string'])
    expect(String(error.body).length).toBeGreaterThan(60_000)
    expect(String(error.body).length).toBeLessThanOrEqual(65_536)
    expect(sent).toBeLessThan(50_000_000)
  })

  it('as far as it came, when its body breaks off', async () => {
    const { url } = await serveSteps((response) => {
      response.writeHead(403, { 'X-Request-Id': 'req_2', 'Content-Length': '1000' })
      response.write(`{"error":{"message":"${'x'.repeat(100)}`, () => response.destroy())
    })
    expect(await failureOf(callerOf(url).fetch('/'))).toMatchObject({ status: 403, requestId: 'req_2' })
  })

  it('invalid_json for a good answer that is none, without a word of the body', async () => {
    const { url } = await serveSteps({ text: '{"secret": oops', headers: { 'X-Request-Id': 'req_3' } })
    const error = await failureOf(callerOf(url).json('GET', '/'))
    expect(error).toMatchObject({ status: 200, code: 'invalid_json', requestId: 'req_3', body: '{"secret": oops' })
    expect([String(error), error.cause]).toEqual(['ApiError: The body of the answer is not JSON.', undefined])
  })
})

describe('a failure without an answer', () => {
  it('keeps its cause', async () => {
    const { url } = await serveSteps(reset)
    const once = { retry: { maxRetries: 0 } }
    const error = await failureOf(callerOf(url, once).fetch('/'))
    expect(error).toMatchObject({ status: null, code: 'network_error', requestId: null, body: undefined })
    expect(error.cause).toBeInstanceOf(TypeError)
    expect(error.cause).toMatchObject({ message: 'fetch failed', cause: { code: expect.any(String) } })
    const refused = await failureOf(callerOf('http://127.0.0.1:1', once).fetch('/'))
    expect(refused.cause).toMatchObject({ cause: { message: expect.stringMatching(/ECONNREFUSED|bad port/) } })
  })
})
