import { expect } from 'vitest'
import { until } from '../servers/until.ts'
import { type ExchangeCase, gate } from './exchange-case.ts'
import { begin } from './framework.ts'
import { codeOf, jobRequest, withClaims, withLedger } from './site.ts'

const away = (): Promise<never> => Promise.reject(new Error('the store is away'))
const fiveMinutes = 300_000

/** Rows 1 to 19 of the table of idempotency: who may run, and who is told to wait. */
export const claimCases: readonly ExchangeCase[] = [
  {
    name: '1: runs every request without the header, where it is optional',
    async run(open) {
      const site = await open()
      for (const run of [1, 2]) {
        const response = await site.post({ a: 1 })
        expect([response.status, response.field('location')]).toEqual([201, `/jobs/${run}`])
        expect(response.field('idempotent-replayed')).toBeUndefined()
      }
      expect([site.runs(), await site.balance()]).toEqual([2, 96])
    },
  },
  {
    name: '2, 149: refuses a request without the header where it is required, and takes nothing',
    async run(open) {
      const docsUrl = 'https://docs.example/retries#keys'
      const site = await open({ route: { credits: 2, idempotency: { required: true } }, idempotency: { docsUrl } })
      const refused = await site.post({ a: 1 })
      expect([refused.status, codeOf(refused)]).toEqual([400, 'idempotency_key_required'])
      expect(refused.field('link')).toBe(`<${docsUrl}>; rel="help"`)
      expect([site.runs(), await site.balance()]).toEqual([0, 100])
      expect((await site.post({ a: 1 }, 'k')).status).toBe(201)
      expect((await site.post(undefined, undefined, { method: 'GET' })).status).toBe(201)
    },
  },
  {
    name: '3, 148: ignores the header, even a wrong one, on GET, HEAD, OPTIONS, PUT and DELETE, and honours it on POST and PATCH',
    async run(open) {
      const site = await open()
      for (const method of ['GET', 'HEAD', 'OPTIONS', 'DELETE', 'PUT'])
        for (const key of ['k', 'k', ''])
          expect((await site.post(method === 'PUT' ? { a: 1 } : undefined, key, { method })).status, method).toBe(201)
      expect(site.runs()).toBe(15)
      for (const method of ['POST', 'PATCH']) {
        await site.post({ a: 1 }, `k-${method}`, { method })
        expect((await site.post({ a: 1 }, `k-${method}`, { method })).field('idempotent-replayed')).toBe('true')
      }
      expect(site.runs()).toBe(17)
    },
  },
  {
    name: '3, 148: honours it on PUT and DELETE where the route says so, also without a body',
    async run(open) {
      const site = await open({ route: { idempotency: { methods: ['PUT', 'DELETE'] } } })
      for (const method of ['DELETE', 'DELETE', 'PUT', 'PUT'])
        await site.post(method === 'PUT' ? { a: 1 } : undefined, `k-${method}`, { method })
      expect(site.runs()).toBe(2)
      await site.post({ a: 1 }, 'k')
      await site.post({ a: 1 }, 'k')
      expect(site.runs()).toBe(4)
    },
  },
  {
    name: '4, 134: takes a key bare, quoted, escaped and of 255 characters, and refuses every other',
    async run(open) {
      const site = await open()
      const good: readonly (readonly [string, string])[] = [
        ['abc', '"abc"'],
        ['x'.repeat(255), `"${'x'.repeat(255)}"`],
        ['a\\b', '"a\\\\b"'],
        ['a,b', '"a,b"'],
      ]
      for (const [bare, quoted] of good) {
        expect((await site.post({ a: 1 }, bare)).status, bare).toBe(201)
        expect((await site.post({ a: 1 }, quoted)).field('idempotent-replayed'), quoted).toBe('true')
      }
      const runs = site.runs()
      const bad = [
        '',
        '""',
        ' ',
        'x'.repeat(256),
        `"${'x'.repeat(256)}"`,
        '\xe9',
        'a\tb',
        '"a',
        'a, b',
        '"a", "b"',
        '"a"b"',
        '"a";x=1',
      ]
      for (const key of bad) {
        const refused = await site.post({ a: 1 }, key)
        expect([refused.status, codeOf(refused)], key).toEqual([400, 'invalid_idempotency_key'])
      }
      const twice = await site.post({ a: 1 }, 'a', { headers: [['Idempotency-Key', 'a']] })
      expect([twice.status, codeOf(twice)]).toEqual([400, 'invalid_idempotency_key'])
      expect([site.runs(), await site.balance()]).toEqual([runs, 100 - 2 * runs])
    },
  },
  {
    name: '5: has written the response down before its last byte is sent',
    async run(open) {
      const held = gate()
      let isCompleting = false
      const site = await open({
        alter: (store) =>
          withClaims(store, (claims) => ({
            async complete(...given) {
              isCompleting = true
              await held.opened
              return claims.complete(...given)
            },
          })),
      })
      let isAnswered = false
      const answering = site.post({ a: 1 }, 'k').finally(() => {
        isAnswered = true
      })
      await until('the answer is being written', () => isCompleting)
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect(isAnswered).toBe(false)
      held.open()
      expect((await answering).status).toBe(201)
    },
  },
  {
    name: '6, 127: gives the first response again, for nothing, and names the first request',
    async run(open) {
      const site = await open({ credits: { header: 'X-Credits-Left' } })
      const first = await site.post({ a: 1 }, 'k')
      expect([first.status, first.field('x-credits-left'), first.field('idempotent-replayed')]).toEqual([
        201,
        '98',
        undefined,
      ])
      expect(first.field('idempotency-original-request-id')).toBeUndefined()
      const again = await site.post({ a: 1 }, 'k')
      expect([again.status, again.body]).toEqual([201, first.body])
      for (const name of ['location', 'content-type']) expect(again.field(name), name).toBe(first.field(name))
      expect(again.field('content-length') ?? first.body.length).toEqual(
        expect.toSatisfy((length) => Number(length) === first.body.length),
      )
      expect(again.field('idempotent-replayed')).toBe('true')
      expect(again.field('idempotency-original-request-id')).toBe(first.field('x-request-id'))
      expect(again.field('x-request-id')).not.toBe(first.field('x-request-id'))
      expect([site.runs(), await site.balance()]).toEqual([1, 98])
    },
  },
  {
    name: '7, 129, 130: refuses another body, method, path, query or media type under a key that is done, and keeps the record',
    async run(open) {
      const handle = () => ({ json: {} })
      const other = { path: '/other', guards: [{ idempotency: {} }], handle }
      const site = await open({ routes: [other] })
      await site.post({ a: 1 }, 'k')
      const others = [
        site.post({ a: 2 }, 'k'),
        site.post({ a: 1 }, 'k', { method: 'PATCH' }),
        site.post({ a: 1 }, 'k', { path: '/other' }),
        site.post({ a: 1 }, 'k', { path: '/jobs?x=1' }),
        site.post({ a: 1 }, 'k', { headers: [['Content-Type', 'text/plain']] }),
      ]
      for (const refused of await Promise.all(others)) {
        expect([refused.status, codeOf(refused)]).toEqual([409, 'idempotency_key_mismatch'])
        expect(refused.field('retry-after')).toBeUndefined()
      }
      const same = await site.post({ a: 1 }, 'k', { headers: [['Content-Type', 'Application/JSON; charset=utf-8']] })
      expect(same.field('idempotent-replayed')).toBe('true')
      expect([site.runs(), await site.balance()]).toEqual([1, 98])
    },
  },
  {
    name: '8, 9: tells the same request to wait while the first runs, and refuses another one outright',
    async run(open) {
      const held = gate()
      const site = await open({ handle: () => held.opened.then(() => ({ json: {} })) })
      const first = site.post({ a: 1 }, 'k')
      await until('the handler runs', () => site.runs() === 1)
      const same = await site.post({ a: 1 }, 'k')
      expect([same.status, codeOf(same), same.field('retry-after')]).toEqual([409, 'idempotency_in_progress', '1'])
      const other = await site.post({ a: 2 }, 'k')
      expect([other.status, codeOf(other), other.field('retry-after')]).toEqual([
        409,
        'idempotency_key_mismatch',
        undefined,
      ])
      held.open()
      expect((await first).status).toBe(200)
      expect((await site.post({ a: 1 }, 'k')).field('idempotent-replayed')).toBe('true')
      expect([site.runs(), await site.balance()]).toEqual([1, 98])
    },
  },
  {
    name: '165: takes a request for the same, and for the same price and limit, whatever it says of the app that sent it',
    async run(open) {
      const site = await open({ limits: { policies: { default: [{ limit: 10, windowSeconds: 60 }] } } })
      const apps = [
        [],
        [['Referer', 'https://app.example/a?b=c']],
        [['X-Title', 'Acme, Inc.']],
        [['HTTP-Referer', 'javascript:alert(1)']],
        [['X-Application-Name', '\u00ff'.repeat(500)]],
        [
          ['Referer', `https://app.example/${'x'.repeat(3_000)}`],
          ['X-Title', 'keyward'],
        ],
      ] as const
      const key = await site.createKey()
      for (const [at, headers] of apps.entries()) {
        const repeated = await site.post({ a: 1 }, 'k', { apiKey: key.apiKey, headers })
        expect([repeated.status, repeated.field('x-ratelimit-remaining')]).toEqual([201, String(9 - at)])
        expect(repeated.field('idempotent-replayed')).toBe(at === 0 ? undefined : 'true')
      }
      expect([site.runs(), await site.balance()]).toEqual([1, 98])
      for (const [at, headers] of apps.entries()) {
        const fresh = await site.post({ a: 1 }, `k${at}`, { headers })
        expect([fresh.status, fresh.field('x-ratelimit-remaining')]).toEqual([201, String(9 - at)])
      }
      expect([site.runs(), await site.balance()]).toEqual([7, 86])
    },
  },
  {
    name: '10: runs one of 20 that come at once, and one debit',
    async run(open) {
      const held = gate()
      const site = await open({ handle: () => held.opened.then(() => ({ json: {} })) })
      let waiting = 20
      const all = Array.from({ length: 20 }, async () => {
        const response = await site.post({ a: 1 }, 'k')
        waiting -= 1
        return response
      })
      await until('19 are answered', () => waiting === 1)
      held.open()
      const statuses = (await Promise.all(all)).map(({ status }) => status)
      expect(statuses.filter((status) => status === 200)).toHaveLength(1)
      expect(statuses.filter((status) => status === 409)).toHaveLength(19)
      expect([site.runs(), await site.balance()]).toEqual([1, 98])
    },
  },
  {
    name: '11: keeps whatever the handler answers below 500',
    async run(open) {
      const site = await open({
        handle: (body) => ({ status: (body as { status: number }).status, json: { n: Math.random() } }),
      })
      for (const status of [200, 201, 303, 400, 402, 404, 409, 422, 429]) {
        const first = await site.post({ status }, `k${status}`)
        const again = await site.post({ status }, `k${status}`)
        expect([first.status, again.status, again.body]).toEqual([status, status, first.body])
        expect(again.field('idempotent-replayed')).toBe('true')
      }
      expect(site.runs()).toBe(9)
    },
  },
  {
    name: '12, 140, 112: keeps what fails, and takes nothing for it; runs it again where the route says so',
    async run(open) {
      for (const on5xx of ['store', 'release'] as const) {
        const site = await open({
          route: { credits: 2, idempotency: { on5xx } },
          handle(body) {
            if ((body as { throws: boolean }).throws) throw new Error('secret-detail')
            return { status: 503, json: { n: 1 } }
          },
        })
        for (const throws of [true, false]) {
          const first = await site.post({ throws }, `k-${throws}`)
          const again = await site.post({ throws }, `k-${throws}`)
          expect([first.status, again.status]).toEqual(throws ? [500, 500] : [503, 503])
          expect(again.field('idempotent-replayed')).toBe(on5xx === 'store' ? 'true' : undefined)
          if (on5xx === 'store') expect(again.body).toEqual(first.body)
        }
        expect([site.runs(), await site.balance()]).toEqual([on5xx === 'store' ? 2 : 4, 100])
        await site.keyward.close()
      }
    },
  },
  {
    name: '13: claims nothing for a request that is refused with 401, 403, 429 or 402, and counts a replay',
    async run(open) {
      let claims = 0
      const site = await open({
        balance: 2,
        alter: (store) =>
          withClaims(store, (real) => ({
            claim(request) {
              claims += 1
              return real.claim(request)
            },
          })),
        limits: { policies: { default: [{ limit: 4, windowSeconds: 600 }] } },
        routes: [{ path: '/scoped', guards: [{ scopes: ['x'], idempotency: {} }], handle: () => ({ json: {} }) }],
      })
      expect((await site.post({ a: 1 }, 'k', { apiKey: 'nonsense' })).status).toBe(401)
      expect((await site.post({ a: 1 }, 'k', { path: '/scoped' })).status).toBe(403)
      expect(claims).toBe(0)
      expect((await site.post({ a: 1 }, 'k')).status).toBe(201)
      const again = await site.post({ a: 1 }, 'k')
      expect([again.field('idempotent-replayed'), again.field('x-ratelimit-remaining')]).toEqual(['true', '2'])
      const poor = await site.post({ a: 1 }, 'poor')
      expect([poor.status, codeOf(poor), poor.field('retry-after')]).toEqual([402, 'insufficient_credits', undefined])
      await site.keyward.credits.topUp({ owner: 'test' }, { amount: 2 })
      expect((await site.post({ a: 1 }, 'poor')).status).toBe(201)
      expect([(await site.post({ a: 1 }, 'k3')).status, claims]).toEqual([429, 4])
      expect([site.runs(), await site.balance()]).toEqual([2, 0])
    },
  },
  {
    name: '14, 147: replays nothing to a key that was revoked, has expired or has lost the scope',
    async run(open) {
      const site = await open({ route: { scopes: ['jobs'], idempotency: {} }, handle: () => ({ json: { secret: 1 } }) })
      const create = (more: object = {}) => site.createKey({ scopes: ['jobs'], ...more })
      const revoked = await create()
      const expiring = await create({ expiresAt: new Date(site.clock.now() + 10_000) })
      const narrowed = await create()
      for (const { apiKey } of [revoked, expiring, narrowed])
        expect((await site.post({ a: 1 }, 'k', { apiKey })).status).toBe(200)
      await site.keyward.keys.revoke(revoked.id)
      await site.keyward.keys.update(narrowed.id, { scopes: [] })
      site.clock.advance(11_000)
      for (const [{ apiKey }, status] of [
        [revoked, 401],
        [expiring, 401],
        [narrowed, 403],
      ] as const) {
        const refused = await site.post({ a: 1 }, 'k', { apiKey })
        expect([refused.status, refused.body.includes('secret')]).toEqual([status, false])
      }
      expect(site.runs()).toBe(3)
    },
  },
  {
    name: '15: completes and keeps what the handler makes when its client has gone',
    needsSocket: true,
    async run(open) {
      const held = gate()
      const site = await open({ handle: () => held.opened.then(() => ({ json: { done: true } })) })
      const { client } = begin(site.server.port ?? 0, jobRequest(site.key.apiKey, { a: 1 }, 'k'))
      client.end('{"a":1}')
      await until('the handler runs', () => site.runs() === 1)
      client.destroy()
      await new Promise((resolve) => setTimeout(resolve, 50))
      expect(codeOf(await site.post({ a: 1 }, 'k'))).toBe('idempotency_in_progress')
      held.open()
      await until(
        'the answer is kept',
        async () => (await site.post({ a: 1 }, 'k')).field('idempotent-replayed') === 'true',
      )
      expect([site.runs(), await site.balance()]).toEqual([1, 98])
    },
  },
  {
    name: '16, 17, 135: lets another attempt run when a lease has ended, tells it so, and keeps its answer, not the late one',
    async run(open) {
      const held = gate()
      const attempts: number[] = []
      const site = await open({
        async handle(_, { attempt }) {
          attempts.push(attempt)
          if (attempt === 1) await held.opened
          return { json: { attempt } }
        },
      })
      const late = site.post({ a: 1 }, 'k')
      await until('the handler runs', () => site.runs() === 1)
      site.clock.advance(59_999)
      expect(codeOf(await site.post({ a: 1 }, 'k'))).toBe('idempotency_in_progress')
      site.clock.advance(1)
      const second = await site.post({ a: 1 }, 'k')
      expect([second.status, attempts]).toEqual([200, [1, 2]])
      held.open()
      const first = await late
      expect([first.body.toString(), first.field('idempotency-stored')]).toEqual(['{"attempt":1}', 'false'])
      expect((await site.post({ a: 1 }, 'k')).body).toEqual(second.body)
      expect([site.runs(), await site.balance()]).toEqual([2, 98])
    },
  },
  {
    name: '18, 137: answers 503 and runs nothing while the store is away at the claim, or at the debit',
    async run(open) {
      let isAway = true
      for (const part of ['claims', 'ledger'] as const) {
        isAway = true
        const site = await open({
          alter: (store) =>
            part === 'claims'
              ? withClaims(store, (real) => ({ claim: (request) => (isAway ? away() : real.claim(request)) }))
              : withLedger(store, (real) => ({ reserve: (debit) => (isAway ? away() : real.reserve(debit)) })),
        })
        const refused = await site.post({ a: 1 }, 'k')
        expect([refused.status, codeOf(refused), site.runs()], part).toEqual([503, 'service_unavailable', 0])
        expect(refused.field('retry-after')).toMatch(/^\d+$/)
        isAway = false
        expect((await site.post({ a: 1 }, 'k')).status, part).toBe(201)
        expect([site.runs(), await site.balance()]).toEqual([1, 98])
        await site.keyward.close()
      }
    },
  },
  {
    name: '19, 138: gives the answer that it could not keep, says so, tries three times, and runs again after the lease, for nothing more',
    async run(open) {
      let tries = 0
      const site = await open({
        alter: (store) =>
          withClaims(store, () => ({
            complete() {
              tries += 1
              return away()
            },
          })),
      })
      const first = await site.post({ a: 1 }, 'k')
      expect([first.status, first.field('idempotency-stored'), tries]).toEqual([201, 'false', 3])
      expect(site.events).toContainEqual(expect.objectContaining({ type: 'degraded', part: 'exchange' }))
      expect(codeOf(await site.post({ a: 1 }, 'k'))).toBe('idempotency_in_progress')
      site.clock.advance(fiveMinutes)
      expect((await site.post({ a: 1 }, 'k')).status).toBe(201)
      expect([site.runs(), await site.balance()]).toEqual([2, 98])
    },
  },
  {
    name: '18, 114: takes nothing twice where a debit was written although the store did not say so',
    async run(open) {
      let isCut = true
      const site = await open({
        alter: (store) =>
          withLedger(store, (real) => ({
            async reserve(debit) {
              const made = await real.reserve(debit)
              return isCut ? away() : made
            },
          })),
      })
      expect((await site.post({ a: 1 }, 'k')).status).toBe(503)
      expect([site.runs(), await site.balance()]).toEqual([0, 100])
      isCut = false
      expect((await site.post({ a: 1 }, 'k')).status).toBe(201)
      expect([site.runs(), await site.balance()]).toEqual([1, 98])
    },
  },
]
