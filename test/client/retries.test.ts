import { Readable } from 'node:stream'
import { describe, expect, it } from 'vitest'
import { callerOf, failureOf } from './caller.ts'
import { type Answer, breakOff, reset, serveSteps } from './scripted-server.ts'
import { createTestRuntime } from './test-runtime.ts'

const fine = { json: { fine: true } }
const limited = (retryAfter: string): Answer => ({ status: 429, headers: { 'Retry-After': retryAfter } })

describe('a client waits', () => {
  it.each([
    ['seconds', '7', 7_000],
    ['a date', 'Thu, 01 Jan 2026 00:00:09 GMT', 9_000],
    ['a date as RFC 850 wrote it', 'Thursday, 01-Jan-26 00:00:09 GMT', 9_000],
    ['a date as C writes it', 'Thu Jan  1 00:00:09 2026', 9_000],
    ['a date that has passed', 'Wed, 31 Dec 2025 00:00:00 GMT', 0],
    ['nothing that can be read', '1.5', 0],
    ['a negative number', '-1', 0],
  ])('as long as Retry-After says: %s', async (_, value, waitMs) => {
    const runtime = createTestRuntime()
    const { url, received } = await serveSteps(limited(value), fine)
    expect(await callerOf(url, {}, runtime).json('GET', '/')).toEqual({ fine: true })
    expect([runtime.waits, received.length]).toEqual([[waitMs], 2])
  })

  it('a random part of a step that doubles up to 20 seconds, on top of what it was asked for', async () => {
    const runtime = createTestRuntime(0.5)
    const away = { status: 503 }
    const { url } = await serveSteps(away, away, away, limited('2'), away, away, away, fine)
    await callerOf(url, { retry: { maxRetries: 10 } }, runtime).fetch('/')
    expect(runtime.waits).toEqual([250, 500, 1_000, 4_000, 4_000, 8_000, 10_000])
  })

  it('60 seconds in all, and not at all for what does not fit', async () => {
    const runtime = createTestRuntime()
    const { url, received } = await serveSteps(limited('40'), limited('21'), fine)
    const error = await failureOf(callerOf(url, {}, runtime).fetch('/'))
    expect([error.status, error.retryAfterSeconds, runtime.waits, received.length]).toEqual([429, 21, [40_000], 2])
  })

  it.each(['61', '99999999999999999999', 'Thu, 01 Jan 2026 00:01:01 GMT'])(
    'not at all for Retry-After: %s',
    async (retryAfter) => {
      const runtime = createTestRuntime()
      const { url, received } = await serveSteps(limited(retryAfter), fine)
      expect((await failureOf(callerOf(url, {}, runtime).fetch('/'))).status).toBe(429)
      expect([runtime.waits, received.length]).toEqual([[], 1])
    },
  )

  it('no longer than maxWaitSeconds with what it adds itself', async () => {
    const runtime = createTestRuntime(0.999)
    const { url } = await serveSteps(limited('1'), { status: 503 }, { status: 503 })
    await failureOf(callerOf(url, { retry: { maxWaitSeconds: 2 } }, runtime).fetch('/'))
    expect(runtime.waits).toEqual([1_499, 501])
  })
})

