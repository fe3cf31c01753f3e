import { EventEmitter, once } from 'node:events'
import type { KeywardOptions, RouteOptions, UsageCounts, UsageReport } from 'keyward'
import { createTestClock, createTestKeyward } from 'keyward/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { begin, type ExchangeRoute, type Framework, type Sent } from '../exchange/framework.ts'
import { frameworks } from '../exchange/frameworks.ts'
import { until } from '../servers/until.ts'
import { storeKinds } from '../store-kinds.ts'

type CreateStore = (typeof storeKinds)[number][1]

/** Opens a site of some routes, with a key, and reads what was counted once so many requests are. */
async function openSite(
  framework: Framework,
  createStore: CreateStore,
  routes: readonly ExchangeRoute[],
  options: Partial<KeywardOptions> = {},
) {
  const clock = createTestClock()
  const store = createStore(clock)
  const test = createTestKeyward({ store, ...options }, clock)
  const { keyward } = test
  await keyward.ready()
  const server = await framework.serve(keyward, routes)
  onTestFinished(async () => {
    await server.close()
    await keyward.close()
  })
  const key = await test.createKey()
  const send = (path: string, more: Partial<Sent> = {}) => {
    const headers = [['Authorization', `Bearer ${key.apiKey}`], ...(more.headers ?? [])] as const
    return server.send({ method: 'GET', ...more, path, headers })
  }
  const counted = async (
    requests: number,
    input: Parameters<typeof keyward.usage.read>[0] = {},
  ): Promise<UsageReport> => {
    let report: UsageReport | undefined
    await until(`${requests} requests are counted`, async () => {
      await keyward.usage.flush()
      report = await keyward.usage.read(input)
      return report.totals.requests >= requests
    })
    return report as UsageReport
  }
  return { ...test, store, server, key, send, counted }
}

const answering = (path: string, status: number, guard: RouteOptions = {}): ExchangeRoute => ({
  path,
  guards: [guard],
  handle: () => ({ status, json: { status } }),
})

