import { InvalidInputError, StoreConflictError } from 'keyward'
import { expect } from 'vitest'
import { until } from '../servers/until.ts'
import { type ExchangeCase, gate } from './exchange-case.ts'
import { begin } from './framework.ts'
import { codeOf, jobRequest, withLedger } from './site.ts'

const one = { credits: 1 }
const metered = { credits: { reserve: 50, leaseSeconds: 5 } } as const
/** Every end of a request with credits, with an idempotency key and without. */
const keys = [undefined, 'k'] as const

/** Group F of the catalog of abuse: credits over HTTP, in one process. */
export const creditCases: readonly ExchangeCase[] = [
  {
    name: '109: serves 5 of 7 requests from 5 credits, and tells each what is left',
    async run(open) {
      const site = await open({ balance: 5, route: one, credits: { header: 'X-Left' } })
      const served = []
      for (let request = 0; request < 7; request++) served.push(await site.post({ request }))
      expect(served.map(({ status }) => status)).toEqual([201, 201, 201, 201, 201, 402, 402])
      expect(served.map((response) => response.field('x-left'))).toEqual([
        '4',
        '3',
        '2',
        '1',
        '0',
        undefined,
        undefined,
      ])
      const last = served[6]
      expect([last && codeOf(last), last?.field('retry-after')]).toEqual(['insufficient_credits', undefined])
      expect([site.runs(), await site.balance()]).toEqual([5, 0])
    },
  },
  {
    name: '111: serves one of two that cost 7 at once, from 10',
    async run(open) {
      const held = gate()
      const site = await open({
        balance: 10,
        route: { credits: 7 },
        handle: () => held.opened.then(() => ({ json: {} })),
      })
      const both = [site.post({ a: 1 }), site.post({ a: 2 })]
      const first = await Promise.race([...both, until('the handler runs', () => site.runs() === 1)])
      held.open()
      const statuses = (await Promise.all(both)).map(({ status }) => status).sort()
      expect([statuses, first === undefined || first.status === 402]).toEqual([[200, 402], true])
      expect([site.runs(), await site.balance()]).toEqual([1, 3])
    },
  },
  {
    name: '112, 116: refunds once what throws, answers 5xx or by sendError, and charges what the handler answers below',
    async run(open) {
      const site = await open({
        route: { credits: 2, idempotency: {} },
        handle(body) {
          const { what } = body as { what: string }
          if (what === 'throw') throw new Error('secret-detail')
          if (what === 'error') return { error: 'validation_failed' }
          return { status: Number(what), json: {} }
        },
      })
      for (const key of keys)
        for (const [what, status, cost] of [
          ['throw', 500, 0],
          ['503', 503, 0],
          ['error', 422, 0],
          ['422', 422, 2],
          ['303', 303, 2],
        ] as const) {
          const before = (await site.movements()).length
          const balance = await site.balance()
          expect((await site.post({ what }, key && `${key}-${what}`)).status).toBe(status)
          await until('it is settled', async () => (await site.balance()) === balance - cost)
          const kinds = (await site.movements()).slice(before).map(({ kind }) => kind)
          expect(kinds, what).toEqual(cost === 0 ? ['debit', 'refund'] : ['debit'])
        }
    },
  },
  {
    name: '113: refunds a request without a key once when its client leaves before the answer, whatever comes later',
    needsSocket: true,
    async run(open) {
      for (const route of [{ credits: 2 }, metered]) {
        const held = gate()
        const site = await open({ route, handle: () => held.opened.then(() => ({ json: {} })) })
        const { client } = begin(site.server.port ?? 0, jobRequest(site.key.apiKey, { a: 1 }, undefined))
        client.end('{"a":1}')
        await until('the handler runs', () => site.runs() === 1)
        client.destroy()
        await until('it is refunded', async () => (await site.balance()) === 100)
        held.open()
        await new Promise((resolve) => setTimeout(resolve, 50))
        expect((await site.movements()).map(({ kind }) => kind)).toEqual(['top_up', 'debit', 'refund'])
        await site.keyward.close()
      }
    },
  },
  {
    name: '113: refunds a request once whose client leaves while its credits are being taken',
    needsSocket: true,
    async run(open) {
      const held = gate()
      let isTaking = false
      const site = await open({
        route: metered,
        alter: (store) =>
          withLedger(store, (real) => ({
            async reserve(debit) {
              isTaking = true
              await held.opened
              return real.reserve(debit)
            },
          })),
        handle: () => new Promise(() => {}),
      })
      const { client } = begin(site.server.port ?? 0, jobRequest(site.key.apiKey, { a: 1 }, undefined))
      client.end('{"a":1}')
      await until('credits are being taken', () => isTaking)
      client.destroy()
      await new Promise((resolve) => setTimeout(resolve, 100))
      held.open()
      await until('it is refunded', async () => (await site.movements()).length === 3)
      expect((await site.movements()).map(({ kind }) => kind)).toEqual(['top_up', 'debit', 'refund'])
      expect(await site.keyward.credits.get({ owner: 'test' })).toMatchObject({ balance: 100, reserved: 0 })
    },
  },
  {
    name: '113: charges once for what its client has left in the middle, with a key and without, metered or not',
    needsSocket: true,
    async run(open) {
      for (const idempotency of [undefined, {}])
        for (const credits of [2, { reserve: 2, leaseSeconds: 5, afterCrash: 'refund' }] as const) {
          const site = await open({
            route: { credits, idempotency },
            handle: () => ({ pieces: Array<string>(50).fill('x'.repeat(1_000)), pauseMs: 20 }),
          })
          const { client, promise } = begin(site.server.port ?? 0, jobRequest(site.key.apiKey, { a: 1 }, 'k'))
          client.end('{"a":1}')
          const response = await promise
          response.once('data', () => client.destroy())
          response.on('error', () => {})
          await until('it is settled', async () => {
            const { reserved } = await site.keyward.credits.get({ owner: 'test' })
            return client.destroyed && reserved === 0
          })
          await new Promise((resolve) => setTimeout(resolve, 100))
          site.clock.advance(60_000)
          await new Promise((resolve) => setTimeout(resolve, 1_100))
          expect((await site.movements()).map(({ kind }) => kind)).toEqual(['top_up', 'debit'])
          expect(await site.balance()).toBe(98)
          if (idempotency !== undefined)
            expect(codeOf(await site.post({ a: 1 }, 'k'))).toBe('idempotency_not_replayable')
          await site.keyward.close()
        }
    },
  },
  {
    name: '121: settles below the reserve, above it and again, as far as the balance goes, with a key and without',
    async run(open) {
      for (const overshoot of ['charge', 'cap'] as const)
        for (const key of keys) {
          const site = await open({
            route: { credits: { reserve: 50, overshoot }, idempotency: {} },
            async handle(body, identity) {
              for (const amount of body as number[]) await identity.settle(amount)
              return { json: {} }
            },
          })
          expect((await site.post([37], key && 'a')).status).toBe(200)
          expect(await site.balance()).toBe(63)
          await site.post([60], key && 'b')
          expect(await site.balance()).toBe(overshoot === 'charge' ? 3 : 13)
          await site.keyward.credits.set({ owner: 'test' }, { balance: 60 })
          await site.post([0, 10, 5], key && 'c')
          expect(await site.balance()).toBe(55)
          await site.post([80], key && 'd')
          expect(await site.balance()).toBe(overshoot === 'charge' ? 0 : 5)
          const last = (await site.movements()).at(-1)
          if (overshoot === 'charge') expect(last).toEqual({ kind: 'settlement', amount: -5, shortfall: 25 })
          await site.keyward.close()
        }
    },
  },
  {
    name: '121: refuses to settle what is no amount, and on a route without credits, and moves nothing for it',
    async run(open) {
      const errors: unknown[] = []
      const attempt = async (work: () => Promise<void>) => {
        await work().catch((error: unknown) => errors.push(error))
        return { json: {} }
      }
      const site = await open({
        route: { credits: 2 },
        async handle(_, identity) {
          for (const amount of [-1, Number.NaN, 0.5, 2 ** 53, Number.POSITIVE_INFINITY, '1' as never])
            await attempt(() => identity.settle(amount))
          return { json: {} }
        },
        routes: [
          { path: '/free', guards: [{}], handle: (_, identity) => attempt(() => identity.settle(1)) },
          { path: '/kept', guards: [{ idempotency: {} }], handle: (_, identity) => attempt(() => identity.settle(1)) },
        ],
      })
      await site.post({ a: 1 })
      expect(errors).toHaveLength(6)
      for (const error of errors) expect(error).toBeInstanceOf(InvalidInputError)
      for (const path of ['/free', '/kept']) await site.post({ a: 1 }, 'k', { path })
      expect(errors.slice(6).map((error) => (error as Error).message)).toEqual(
        Array(2).fill('settle: this route takes no credits.'),
      )
      expect(await site.balance()).toBe(98)
    },
  },
  {
    name: '116: takes a settlement after the response, twice the same once, and none after a refund',
    async run(open) {
      let settle: ((amount: number) => Promise<void>) | undefined
      const site = await open({
        route: { credits: 10, idempotency: {} },
        handle(body, identity) {
          settle = (amount) => identity.settle(amount)
          return { status: (body as { status: number }).status, json: {} }
        },
      })
      for (const key of keys) {
        await site.keyward.credits.set({ owner: 'test' }, { balance: 100 })
        await site.post({ status: 200 }, key)
        for (const amount of [4, 4]) await settle?.(amount)
        expect(await site.balance()).toBe(96)
        await site.post({ status: 500 }, key && 'failing')
        await until('it is refunded', async () => (await site.balance()) === 96)
        await expect(settle?.(1)).rejects.toThrow(StoreConflictError)
        expect(await site.balance()).toBe(96)
      }
    },
  },
  {
    name: '122: closes a metered request whose lease has ended by its policy, once, and refuses what it says later',
    async run(open) {
      for (const afterCrash of ['charge', 'refund'] as const) {
        const held = gate()
        let late: unknown
        const site = await open({
          route: { credits: { reserve: 50, leaseSeconds: 5, afterCrash } },
          async handle(_, identity) {
            await held.opened
            late = await identity.settle(10).catch((error: unknown) => error)
            return { json: {} }
          },
        })
        const answering = site.post({ a: 1 })
        await until('the handler runs', () => site.runs() === 1)
        expect(await site.keyward.credits.get({ owner: 'test' })).toMatchObject({ balance: 50, reserved: 50 })
        site.clock.advance(5_000)
        await until('the sweep has come', async () => {
          const { reserved } = await site.keyward.credits.get({ owner: 'test' })
          return reserved === 0
        })
        held.open()
        expect((await answering).status).toBe(200)
        expect(late).toBeInstanceOf(StoreConflictError)
        expect(await site.balance()).toBe(afterCrash === 'charge' ? 50 : 100)
        await site.keyward.close()
      }
    },
  },
  {
    name: '122: renews the lease of a handler that runs, also where its claim has a longer one',
    async run(open) {
      for (const key of keys) {
        const held = gate()
        const site = await open({
          route: { ...metered, idempotency: {} },
          handle: () => held.opened.then(() => ({ json: {} })),
        })
        const answering = site.post({ a: 1 }, key)
        await until('the handler runs', () => site.runs() === 1)
        // A renewal is due every 1,667 ms. At 4.9 s of the lease it has 1.1 s more, or 5 s when it came.
        await new Promise((resolve) => setTimeout(resolve, 1_000))
        site.clock.advance(4_900)
        await new Promise((resolve) => setTimeout(resolve, 900))
        site.clock.advance(4_900)
        await new Promise((resolve) => setTimeout(resolve, 1_300))
        expect(await site.keyward.credits.get({ owner: 'test' })).toMatchObject({ balance: 50, reserved: 50 })
        held.open()
        expect((await answering).field('idempotency-stored')).toBeUndefined()
        await until('it is settled', async () => (await site.keyward.credits.get({ owner: 'test' })).reserved === 0)
        expect(await site.balance()).toBe(50)
        await site.keyward.close()
      }
    },
  },
  {
    name: '123: lets two keys of one owner spend one pool, and no more of it than there is',
    async run(open) {
      const site = await open({ balance: 10, route: one })
      const { apiKey } = await site.createKey()
      const all = Array.from({ length: 20 }, (_, at) => site.post({ at }, undefined, at % 2 === 0 ? {} : { apiKey }))
      const statuses = (await Promise.all(all)).map(({ status }) => status)
      expect(statuses.filter((status) => status === 201)).toHaveLength(10)
      expect([site.runs(), await site.balance()]).toEqual([10, 0])
    },
  },
  {
    name: '118: ends with the exact balance when top-ups race with requests',
    async run(open) {
      const site = await open({ balance: 1_000, route: { credits: 3 } })
      const spends = Array.from({ length: 50 }, (_, at) => site.post({ at }))
      const adds = Array.from({ length: 10 }, () => site.keyward.credits.topUp({ owner: 'test' }, { amount: 7 }))
      await Promise.all([...spends, ...adds])
      expect(await site.balance()).toBe(1_000 - 150 + 70)
    },
  },
  {
    name: '124: makes a refill that is due before a request is told that it has too few, once, also on a clock set back',
    async run(open) {
      const site = await open({ balance: 1, route: one })
      const refill = { amount: 2, mode: 'add', every: 60 } as const
      await site.keyward.credits.set({ owner: 'test' }, { refill })
      const serve = async () => (await site.post({ a: 1 })).status
      expect([await serve(), await serve()]).toEqual([201, 402])
      site.clock.advance(60_000)
      expect([await serve(), await serve(), await serve()]).toEqual([201, 201, 402])
      site.clock.set(site.clock.now() - 30_000)
      expect(await serve()).toBe(402)
      site.clock.advance(30_000)
      expect(await serve()).toBe(402)
    },
  },
  {
    name: 'takes and claims once for a request that passes requireKey twice, whichever of the two asks for what',
    async run(open) {
      const idempotency = {}
      for (const guards of [
        [
          { credits: 2, idempotency },
          { credits: 2, idempotency },
        ],
        [{ credits: 2 }, { idempotency }],
        [{ idempotency }, { credits: 2 }],
        [{ idempotency }, {}],
        [{}, { credits: 2, idempotency }],
        [{ credits: 2, idempotency }, {}],
      ]) {
        const site = await open({ guards, credits: { header: 'X-Left' } })
        const first = await site.post({ a: 1 }, 'k')
        const again = await site.post({ a: 1 }, 'k')
        expect([first.status, again.status, again.field('idempotent-replayed')]).toEqual([201, 201, 'true'])
        const cost = guards.some((guard) => 'credits' in guard) ? 2 : 0
        expect([site.runs(), await site.balance()]).toEqual([1, 100 - cost])
        expect(first.field('x-left')).toBe(cost === 0 ? undefined : '98')
        await site.keyward.close()
      }
    },
  },
  {
    name: '13: gives back what the first requireKey has claimed and taken when a second one refuses the request',
    async run(open) {
      const site = await open({ guards: [{ credits: 2, idempotency: {} }, { scopes: ['x'] }] })
      for (const key of ['k', undefined]) {
        const refused = await site.post({ a: 1 }, key)
        expect([refused.status, codeOf(refused)]).toEqual([403, 'insufficient_scope'])
        await until('it is refunded', async () => (await site.balance()) === 100)
      }
      await site.keyward.keys.update(site.key.id, { scopes: ['x'] })
      const allowed = await site.post({ a: 1 }, 'k')
      expect([allowed.status, allowed.field('idempotent-replayed'), await site.balance()]).toEqual([201, undefined, 98])
    },
  },
]
