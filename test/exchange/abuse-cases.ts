import { connect } from 'node:net'
import { defaultProfile } from 'keyward'
import { expect } from 'vitest'
import { exchange } from '../../src/testing/adapter/raw-http.ts'
import { until } from '../servers/until.ts'
import { type ExchangeCase, gate } from './exchange-case.ts'
import { begin } from './framework.ts'
import { codeOf, jobRequest, withClaims } from './site.ts'

const token = 'eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhYmMifQ.c2lnbmF0dXJlLW9mLWl0'

/** Group G of the catalog of abuse, as far as the table of idempotency does not have it. */
export const abuseCases: readonly ExchangeCase[] = [
  {
    name: 'keeps no response that shows an API key or a token, in its body or a field, and does not make it twice',
    async run(open) {
      const apiKey = defaultProfile.keyFormat.make()
      const kept: string[] = []
      const site = await open({
        alter: (store) =>
          withClaims(store, (real) => ({
            complete(completion, closing) {
              kept.push(new TextDecoder().decode(completion.answer ?? new Uint8Array(0)))
              return real.complete(completion, closing)
            },
          })),
        handle(body) {
          const { where, what } = body as { where: string; what: string }
          if (where === 'field') return { json: {}, headers: { 'X-Made': what } }
          if (where === 'json') return { json: { made: [{ deep: what }] } }
          return { bytes: new TextEncoder().encode(`\xff\xfe ${what} \x00`) }
        },
      })
      for (const where of ['field', 'json', 'bytes'])
        for (const what of [apiKey, token]) {
          const key = `${where}-${what === token}`
          const first = await site.post({ where, what }, key)
          expect(`${first.field('x-made')} ${first.body}`).toContain(what)
          const again = await site.post({ where, what }, key)
          expect([again.status, codeOf(again)]).toEqual([409, 'idempotency_not_replayable'])
          expect(again.body.toString()).not.toContain(what)
        }
      expect([site.runs(), kept.join('')]).toEqual([6, ''])
      await site.post({ where: 'json', what: 'nothing' }, 'k')
      expect(kept.join('')).toContain('nothing')
    },
  },
  {
    name: '133: takes a body of no bytes for the same whether it is chunked or not, and waits for no more',
    async run(open) {
      const site = await open()
      for (const key of ['k', 'k2']) {
        for (const isChunked of [false, true]) {
          const response = await site.post('', key, { isChunked, headers: [['Content-Type', 'application/json']] })
          // A framework may refuse an empty JSON body: then that is the answer, both times.
          expect([200, 201, 400, 500]).toContain(response.status)
          expect(response.field('idempotent-replayed')).toBe(isChunked ? 'true' : undefined)
        }
        expect((await site.post('0', key)).status).toBe(409)
      }
    },
  },
  {
    name: '143: reads a body of just as many bytes as it holds, and of one, and not one more',
    async run(open) {
      const site = await open({ route: { credits: 1, idempotency: { maxBodyBytes: 1_024 } } })
      for (const isChunked of [false, true])
        for (const [size, status] of [
          [1, 201],
          [1_023, 201],
          [1_024, 201],
          [1_025, 413],
        ] as const) {
          const body =
            size === 1
              ? '7'
              : JSON.stringify('x'.repeat(size - 2))
                  .replace(/^"(.*)"$/, '["$1"]')
                  .replace('xx', '')
          expect(body).toHaveLength(size)
          const key = `k-${size}-${isChunked}`
          const response = await site.post(size === 1 ? `[${body}]` : body, key, { isChunked })
          expect([response.status, size], key).toEqual([status, size])
        }
      expect([site.runs(), await site.balance()]).toEqual([6, 94])
    },
  },
  {
    name: '14: judges again who was long in sending a body: a key that was revoked meanwhile runs nothing',
    needsSocket: true,
    async run(open) {
      for (const route of [{ credits: 2, idempotency: {} }, { idempotency: {} }]) {
        const site = await open({ route })
        const { apiKey, id } = await site.createKey()
        const { client, promise } = begin(site.server.port ?? 0, {
          ...jobRequest(apiKey, undefined, 'k', { headers: [['Content-Type', 'application/json']] }),
          isChunked: true,
        })
        client.write('{"a"')
        await until('it is admitted', () => site.events.some((event) => event.type === 'admitted'))
        await site.keyward.keys.revoke(id)
        site.clock.advance(2_000)
        for (const byte of ':1') {
          client.write(byte)
          await new Promise((resolve) => setTimeout(resolve, 20))
        }
        client.end('}')
        const response = await promise
        response.resume()
        expect([response.statusCode, site.runs(), await site.balance()]).toEqual([401, 0, 100])
        await site.keyward.close()
      }
    },
  },
  {
    name: '151: keeps nothing of an upload that its client breaks off, and runs the retry',
    needsSocket: true,
    async run(open) {
      let claims = 0
      const site = await open({
        alter: (store) =>
          withClaims(store, (real) => ({
            claim(request) {
              claims += 1
              return real.claim(request)
            },
          })),
      })
      for (const isChunked of [true, false]) {
        const { client } = begin(site.server.port ?? 0, {
          ...jobRequest(site.key.apiKey, isChunked ? undefined : 'x'.repeat(50_000), 'k'),
          isChunked,
        })
        client.on('error', () => {})
        client.write('{"a":')
        const admitted = () => site.events.filter((event) => event.type === 'admitted').length
        await until('it is admitted', () => admitted() === (isChunked ? 1 : 2))
        await new Promise((resolve) => setTimeout(resolve, 30))
        client.destroy()
        const denied = () => site.events.filter((event) => event.type === 'denied').length
        await until('it is noticed', () => denied() === (isChunked ? 1 : 2))
      }
      expect([claims, site.runs(), await site.balance()]).toEqual([0, 0, 100])
      expect((await site.post({ a: 1 }, 'k')).status).toBe(201)
    },
  },
  {
    name: 'answers pipelined requests with one key in order: one runs, and none gets the answer of another',
    needsSocket: true,
    async run(open) {
      const site = await open({ handle: (body) => ({ json: body }) })
      const request = (key: string, body: string) =>
        `POST /jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${site.key.apiKey}\r\nContent-Type: application/json\r\n` +
        `Idempotency-Key: ${key}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
      const bodies = ['{"n":1}', '{"n":22}', '{"n":333}']
      const text =
        bodies.map((body, at) => request(`k${at}`, body)).join('') + request('k0', '{"n":1}') + request('k0', '[]')
      const { responses } = await exchange(site.server.port ?? 0, text, Array<string>(5).fill('POST'))
      expect(responses.slice(0, 3).map(({ body }) => body)).toEqual(bodies)
      const [, , , same, other] = responses
      expect([200, 409]).toContain(same?.status)
      expect([other?.status, site.runs(), await site.balance()]).toEqual([409, 3, 94])
    },
  },
  {
    name: '152: bounds the records of one owner, and leaves what others have alone',
    async run(open) {
      const site = await open({ balance: 1_000, idempotency: { maxPerOwner: 100 } })
      const other = await site.createKey({ owner: 'another' })
      await site.keyward.credits.topUp({ owner: 'another' }, { amount: 10 })
      const statuses: number[] = []
      for (let each = 0; each < 110; each++) statuses.push((await site.post({ a: 1 }, `k${each}`)).status)
      const served = statuses.filter((status) => status === 201).length
      expect(served).toBeGreaterThanOrEqual(98)
      expect(served).toBeLessThanOrEqual(101)
      const full = await site.post({ a: 1 }, 'one more')
      expect([full.status, codeOf(full)]).toEqual([429, 'rate_limit_exceeded'])
      expect([site.runs(), await site.balance()]).toEqual([served, 1_000 - 2 * served])
      expect((await site.post({ a: 1 }, 'k0')).field('idempotent-replayed')).toBe('true')
      expect((await site.post({ a: 1 })).status).toBe(201)
      expect((await site.post({ a: 1 }, 'one more', { apiKey: other.apiKey })).status).toBe(201)
      site.clock.advance(86_400_000)
      expect((await site.post({ a: 1 }, 'one more')).status).toBe(201)
    },
  },
  {
    name: 'leaves a handler that never answers alone, and its client with the connection',
    needsSocket: true,
    async run(open) {
      const never = gate()
      const site = await open({ handle: () => never.opened.then(() => ({ json: {} })) })
      const socket = connect(site.server.port ?? 0, '127.0.0.1')
      const body = '{"a":1}'
      socket.write(
        `POST /jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${site.key.apiKey}\r\nContent-Type: application/json\r\n` +
          `Idempotency-Key: k\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      )
      await until('the handler runs', () => site.runs() === 1)
      expect(codeOf(await site.post({ a: 1 }, 'k'))).toBe('idempotency_in_progress')
      socket.destroy()
      await new Promise((resolve) => setTimeout(resolve, 50))
      // Nobody knows what it has done: the key stays taken until the lease ends.
      expect(codeOf(await site.post({ a: 1 }, 'k'))).toBe('idempotency_in_progress')
      expect([site.runs(), await site.balance()]).toEqual([1, 98])
      never.open()
    },
  },
]