describe.each(frameworks.map((each) => [each.name, each] as const))('usage on %s', (name, framework) => {
  describe.each(storeKinds)('over %s', (_, createStore) => {
    it('counts each request once, by the status that it was answered with', async () => {
      const site = await openSite(framework, createStore, [
        answering('/ok', 200),
        answering('/moved', 302),
        answering('/wrong', 422),
        answering('/broken', 503),
        { path: '/thrown', guards: [{}], handle: () => Promise.reject(new Error('thrown')) },
        { path: '/sent', guards: [{}], handle: () => ({ error: 'not_found' }) },
        { path: '/stream', guards: [{}], handle: () => ({ pieces: ['one', 'two'], pauseMs: 1 }) },
      ])
      for (const path of ['/ok', '/ok', '/moved', '/wrong', '/broken', '/thrown', '/sent', '/stream'])
        await site.send(path)
      await site.send('/ok', { method: 'HEAD' })
      const { totals, series } = await site.counted(9)
      expect(totals).toEqual(counts({ requests: 9, succeeded: 4, redirected: 1, clientErrors: 2, serverErrors: 2 }))
      expect(series.filter(({ requests }) => requests > 0)).toHaveLength(1)
    })

    it('counts what keyward refuses as refused, and nothing of unknown keys', async () => {
      const site = await openSite(framework, createStore, [answering('/ok', 200, { scopes: ['tasks:write'] })])
      await site.send('/ok')
      const stranger = { method: 'GET', path: '/ok', headers: [['Authorization', 'Bearer sk_unknown']] } as const
      expect((await site.server.send(stranger)).status).toBe(401)
      expect((await site.server.send({ method: 'GET', path: '/ok', headers: [] })).status).toBe(401)
      const { totals } = await site.counted(1)
      expect(totals).toEqual(counts({ requests: 1, refused: 1, clientErrors: 1 }))
    })

    it('counts once where requireKey is there twice', async () => {
      const route = { path: '/ok', guards: [{}, {}], handle: () => ({ json: {} }) } as const
      const site = await openSite(framework, createStore, [route])
      await site.send('/ok')
      await site.send('/ok')
      expect((await site.counted(2)).totals).toEqual(counts({ requests: 2, succeeded: 2 }))
    })

    it('counts the credits that a request has spent, and none of one that failed', async () => {
      const site = await openSite(framework, createStore, [
        answering('/paid', 200, { credits: 3 }),
        answering('/broken', 500, { credits: 3 }),
        {
          path: '/metered',
          guards: [{ credits: { reserve: 10 } }],
          async handle(_, identity) {
            await identity.settle(7)
            return { json: {} }
          },
        },
      ])
      await site.keyward.credits.topUp({ owner: 'test' }, { amount: 20 })
      for (const path of ['/paid', '/broken', '/metered', '/metered']) await site.send(path)
      expect((await site.send('/paid')).status).toBe(200)
      expect((await site.send('/metered')).status).toBe(402)
      const { totals } = await site.counted(6)
      expect(totals).toEqual(
        counts({ requests: 6, succeeded: 4, clientErrors: 1, refused: 1, serverErrors: 1, credits: 20 }),
      )
    })

    it('counts a response that is given again as a request that has spent nothing', async () => {
      const site = await openSite(framework, createStore, [answering('/jobs', 201, { credits: 2, idempotency: {} })])
      await site.keyward.credits.topUp({ owner: 'test' }, { amount: 20 })
      for (const _ of [1, 2])
        await site.send('/jobs', { method: 'POST', headers: [JSON_TYPE, ['Idempotency-Key', 'one']], body: '{}' })
      expect((await site.counted(2)).totals).toEqual(counts({ requests: 2, succeeded: 2, credits: 2 }))
    })

    it('names a route by its name, else by the method and the pattern of the framework, and never by what was sent', async () => {
      const site = await openSite(framework, createStore, [
        answering('/named', 200, { name: 'The named one' }),
        ...(name === 'fetch'
          ? [answering('/items/1', 200), answering('/items/2', 200)]
          : [answering('/items/:id', 200)]),
      ])
      for (const path of ['/named', '/items/1', '/items/2?x=3']) await site.send(path)
      await site.send('/items/2', { method: 'POST', body: 'x' })
      const isFetch = name === 'fetch'
      const { groups } = await site.counted(4, { by: 'route' })
      const expected = isFetch
        ? { '': 3, 'The named one': 1 }
        : { 'GET /items/:id': 2, 'POST /items/:id': 1, 'The named one': 1 }
      expect(Object.fromEntries(groups.map((group) => [group.name, group.requests]))).toEqual(expected)
    })

    it('247: writes down no key that a client puts into a path, a query, a body, a user agent or what names its app', async () => {
      const site = await openSite(framework, createStore, [
        answering('/ok', 200),
        answering('/forbidden', 200, { scopes: ['tasks:write'] }),
        answering('/items/:id', 200),
      ])
      const { apiKey } = site.key
      const headers = ['User-Agent', 'Referer', 'X-Title', 'X-Application-Name', 'X-Request-Id'].map(
        (name) => [name, name === 'Referer' ? `https://app.example/${apiKey}?key=${apiKey}` : apiKey] as const,
      )
      const body = JSON.stringify({ api_key: apiKey })
      for (const path of ['/ok', '/forbidden', `/items/${apiKey}`, `/${apiKey}`])
        await site.send(`${path}?api_key=${apiKey}`, { method: 'POST', headers: [JSON_TYPE, ...headers], body })
      const usage = [await site.counted(2, { by: 'route' }), await site.counted(2, { by: 'app' })]
      const { items } = await site.keyward.audit.list()
      expect(site.events.length).toBeGreaterThan(1)
      expect(JSON.stringify([site.events, usage, items])).not.toContain(apiKey.slice(site.key.start?.length))
    })

    it('names an app by the address of its referer, with its title, else by its title', async () => {
      const site = await openSite(framework, createStore, [answering('/ok', 200)])
      await site.send('/ok', {
        headers: [
          ['Referer', 'https://APP.example:443/a/../b?q=1#x'],
          ['X-Title', 'The app'],
        ],
      })
      await site.send('/ok', { headers: [['Referer', 'https://app.example/b']] })
      await site.send('/ok', { headers: [['X-Title', 'Only a title']] })
      await site.send('/ok', {
        headers: [
          ['X-Title', 'Only a title'],
          ['X-Title', 'and another'],
        ],
      })
      await site.send('/ok')
      const { groups } = await site.counted(5, { by: 'app' })
      expect(groups.map(({ name, label, requests }) => [name, label, requests])).toEqual([
        ['https://app.example/b', 'The app', 2],
        ['', null, 1],
        ['Only a title', 'Only a title', 1],
        ['Only a title, and another', 'Only a title, and another', 1],
      ])
    })
  })
})

