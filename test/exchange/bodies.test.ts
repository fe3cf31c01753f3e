import { createHash, randomBytes } from 'node:crypto'
import type { Server } from 'node:http'
import { Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { gzipSync } from 'node:zlib'
import { serve } from '@hono/node-server'
import express, { type RequestHandler } from 'express'
import fastify from 'fastify'
import { type Handler, Hono, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { validator } from 'hono/validator'
import { createTestKeyward } from 'keyward/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import * as onExpress from '../../adapters/express.ts'
import * as onFastify from '../../adapters/fastify.ts'
import * as onFetch from '../../adapters/fetch.ts'
import * as onHono from '../../adapters/hono.ts'
import { listening } from '../adapters/node-server.ts'
import { sendOverSocket } from './framework.ts'
import { sendToFetch } from './hono-server.ts'

const route = { idempotency: { maxBodyBytes: 1_048_576 } }
const sumOf = (...parts: readonly Uint8Array[]) => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('hex')
}

const boundary = 'xBOUNDARYx'
const file = randomBytes(70_000)
const multipart = Buffer.concat([
  Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="title"\r\n\r\nhello\r\n`),
  Buffer.from(
    `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="a.bin"\r\nContent-Type: application/octet-stream\r\n\r\n`,
  ),
  file,
  Buffer.from(`\r\n--${boundary}--\r\n`),
])
const json = Buffer.from(JSON.stringify({ text: 'ü🎬'.repeat(20_000) }))
const form = Buffer.from(`a=1&b=${'x'.repeat(50_000)}`)
const bodies = {
  json: ['application/json', json],
  text: ['text/plain; charset=utf-8', json],
  form: ['application/x-www-form-urlencoded', form],
  binary: ['application/octet-stream', randomBytes(300_000)],
  multipart: [`multipart/form-data; boundary=${boundary}`, multipart],
} as const
type Kind = keyof typeof bodies

const sumOfText = (text: string) => sumOf(Buffer.from(text))

/** Every way to read a body on Express: each must find the bytes that were sent. */
const expressReaders: Readonly<Record<string, readonly [Kind, RequestHandler, (request: express.Request) => unknown]>> =
  {
    'express.json': ['json', express.json({ limit: '1mb' }), (request) => sumOfText(JSON.stringify(request.body))],
    'express.text': ['text', express.text({ limit: '1mb' }), (request) => sumOfText(request.body)],
    'express.urlencoded': [
      'form',
      express.urlencoded({ limit: '1mb' }),
      ({ body }) => sumOfText(`a=${body.a}&b=${body.b}`),
    ],
    'express.raw': ['binary', express.raw({ limit: '1mb' }), (request) => sumOf(request.body)],
    'the event data': [
      'multipart',
      (_request, _response, next) => next(),
      (request) =>
        new Promise((resolve) => {
          const chunks: Buffer[] = []
          request.on('data', (chunk) => chunks.push(chunk))
          request.on('end', () => resolve(sumOf(...chunks)))
        }),
    ],
    'the event data, later': [
      'multipart',
      (_request, _response, next) => void setTimeout(next, 20),
      (request) =>
        new Promise((resolve) => {
          const chunks: Buffer[] = []
          request.on('readable', () => {
            for (let chunk = request.read(); chunk !== null; chunk = request.read()) chunks.push(chunk)
          })
          request.on('end', () => resolve(sumOf(...chunks)))
        }),
    ],
    'async iteration': [
      'multipart',
      (_request, _response, next) => next(),
      async (request) => {
        const chunks: Buffer[] = []
        for await (const chunk of request) chunks.push(chunk)
        return sumOf(...chunks)
      },
    ],
    pipeline: [
      'binary',
      (_request, _response, next) => next(),
      async (request) => {
        const hash = createHash('sha256')
        await pipeline(
          request,
          new Writable({
            write(chunk, _, done) {
              hash.update(chunk)
              setTimeout(done, 1)
            },
          }),
        )
        return hash.digest('hex')
      },
    ],
  }

/** Every way to read a body on Hono and on fetch. */
const fetchReaders: Readonly<Record<string, readonly [Kind, (request: Request) => Promise<string>]>> = {
  json: ['json', async (request) => sumOfText(JSON.stringify(await request.json()))],
  text: ['text', async (request) => sumOfText(await request.text())],
  arrayBuffer: ['binary', async (request) => sumOf(new Uint8Array(await request.arrayBuffer()))],
  formData: [
    'multipart',
    async (request) => {
      const data = await request.formData()
      return sumOf(new Uint8Array(await (data.get('file') as File).arrayBuffer()))
    },
  ],
  'the stream': [
    'binary',
    async (request) => {
      const hash = createHash('sha256')
      if (request.body !== null) for await (const chunk of request.body) hash.update(chunk)
      return hash.digest('hex')
    },
  ],
}

function expectedSum(kind: Kind, how: string): string {
  return how === 'formData' ? sumOf(file) : sumOf(bodies[kind][1])
}

interface BodyServer {
  readonly send: (
    headers: readonly (readonly [string, string])[],
    body: Uint8Array,
    isChunked: boolean,
  ) => ReturnType<typeof sendOverSocket>
}

async function overSocket(server: Server): Promise<BodyServer> {
  const { port, close } = await listening(server)
  onTestFinished(close)
  return { send: (headers, body, isChunked) => sendOverSocket(port, { path: '/', headers, body, isChunked }) }
}

/** Sends a body twice by its length and once in chunks: the handler must find it once, and be asked once. */
async function expectIntact(
  server: BodyServer,
  apiKey: string,
  kind: Kind,
  sum: string,
  runs: () => number,
): Promise<void> {
  const [type, body] = bodies[kind]
  for (const key of [undefined, 'k', 'chunked'])
    for (const isChunked of [key === 'chunked', false]) {
      const named = key === undefined ? [] : [['Idempotency-Key', key] as const]
      const headers = [['Authorization', `Bearer ${apiKey}`], ['Content-Type', type], ...named] as const
      const response = await server.send(headers, body, isChunked)
      expect([response.status, response.body.toString()]).toEqual([200, sum])
    }
  expect(runs()).toBe(4)
}

describe('150: a body that was fingerprinted', () => {
  it.each(Object.keys(expressReaders))('reaches %s on Express byte by byte', async (how) => {
    const [kind, parser, read] = expressReaders[how]!
    const { keyward, createKey } = createTestKeyward()
    let runs = 0
    const app = express()
    app.post('/', onExpress.requireKey(keyward, route), parser, async (request, response) => {
      runs += 1
      response.send(String(await read(request)))
    })
    const server = await overSocket(app.listen(0, '127.0.0.1'))
    await expectIntact(server, (await createKey()).apiKey, kind, expectedSum(kind, how), () => runs)
  })

  it.each(['json', 'text', 'binary', 'multipart'] as const)(
    'reaches a Fastify parser of %s byte by byte',
    async (kind) => {
      const { keyward, createKey } = createTestKeyward()
      let runs = 0
      const app = fastify()
      app.addContentTypeParser(['application/octet-stream', 'text/plain'], { parseAs: 'buffer' }, (_, body, done) =>
        done(null, body),
      )
      app.addContentTypeParser('multipart/form-data', async (_request: unknown, payload: AsyncIterable<Buffer>) => {
        const chunks: Buffer[] = []
        for await (const chunk of payload) chunks.push(chunk)
        return Buffer.concat(chunks)
      })
      app.post('/', { onRequest: onFastify.requireKey(keyward, route) }, async (request) => {
        runs += 1
        const { body } = request
        return sumOf(Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body)))
      })
      await app.ready()
      app.server.listen(0, '127.0.0.1')
      await expectIntact(
        await overSocket(app.server),
        (await createKey()).apiKey,
        kind,
        sumOf(bodies[kind][1]),
        () => runs,
      )
    },
  )

  const passing: MiddlewareHandler = (_, next) => next()
  const before: Readonly<Record<string, MiddlewareHandler>> = {
    'nothing before it': passing,
    'bodyLimit before it': bodyLimit({ maxSize: 1_048_576 }),
    'a look at the body before it': async (c, next) => {
      expect(c.req.raw.body).not.toBeNull()
      await next()
    },
  }
  for (const isOnNode of [true, false])
    describe.each(Object.keys(before))(`on Hono ${isOnNode ? 'over Node' : 'without Node'}, with %s`, (which) => {
      it.each(Object.keys(fetchReaders))('reaches %s byte by byte', async (how) => {
        const [kind, read] = fetchReaders[how]!
        let runs = 0
        const { keyward, createKey } = createTestKeyward()
        const app = new Hono()
        const answer: Handler = async (c) => {
          runs += 1
          return c.text(await read(how === 'the stream' ? c.req.raw : (c.req as unknown as Request)))
        }
        app.post('/', before[which] ?? passing, onHono.requireKey(keyward, route), answer)
        const server: BodyServer = isOnNode
          ? await overSocket(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
          : { send: (headers, body) => sendToFetch(app.fetch, { path: '/', headers, body }) }
        await expectIntact(server, (await createKey()).apiKey, kind, expectedSum(kind, how), () => runs)
      })
    })

  it.each(Object.keys(fetchReaders))('reaches %s of a fetch handler byte by byte', async (how) => {
    const [kind, read] = fetchReaders[how]!
    let runs = 0
    const { keyward, createKey } = createTestKeyward()
    const handler = onFetch.requireKey(
      keyward,
      route,
    )(async (request) => {
      runs += 1
      return new Response(await read(request))
    })
    const server = await overSocket(
      serve({ fetch: (request) => handler(request), port: 0, hostname: '127.0.0.1' }) as Server,
    )
    await expectIntact(server, (await createKey()).apiKey, kind, expectedSum(kind, how), () => runs)
  })
})

describe('29: a body that was read before requireKey', () => {
  const post = (apiKey: string, key: string, type = 'application/json') =>
    [
      ['Authorization', `Bearer ${apiKey}`],
      ['Content-Type', type],
      ['Idempotency-Key', key],
    ] as const

  it('is known by its value on Express, or by the raw bytes that its parser has kept', async () => {
    for (const keepsBytes of [false, true]) {
      const { keyward, createKey } = createTestKeyward()
      const { apiKey } = await createKey()
      let runs = 0
      const app = express()
      const verify = (request: object, _: unknown, bytes: Buffer) => Object.assign(request, { rawBody: bytes })
      app.post('/', express.json(keepsBytes ? { verify } : {}), onExpress.requireKey(keyward, route), (_, response) => {
        runs += 1
        response.json({ runs })
      })
      const server = await overSocket(app.listen(0, '127.0.0.1'))
      const statuses = []
      for (const body of ['{"a":1,"b":[1,2]}', '{"b":[1,2],"a":1}', '{"a":1,"b":[2,1]}'])
        statuses.push((await server.send(post(apiKey, 'k'), Buffer.from(body), false)).status)
      expect(statuses).toEqual(keepsBytes ? [200, 409, 409] : [200, 200, 409])
      expect(runs).toBe(1)
    }
  })

  it('is known by its value on Hono behind a validator', async () => {
    const { keyward, createKey } = createTestKeyward()
    const { apiKey } = await createKey()
    let runs = 0
    const app = new Hono()
    const checks = validator('json', (body) => body)
    app.post('/', checks, onHono.requireKey(keyward, route), async (c) => {
      runs += 1
      return c.json(await c.req.json())
    })
    const onNode = await overSocket(serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server)
    const without: BodyServer = { send: (headers, body) => sendToFetch(app.fetch, { path: '/', headers, body }) }
    for (const [key, server] of [
      ['node', onNode],
      ['fetch', without],
    ] as const) {
      const bodies = ['{"a":1}', '{"a":1}', '{"a":2}']
      const statuses = []
      for (const body of bodies) statuses.push((await server.send(post(apiKey, key), Buffer.from(body), false)).status)
      expect(statuses).toEqual([200, 200, 409])
    }
    expect(runs).toBe(2)
  })

  it('is an error of the host when nothing is left of it: two bodies would pass for one', async () => {
    const { keyward, createKey, events } = createTestKeyward()
    const { apiKey } = await createKey()
    const app = express()
    const eats: RequestHandler = (request, _response, next) => {
      request.resume().once('end', next)
    }
    app.post('/', eats, onExpress.requireKey(keyward, route), () => expect.unreachable())
    const server = await overSocket(app.listen(0, '127.0.0.1'))
    for (const isChunked of [false, true])
      expect((await server.send(post(apiKey, 'k'), Buffer.from('{"a":1}'), isChunked)).status).toBe(500)
    const handler = onFetch.requireKey(keyward, route)(() => expect.unreachable())
    const request = new Request('http://x/', {
      method: 'POST',
      body: '{}',
      headers: post(apiKey, 'k').map(([...pair]) => pair) as never,
    })
    await request.text()
    expect((await handler(request)).status).toBe(500)
    expect(events.some((event) => event.type === 'degraded' && /was read before/.test(String(event.cause)))).toBe(true)
  })
})

describe('144: a compressed body', () => {
  it('that swells beyond the limit of its parser is 413, and its key is good for another one', async () => {
    const { keyward, createKey } = createTestKeyward()
    const { apiKey } = await createKey()
    let runs = 0
    const app = express()
    app.use(onExpress.requestId(keyward))
    app.post('/', onExpress.requireKey(keyward, route), express.json({ limit: 100_000 }), (request, response) => {
      runs += 1
      response.json(request.body)
    })
    app.use(onExpress.errorHandler(keyward))
    const server = await overSocket(app.listen(0, '127.0.0.1'))
    const headers = [
      ['Authorization', `Bearer ${apiKey}`],
      ['Content-Type', 'application/json'],
      ['Content-Encoding', 'gzip'],
      ['Idempotency-Key', 'k'],
    ] as const
    const bomb = gzipSync(JSON.stringify('x'.repeat(50_000_000)))
    expect(bomb.length).toBeLessThan(100_000)
    for (const _ of [1, 2]) expect((await server.send(headers, bomb, false)).status).toBe(413)
    const small = await server.send(headers, gzipSync('{"a":1}'), true)
    expect([small.status, small.body.toString(), runs]).toEqual([200, '{"a":1}', 1])
    const again = await server.send(headers, gzipSync('{"a":1}'), false)
    expect([again.field('idempotent-replayed'), runs]).toEqual(['true', 1])
  })
})
