import { createServer, type Server } from 'node:http'
import { serve } from '@hono/node-server'
import express from 'express'
import { Hono } from 'hono'
import type { Keyward } from 'keyward'
import * as onExpress from 'keyward/express'
import * as onHono from 'keyward/hono'
import { createTestKeyward } from 'keyward/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { listening } from '../adapters/node-server.ts'
import { callerOf, failureOf } from './caller.ts'
import { createTestRuntime } from './test-runtime.ts'

/** Runs for each request that gets through to `POST /jobs`. */
type Handle = (attribution: unknown) => Promise<object>

const route = { credits: 1, idempotency: {} }

const servers: readonly (readonly [string, (keyward: Keyward, handle: Handle) => Server])[] = [
  [
    'Express',
    (keyward, handle) => {
      const app = express()
      app.use(onExpress.requestId(keyward))
      app.post('/jobs', onExpress.requireKey(keyward, route), express.json(), async (_, response) => {
        response.status(201).json(await handle(onExpress.getIdentity(response.req).attribution))
      })
      app.use(onExpress.errorHandler(keyward))
      return app.listen(0, '127.0.0.1')
    },
  ],
  [
    'Hono',
    (keyward, handle) => {
      const app = new Hono()
      app.use(onHono.requestId(keyward))
      app.onError(onHono.errorHandler(keyward))
      app.post('/jobs', onHono.requireKey(keyward, route), async (c) =>
        c.json(await handle(onHono.getIdentity(c).attribution), 201),
      )
      return serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server
    },
  ],
]

/** Opens a server that keyward protects, with a key that has 10 credits, and so many requests a minute. */
async function open(listen: (keyward: Keyward, handle: Handle) => Server, limit: number, handle: Handle) {
  const policies = { default: [{ limit, windowSeconds: 60 }] }
  const { keyward, clock, createKey } = createTestKeyward({ limits: { policies } })
  const { apiKey } = await createKey({ owner: 'acme' })
  await keyward.credits.topUp({ owner: 'acme' }, { amount: 10 })
  const { port, close } = await listening(listen(keyward, handle))
  onTestFinished(close)
  const balance = async () => (await keyward.credits.get({ owner: 'acme' })).balance
  return { keyward, clock, apiKey, url: `http://127.0.0.1:${port}`, balance }
}

/** Puts a line in front of a server on which the first answer is lost: the server has done its work, and nobody hears of it. */
async function lineThatLosesOneAnswer(url: string, whenLost: () => Promise<unknown>): Promise<string> {
  let isFirst = true
  const line = createServer(async (request, response) => {
    const pieces: Buffer[] = []
    for await (const piece of request) pieces.push(piece)
    const headers = Object.entries(request.headers).filter(([name]) => !/^(connection|content-length|host)$/.test(name))
    const init = { method: request.method ?? '', headers: headers as [string, string][], body: Buffer.concat(pieces) }
    const answer = fetch(url + request.url, init)
    if (isFirst) {
      isFirst = false
      await Promise.race([answer, whenLost()])
      response.destroy()
      return
    }
    const {
      status,
      headers: fields,
      body,
    } = await answer.then(async (got) => ({
      status: got.status,
      headers: got.headers,
      body: await got.text(),
    }))
    response.writeHead(status, Object.fromEntries(fields)).end(body)
  })
  const { port, close } = await listening(line.listen(0, '127.0.0.1'))
  onTestFinished(close)
  return `http://127.0.0.1:${port}`
}

describe.each(servers)('a client of a server on %s that keyward protects', (_, listen) => {
  it('is admitted when it comes back as late as Retry-After says, and is billed for two', async () => {
    const site = await open(listen, 1, async () => ({ done: true }))
    const runtime = createTestRuntime(0.5, (ms) => site.clock.advance(ms))
    const client = callerOf(site.url, { apiKey: site.apiKey, retry: { maxWaitSeconds: 120 } }, runtime)
    expect(await client.json('POST', '/jobs', { a: 1 })).toEqual({ done: true })
    expect(await client.json('POST', '/jobs', { a: 2 })).toEqual({ done: true })
    expect(runtime.waits).toHaveLength(1)
    expect(runtime.waits[0]).toBeGreaterThanOrEqual(60_000)
    expect(await site.balance()).toBe(8)
  })

  it('gets the first answer again when it was lost on the way: it ran once, and is billed once', async () => {
    let runs = 0
    const site = await open(listen, 100, async () => ({ run: ++runs }))
    const line = await lineThatLosesOneAnswer(site.url, () => new Promise(() => {}))
    const client = callerOf(line, { apiKey: site.apiKey })
    const response = await client.fetch('/jobs', { method: 'POST', body: '{"a":1}' })
    expect([response.status, response.headers.get('idempotent-replayed')]).toEqual([201, 'true'])
    expect(await response.json()).toEqual({ run: 1 })
    expect([runs, await site.balance()]).toEqual([1, 9])
  })

  it('waits for its own first request while that is still running', async () => {
    let runs = 0
    let finish = (): void => {}
    let tellStarted = (): void => {}
    const started = new Promise<void>((resolve) => {
      tellStarted = resolve
    })
    const finished = new Promise<void>((resolve) => {
      finish = resolve
    })
    const site = await open(listen, 100, async () => {
      runs += 1
      tellStarted()
      await finished
      return { run: runs }
    })
    const line = await lineThatLosesOneAnswer(site.url, () => started)
    // The first wait follows the lost answer; the second one 409 in progress.
    const runtime = createTestRuntime(0, () => runtime.waits.length === 2 && finish())
    const client = callerOf(line, { apiKey: site.apiKey, retry: { maxRetries: 10 } }, runtime)
    expect(await client.json('POST', '/jobs', { a: 1 })).toEqual({ run: 1 })
    expect(runtime.waits.slice(0, 2)).toEqual([0, 1_000])
    expect([runs, await site.balance()]).toEqual([1, 9])
  })

  it('is told of its app, as it is spelt', async () => {
    const site = await open(listen, 100, async (attribution) => ({ attribution }))
    const app = { name: 'storyboard', title: 'Märchen 🎬', url: 'https://storyboard.example/' }
    expect(await callerOf(site.url, { apiKey: site.apiKey, app }).json('POST', '/jobs', {})).toEqual({
      attribution: { applicationName: 'storyboard', title: 'Märchen 🎬', referer: 'https://storyboard.example/' },
    })
  })

  it('is told what is wrong, once: another body for its key, too few credits, a revoked key', async () => {
    const site = await open(listen, 100, async () => ({}))
    const runtime = createTestRuntime()
    const client = callerOf(site.url, { apiKey: site.apiKey }, runtime)
    const post = (body: object, idempotencyKey?: string) => client.json('POST', '/jobs', body, { idempotencyKey })
    await post({ a: 1 }, 'order-1')
    expect(await failureOf(post({ a: 2 }, 'order-1'))).toMatchObject({ status: 409, code: 'idempotency_key_mismatch' })
    await site.keyward.credits.set({ owner: 'acme' }, { balance: 0 })
    expect(await failureOf(post({}))).toMatchObject({ status: 402, code: 'insufficient_credits' })
    for (const { id } of (await site.keyward.keys.list({ owner: 'acme' })).items) await site.keyward.keys.revoke(id)
    expect(await failureOf(post({}))).toMatchObject({ status: 401, code: 'invalid_api_key' })
    expect(runtime.waits).toEqual([])
  })
})