const overSockets = frameworks.filter(({ name }) => name !== 'Hono').map((each) => [each.name, each] as const)

describe.each(overSockets)('a client of %s that leaves', (name, framework) => {
  const [[, createStore]] = storeKinds as readonly [(typeof storeKinds)[number]]

  it('before there is an answer is an error of its own, where the framework tells of it', async () => {
    const steps = new EventEmitter()
    const slow: ExchangeRoute = {
      path: '/slow',
      guards: [{}],
      async handle() {
        steps.emit('running')
        await once(steps, 'answer')
        return { json: {} }
      },
    }
    const site = await openSite(framework, createStore, [slow])
    const running = once(steps, 'running')
    const { client } = leave(site, '/slow')
    await running
    client.destroy()
    const isTold = name === 'Express' || name === 'Fastify'
    // Where it is told, it counts when the client leaves; else when the response is there, for which nobody waits.
    if (isTold) expect((await site.counted(1)).totals).toEqual(counts({ requests: 1, clientErrors: 1 }))
    steps.emit('answer')
    const totals = counts(isTold ? { requests: 1, clientErrors: 1 } : { requests: 1, succeeded: 1 })
    expect((await site.counted(1)).totals).toEqual(totals)
  })

  it('in the middle of a response has had one of the status that it began with', async () => {
    const pieces = Array.from({ length: 100 }, () => 'piece\n')
    const streaming = (path: string, status: number): ExchangeRoute => ({
      path,
      guards: [{}],
      handle: () => ({ status, pieces, pauseMs: 10 }),
    })
    const site = await openSite(framework, createStore, [streaming('/ok', 200), streaming('/broken', 503)])
    for (const path of ['/ok', '/broken']) {
      const { client, promise } = leave(site, path)
      const response = await promise
      await once(response, 'data')
      client.destroy()
    }
    expect((await site.counted(2)).totals).toEqual(counts({ requests: 2, succeeded: 1, serverErrors: 1 }))
  })

  function leave({ server, key }: Awaited<ReturnType<typeof openSite>>, path: string) {
    const headers = [['Authorization', `Bearer ${key.apiKey}`]] as const
    const begun = begin(server.port ?? 0, { method: 'GET', path, headers })
    begun.client.end()
    return begun
  }
})

describe('usage without a request of a framework', () => {
  it('counts authenticate and verify, as what they would have been answered with', async () => {
    const { keyward, createKey } = createTestKeyward()
    const { apiKey } = await createKey()
    await keyward.authenticate({ authorization: `Bearer ${apiKey}` }, { name: 'socket' })
    await keyward.verify({ apiKey, scopes: ['tasks:write'] })
    await keyward.verify({ apiKey: 'sk_unknown' })
    await keyward.usage.flush()
    const { totals, groups } = await keyward.usage.read({ by: 'route' })
    expect(totals).toEqual(counts({ requests: 2, succeeded: 1, clientErrors: 1, refused: 1 }))
    expect(groups.map(({ name, requests }) => [name, requests])).toEqual([
      ['', 1],
      ['socket', 1],
    ])
  })

  it('counts nothing where it is switched off, and says so to who reads', async () => {
    const { keyward, createKey } = createTestKeyward({ usage: false })
    const { apiKey } = await createKey()
    await keyward.authenticate({ authorization: `Bearer ${apiKey}` })
    await keyward.usage.flush()
    await expect(keyward.usage.read()).rejects.toMatchObject({ name: 'ConfigError' })
  })
})

const JSON_TYPE = ['Content-Type', 'application/json'] as const

function counts(some: Partial<UsageCounts>): UsageCounts {
  const none = { requests: 0, refused: 0, succeeded: 0, redirected: 0, clientErrors: 0, serverErrors: 0, credits: 0 }
  return { ...none, ...some }
}
