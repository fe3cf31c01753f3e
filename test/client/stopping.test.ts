import { createClient } from 'keyward/client'
import { describe, expect, it } from 'vitest'
import { API_KEY, callerOf, failureOf } from './caller.ts'
import { type Step, serveSteps } from './scripted-server.ts'
import { createTestRuntime } from './test-runtime.ts'

const fine = { json: { fine: true } }

describe('a timeout', () => {
  it('ends an attempt without an answer, and the next one may do better', async () => {
    const runtime = createTestRuntime()
    const { url, received } = await serveSteps(() => runtime.expire(), fine)
    expect(await callerOf(url, {}, runtime).json('POST', '/', {})).toEqual({ fine: true })
    expect(received[0]?.headers['idempotency-key']).toBe(received[1]?.headers['idempotency-key'])
  })

  it('is an error once there are no more attempts', async () => {
    const runtime = createTestRuntime()
    const { url } = await serveSteps(() => runtime.expire())
    const error = await failureOf(callerOf(url, { retry: { maxRetries: 0 } }, runtime).fetch('/'))
    expect([error.code, error.status, error.message]).toEqual([
      'timeout',
      null,
      'No complete answer came within 60 seconds.',
    ])
  })

  it('covers the body of json() and of errors', async () => {
    const runtime = createTestRuntime()
    const stall =
      (status: number): Step =>
      (response) => {
        response.writeHead(status)
        response.write('{', () => runtime.expire())
      }
    const { url, received } = await serveSteps(stall(200), stall(503), fine)
    expect(await callerOf(url, {}, runtime).json('GET', '/')).toEqual({ fine: true })
    expect(received).toHaveLength(3)
  })

  it('is over when fetch() hands over a response: a stream is read for as long as it likes', async () => {
    const runtime = createTestRuntime()
    let send = (_: string): void => {}
    const { url } = await serveSteps((response) => {
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      response.write('data: 1\n\n')
      send = (text) => response.end(text)
    })
    const response = await callerOf(url, {}, runtime).fetch('/')
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    expect((await reader?.read())?.value).toBe('data: 1\n\n')
    runtime.expire()
    send('data: 2\n\n')
    expect((await reader?.read())?.value).toBe('data: 2\n\n')
    expect((await reader?.read())?.done).toBe(true)
  })

  it('of one second is one second on a real clock', async () => {
    const { url, received } = await serveSteps(() => {}, fine)
    const client = createClient({ baseUrl: url, apiKey: API_KEY, timeoutSeconds: 60, retry: { maxRetries: 0 } })
    const error = await failureOf(client.fetch('/', { timeoutSeconds: 1 }))
    expect([error.code, received.length]).toEqual(['timeout', 1])
  })
})

describe("the caller's signal", () => {
  const reason = new Error('The user left.')

  it('stops a call before it is sent', async () => {
    const { url, received } = await serveSteps(fine)
    await expect(callerOf(url).fetch('/', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
    expect(received).toHaveLength(0)
  })

  it('stops a call under way, and no other attempt is made', async () => {
    const stop = new AbortController()
    const { url, received } = await serveSteps(() => stop.abort(reason), fine)
    await expect(callerOf(url).json('POST', '/', {}, { signal: stop.signal })).rejects.toBe(reason)
    expect(received).toHaveLength(1)
  })

  it('stops a call that waits for its retry, at once', async () => {
    const stop = new AbortController()
    const { url, received } = await serveSteps({ status: 429, headers: { 'Retry-After': '3000' } }, fine)
    const options = { baseUrl: url, apiKey: API_KEY, retry: { maxWaitSeconds: 3_600 } }
    const call = createClient({
      ...options,
      runtime: {
        random() {
          setTimeout(() => stop.abort(reason))
          return 0
        },
      },
    }).fetch('/', { signal: stop.signal })
    await expect(call).rejects.toBe(reason)
    expect(received).toHaveLength(1)
  })

  it('stops a call while an error is read', async () => {
    const stop = new AbortController()
    const { url, received } = await serveSteps((response) => {
      response.writeHead(503)
      response.write('{', () => stop.abort(reason))
    }, fine)
    await expect(callerOf(url).fetch('/', { signal: stop.signal })).rejects.toBe(reason)
    expect(received).toHaveLength(1)
  })

  it('stops the body of a response that was handed over', async () => {
    const stop = new AbortController()
    const { url } = await serveSteps((response) => response.writeHead(200).write('1'))
    const response = await callerOf(url).fetch('/', { signal: stop.signal })
    stop.abort(reason)
    await expect(response.text()).rejects.toThrow()
  })
})

describe('the real waits', () => {
  it('pass between attempts', async () => {
    const { url, received } = await serveSteps({ status: 503 }, fine)
    const client = createClient({ baseUrl: url, apiKey: API_KEY, runtime: { random: () => 0.1 } })
    const begun = performance.now()
    expect((await client.fetch('/')).status).toBe(200)
    expect(performance.now() - begun).toBeGreaterThan(45)
    expect(received).toHaveLength(2)
  })
})
