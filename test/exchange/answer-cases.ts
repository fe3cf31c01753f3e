import { createHash } from 'node:crypto'
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect } from 'vitest'
import type { ExchangeCase } from './exchange-case.ts'
import { begin } from './framework.ts'
import { codeOf, jobRequest, withClaims } from './site.ts'

const everyByte = Uint8Array.from({ length: 1_024 }, (_, at) => at % 256)

/** Rows 20 to 30 of the table of idempotency: what is kept of a response, for whom and how long. */
export const answerCases: readonly ExchangeCase[] = [
  {
    name: '20, 142: sends a body that is too long to keep, and does not run again for it; one of just the size is kept',
    async run(open) {
      const site = await open({
        route: { idempotency: { maxBodyBytes: 2_048 } },
        handle: (body) => ({ bytes: new Uint8Array((body as { size: number }).size).fill(7) }),
      })
      for (const size of [0, 1, 2_047, 2_048]) {
        expect((await site.post({ size }, `k${size}`)).body).toHaveLength(size)
        const again = await site.post({ size }, `k${size}`)
        expect([again.field('idempotent-replayed'), again.body.length]).toEqual(['true', size])
      }
      for (const size of [2_049, 3_000_000]) {
        const first = await site.post({ size }, `k${size}`)
        expect([first.status, first.body.length, first.body.every((byte) => byte === 7)]).toEqual([200, size, true])
        const again = await site.post({ size }, `k${size}`)
        expect([again.status, codeOf(again)]).toEqual([409, 'idempotency_not_replayable'])
      }
      expect(site.runs()).toBe(6)
    },
  },
  {
    name: '21, 142: lets events through as they come, and does not run again for them',
    needsSocket: true,
    async run(open) {
      const site = await open({
        handle: () => ({
          pieces: ['data: 1\n\n', 'data: 2\n\n', 'data: 3\n\n'],
          pauseMs: 150,
          headers: { 'Content-Type': 'text/event-stream' },
        }),
      })
      const { client, promise } = begin(site.server.port ?? 0, jobRequest(site.key.apiKey, { a: 1 }, 'k'))
      client.end('{"a":1}')
      const response = await promise
      const arrivals: number[] = []
      let text = ''
      for await (const chunk of response) {
        arrivals.push(performance.now())
        text += String(chunk)
      }
      expect(text).toBe('data: 1\n\ndata: 2\n\ndata: 3\n\n')
      expect(arrivals.length).toBeGreaterThanOrEqual(3)
      expect((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThan(150)
      const again = await site.post({ a: 1 }, 'k')
      expect([again.status, codeOf(again)]).toEqual([409, 'idempotency_not_replayable'])
      expect([site.runs(), await site.balance()]).toEqual([1, 98])
    },
  },
  {
    name: '22, 154: gives binary and compressed bodies again byte by byte, with their coding',
    async run(open) {
      const zipped = gzipSync('a text that is long enough '.repeat(50))
      const site = await open({
        handle: (body) =>
          (body as { zip: boolean }).zip
            ? {
                bytes: zipped,
                headers: { 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding', 'Content-Type': 'text/plain' },
              }
            : { bytes: everyByte, headers: { 'Content-Type': 'application/octet-stream' } },
      })
      for (const zip of [false, true]) {
        const first = await site.post({ zip }, `k-${zip}`)
        const again = await site.post({ zip }, `k-${zip}`)
        expect(again.field('idempotent-replayed')).toBe('true')
        expect(again.field('content-type')).toBe(first.field('content-type'))
        const sum = (body: Uint8Array) => createHash('sha256').update(body).digest('hex')
        expect([sum(first.body), sum(again.body)]).toEqual(Array(2).fill(sum(zip ? zipped : everyByte)))
        if (!zip) continue
        expect([again.field('content-encoding'), again.field('vary')]).toEqual(['gzip', 'Accept-Encoding'])
        expect(gunzipSync(again.body).toString()).toMatch(/^a text/)
      }
      expect(site.runs()).toBe(2)
    },
  },
  {
    name: '23, 154: gives empty answers again: 204, 303 with its Location, and a 200 without a body',
    async run(open) {
      const site = await open({
        handle: (body) => {
          const { status } = body as { status: number }
          return { status, empty: true, headers: status === 303 ? { Location: '/jobs/7' } : {} }
        },
      })
      for (const status of [204, 303, 200]) {
        const first = await site.post({ status }, `k${status}`)
        const again = await site.post({ status }, `k${status}`)
        expect([first.status, again.status, again.body.length]).toEqual([status, status, 0])
        expect(again.field('idempotent-replayed')).toBe('true')
        expect(again.field('location')).toBe(first.field('location'))
        expect(again.field('content-type')).toBe(first.field('content-type'))
      }
      expect(site.runs()).toBe(3)
    },
  },
  {
    name: '24, 145: gives the header again that belongs to the answer, and none that belongs to the exchange',
    async run(open) {
      const kept = {
        Location: '/jobs/1',
        ETag: '"v1"',
        Link: ['</a>; rel="next"', '</b>; rel="prev"'],
        'Content-Disposition': 'attachment; filename="a.json"',
        'Content-Language': 'de',
        'X-Custom': 'x',
        Vary: 'Accept',
      }
      const fresh = {
        'Set-Cookie': ['a=1', 'b=2'],
        RateLimit: '"x";r=1;t=1',
        'RateLimit-Policy': '"x";q=1;w=1',
        'X-RateLimit-Limit': '777',
        'X-RateLimit-Custom': '1',
        'Retry-After': '9',
        'X-Trace-Id': 't',
        Traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
        'Access-Control-Allow-Origin': 'https://evil.example',
        'Idempotent-Replayed': 'no',
        'Idempotency-Stored': 'no',
        Age: '5',
        Date: 'Thu, 01 Jan 1970 00:00:00 GMT',
      }
      const site = await open({
        handle: () => ({ json: { a: 1 }, headers: { ...kept, ...fresh } }),
        limits: { policies: { default: [{ limit: 10, windowSeconds: 60 }] } },
      })
      const first = await site.post({ a: 1 }, 'k')
      const cookies = first.fields.filter(([name]) => name.toLowerCase() === 'set-cookie').map(([, value]) => value)
      expect(cookies).toEqual(['a=1', 'b=2'])
      const again = await site.post({ a: 1 }, 'k')
      const values = (name: string) =>
        again.fields.filter(([each]) => each.toLowerCase() === name.toLowerCase()).map(([, value]) => value)
      for (const [name, value] of Object.entries(kept))
        expect(values(name).join(', '), name).toBe([value].flat().join(', '))
      for (const name of Object.keys(fresh)) {
        if (['Idempotent-Replayed', 'Date', 'X-RateLimit-Limit'].includes(name)) continue
        expect(values(name), name).toEqual([])
      }
      expect(values('Idempotent-Replayed')).toEqual(['true'])
      expect(values('X-RateLimit-Limit')).toEqual(['10'])
      expect(values('X-RateLimit-Remaining')).toEqual(['8'])
      expect(values('Date').join()).not.toMatch(/1970/)
      expect(values('Content-Length').filter((value) => value !== String(again.body.length))).toEqual([])
      expect(values('X-Request-Id')).toHaveLength(1)
    },
  },
  {
    name: '25, 132: takes the same key from another API key for another request, and from the one it was rotated to for the same',
    async run(open) {
      const site = await open()
      const first = await site.post({ a: 1 }, 'k')
      const other = await site.createKey()
      const elsewhere = await site.createKey({ owner: 'another' })
      await site.keyward.credits.topUp({ owner: 'another' }, { amount: 10 })
      for (const { apiKey } of [other, elsewhere]) {
        const own = await site.post({ a: 1 }, 'k', { apiKey })
        expect([own.status, own.field('idempotent-replayed')]).toEqual([201, undefined])
      }
      const { apiKey } = (await site.keyward.keys.rotate(site.key.id)) as unknown as { apiKey: string }
      const again = await site.post({ a: 1 }, 'k', { apiKey })
      expect([again.field('idempotent-replayed'), again.body]).toEqual(['true', first.body])
      expect([site.runs(), await site.balance()]).toEqual([3, 96])
    },
  },
  {
    name: '26, 139: runs anew once a record has expired, and bills it anew',
    async run(open) {
      const site = await open({ idempotency: { ttlSeconds: 60 } })
      await site.post({ a: 1 }, 'k')
      site.clock.advance(59_999)
      expect((await site.post({ a: 1 }, 'k')).field('idempotent-replayed')).toBe('true')
      site.clock.advance(1)
      const anew = await site.post({ a: 1 }, 'k')
      expect([anew.status, anew.field('idempotent-replayed')]).toEqual([201, undefined])
      expect([site.runs(), await site.balance()]).toEqual([2, 96])
    },
  },
  {
    name: '27: runs anew when the store has lost the record',
    async run(open) {
      let isLost = false
      const site = await open({
        alter: (store) =>
          withClaims(store, (real) => ({
            claim: (request) => real.claim(isLost ? { ...request, id: `${request.id.slice(0, -4)}lost` } : request),
          })),
      })
      await site.post({ a: 1 }, 'k')
      isLost = true
      expect((await site.post({ a: 1 }, 'k')).status).toBe(201)
      expect(site.runs()).toBe(2)
    },
  },
  {
    name: '28: answers 503 for a record that it cannot read, whatever is wrong with it, and never runs',
    async run(open) {
      const text = (head: string) => new TextEncoder().encode(`${head}\nbody`)
      const records = [
        new Uint8Array(0),
        new TextEncoder().encode('no line feed'),
        text('{'),
        text('null'),
        text('{"format":2,"status":200,"headers":[]}'),
        text('{"format":1,"status":99,"headers":[]}'),
        text('{"format":1,"status":200,"headers":[["a"]]}'),
        text('{"format":1,"status":200,"headers":{}}'),
        Uint8Array.of(0xff, 0xfe, 0x0a),
      ]
      let answer = records[0] ?? null
      const site = await open({
        alter: (store) =>
          withClaims(store, () => ({ claim: async () => ({ outcome: 'done', answer, requestId: 'req_x' }) })),
      })
      for (const record of records) {
        answer = record
        const refused = await site.post({ a: 1 }, 'k')
        expect([refused.status, codeOf(refused)]).toEqual([503, 'service_unavailable'])
      }
      expect([site.runs(), await site.balance()]).toEqual([0, 100])
    },
  },
  {
    name: '29, 133: tells bodies apart by their bytes, and not by how they were framed',
    async run(open) {
      const site = await open()
      expect((await site.post('{"a":1,"b":2}', 'k')).status).toBe(201)
      for (const body of ['{"b":2,"a":1}', '{"a":1, "b":2}'])
        expect(codeOf(await site.post(body, 'k'))).toBe('idempotency_key_mismatch')
      const zipped = await site.post(gzipSync('{"a":1,"b":2}'), 'k', { headers: [['Content-Encoding', 'gzip']] })
      expect(codeOf(zipped)).toBe('idempotency_key_mismatch')
      const chunked = await site.post('{"a":1,"b":2}', 'k', { isChunked: true })
      expect([chunked.status, chunked.field('idempotent-replayed')]).toEqual([201, 'true'])
      expect(site.runs()).toBe(1)
    },
  },
  {
    name: '30: keeps nothing of a body that is longer than the framework takes: the key is good for a shorter one',
    async run(open) {
      const site = await open()
      const refused = await site.post({ text: 'x'.repeat(200_000) }, 'k')
      expect([refused.status, codeOf(refused)]).toEqual([413, 'payload_too_large'])
      expect([site.runs(), await site.balance()]).toEqual([0, 100])
      expect((await site.post({ text: 'x' }, 'k')).status).toBe(201)
      expect([site.runs(), await site.balance()]).toEqual([1, 98])
    },
  },
  {
    name: '143, 30: refuses a body that is longer than it reads, by its length or by its bytes, before the handler',
    async run(open) {
      const site = await open({ route: { credits: 2, idempotency: { maxBodyBytes: 2_048 } } })
      const ofSize = (size: number) => JSON.stringify('x'.repeat(size - 2))
      for (const isChunked of [false, true]) {
        const key = `k-${isChunked}`
        const refused = await site.post(ofSize(2_049), key, { isChunked })
        expect([refused.status, codeOf(refused)]).toEqual([413, 'payload_too_large'])
        expect((await site.post(`[${ofSize(2_046)}]`, key, { isChunked })).status).toBe(201)
      }
      expect([site.runs(), await site.balance()]).toEqual([2, 96])
    },
  },
]