describe('a client repeats', () => {
  const never = [400, 401, 402, 403, 404, 409, 410, 422, 501]
  const later = [408, 425, 429, 500, 502, 503, 504]

  it.each(['GET', 'HEAD', 'PUT', 'DELETE', 'OPTIONS', 'POST', 'PATCH'])('%s after what may pass', async (method) => {
    const { url, received } = await serveSteps(...later.map((status) => ({ status })), fine)
    const client = callerOf(url, { retry: { maxRetries: 10 } })
    expect((await client.fetch('/', { method })).status).toBe(200)
    expect(received.map((request) => request.method)).toEqual(Array(8).fill(method))
  })

  it.each(never)('nothing after %i', async (status) => {
    const { url, received } = await serveSteps({ status, json: { error: { code: 'conflict' } } }, fine)
    expect((await failureOf(callerOf(url).fetch('/', { method: 'POST' }))).status).toBe(status)
    expect(received).toHaveLength(1)
  })

  it('4 times, or as often as it was told', async () => {
    for (const [maxRetries, attempts] of [
      [undefined, 5],
      [0, 1],
      [2, 3],
    ] as const) {
      const { url, received } = await serveSteps(...Array(9).fill({ status: 503 }))
      expect((await failureOf(callerOf(url, { retry: { maxRetries } }).fetch('/'))).status).toBe(503)
      expect(received).toHaveLength(attempts)
    }
  })

  it.each([
    ['its code, in lower case', { json: { error: { code: 'idempotency_in_progress' } } }, 2],
    ['its code, in upper case', { json: { error: { code: 'IDEMPOTENCY_IN_PROGRESS' } } }, 2],
    ['Retry-After, where there are no codes', { json: { message: 'Busy' }, headers: { 'Retry-After': '1' } }, 2],
    ['nothing', { json: { message: 'Conflict' } }, 1],
    ['another code', { json: { error: { code: 'idempotency_key_mismatch' } }, headers: { 'Retry-After': '1' } }, 1],
  ])('409 if the first request is told to be still running by %s', async (_, answer, attempts) => {
    const { url, received } = await serveSteps({ status: 409, ...answer }, fine)
    await callerOf(url)
      .fetch('/', { method: 'POST' })
      .catch(() => {})
    expect(received).toHaveLength(attempts)
  })

  it('no answer that was kept for the idempotency key, as it would come again', async () => {
    const kept = { status: 500, headers: { 'Idempotent-Replayed': 'true' } }
    const { url, received } = await serveSteps({ status: 500 }, kept, fine)
    expect((await failureOf(callerOf(url).fetch('/', { method: 'POST' }))).status).toBe(500)
    expect(received).toHaveLength(2)
  })

  it('what met a connection that was reset', async () => {
    const { url, received } = await serveSteps(reset, reset, fine)
    expect(await callerOf(url).json('POST', '/', { a: 1 })).toEqual({ fine: true })
    expect(new Set(received.map(({ headers }) => headers['idempotency-key'])).size).toBe(1)
    expect(received.map(({ body }) => body)).toEqual(Array(3).fill('{"a":1}'))
  })

  it('json() whose answer breaks off, and leaves it to whoever reads the response of fetch()', async () => {
    const { url, received } = await serveSteps(breakOff, fine, breakOff)
    expect(await callerOf(url).json('GET', '/')).toEqual({ fine: true })
    const response = await callerOf(url).fetch('/')
    expect(response.status).toBe(200)
    await expect(response.text()).rejects.toThrow()
    expect(received).toHaveLength(3)
  })
})

describe('a client sends once', () => {
  it.each([
    ['POST, when idempotency keys are off', { idempotencyKeys: false }, { method: 'POST' }],
    ['PATCH, when idempotency keys are off', { idempotencyKeys: false }, { method: 'patch' }],
    ['POST, when the call wants none', {}, { method: 'POST', idempotencyKey: false as const }],
  ])('%s', async (_, options, request) => {
    for (const step of [reset, { status: 503 }, limited('1')]) {
      const { url, received } = await serveSteps(step, fine)
      await failureOf(callerOf(url, options).fetch('/', request))
      expect(received).toHaveLength(1)
      expect(received[0]?.headers['idempotency-key']).toBeUndefined()
    }
  })

  it.each([
    ['PUT', 'a stream', () => new Blob(['read once']).stream()],
    ['POST', 'a stream', () => new Blob(['read once']).stream()],
    // Node's fetch takes what can be iterated, and its types do not say so.
    ['PUT', 'an iterator', () => Readable.from([Buffer.from('read once')]) as unknown as ReadableStream],
  ])('%s with a body that can be read once: %s', async (method, _, make) => {
    const { url, received } = await serveSteps({ status: 503 }, fine)
    expect((await failureOf(callerOf(url).fetch('/', { method, body: make() }))).status).toBe(503)
    expect(received.map((request) => request.body)).toEqual(['read once'])
  })
})
