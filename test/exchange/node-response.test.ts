import {
  connect as connectHttp2,
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { createGzip, gunzipSync } from 'node:zlib'
import express, { type RequestHandler } from 'express'
import fastify from 'fastify'
import { answerNode, beginNode, type Clock, headOfNode, memory, type RouteOptions, receiveOnce } from 'keyward'
import { createTestKeyward, type TestKeyward } from 'keyward/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import * as onExpress from '../../adapters/express.ts'
import * as onFastify from '../../adapters/fastify.ts'
import { listening } from '../adapters/node-server.ts'
import { until } from '../servers/until.ts'
import { type Received, sendOverSocket } from './framework.ts'
import { withClaims } from './site.ts'

const route: RouteOptions = { idempotency: {} }

/** A store that takes its time to keep a response, as one over a network does. */
const slowStore = (clock: Clock) =>
  withClaims(memory({ losesDataOnExit: true, clock }), (real) => ({
    async complete(completion, closing) {
      await new Promise((resolve) => setTimeout(resolve, 30))
      return real.complete(completion, closing)
    },
  }))

function slowKeyward(): TestKeyward {
  const { clock } = createTestKeyward()
  return createTestKeyward({ store: slowStore(clock) }, clock)
}

/** Serves one handler on Express, and sends to it. */
async function onOneRoute(
  handler: RequestHandler,
  { before = [], after = [] }: { before?: RequestHandler[]; after?: RequestHandler[] } = {},
) {
  const test = slowKeyward()
  const { apiKey } = await test.createKey()
  const app = express()
  app.post('/', ...before, onExpress.requireKey(test.keyward, route), ...after, handler)
  app.use(onExpress.errorHandler(test.keyward))
  const { port, close } = await listening(app.listen(0, '127.0.0.1'))
  onTestFinished(close)
  const post = (key: string, more: readonly (readonly [string, string])[] = []): Promise<Received> =>
    sendOverSocket(port, {
      path: '/',
      headers: [['Authorization', `Bearer ${apiKey}`], ['Idempotency-Key', key], ...more],
      body: 'x',
    })
  return { ...test, post }
}

/** Compresses as the middleware `compression` does: it takes over the response, and writes the head when the body begins. */
const compression: RequestHandler = (request, response, next) => {
  if (request.headers['accept-encoding'] !== 'gzip') return next()
  const [write, end, writeHead] = [response.write, response.end, response.writeHead] as unknown as ((
    ...given: unknown[]
  ) => boolean)[]
  const gzip = createGzip()
  response.writeHead = function (this: typeof response, ...given: unknown[]) {
    this.setHeader('Content-Encoding', 'gzip')
    this.removeHeader('Content-Length')
    writeHead?.apply(this, given)
    return this
  } as typeof response.writeHead
  gzip.on('data', (chunk) => write?.call(response, chunk))
  gzip.on('end', () => end?.call(response))
  response.write = ((chunk: Uint8Array | string) => gzip.write(chunk)) as typeof response.write
  response.end = ((chunk?: unknown) => {
    if (!response.headersSent) response.writeHead(response.statusCode)
    gzip.end(chunk ?? undefined)
    return response
  }) as unknown as typeof response.end
  next()
}

describe('a response that is held back until it is kept', () => {
  it('is not touched by what the handler throws after it, nor by what looks whether there is an answer', async () => {
    const seen: unknown[] = []
    const { post, events } = await onOneRoute(async (_request, response) => {
      response.status(201).json({ good: 'x'.repeat(500) })
      seen.push(response.headersSent, response.writableEnded)
      throw new Error('too late')
    })
    for (const replayed of [undefined, 'true']) {
      const response = await post('k')
      expect([response.status, response.body.length]).toEqual([201, 511])
      expect([response.field('content-length'), response.field('idempotent-replayed')]).toEqual(['511', replayed])
    }
    expect(seen).toEqual([true, true])
    expect(events.filter(({ type }) => type === 'failed')).toHaveLength(1)
  })

  it('keeps its head and its body, whatever is done to it', async () => {
    const codes: unknown[] = []
    const { post } = await onOneRoute((_request, response) => {
      response.writeHead(202, { 'X-Mine': 'yes' }).end('body')
      for (const change of [
        () => response.setHeader('Content-Length', '9999'),
        () => response.removeHeader('X-Mine'),
        () => response.appendHeader('X-Mine', 'no'),
        () => response.writeHead(500, { 'Content-Length': '7' }),
      ])
        try {
          change()
        } catch (error) {
          codes.push((error as { code?: unknown }).code)
        }
      response.statusCode = 500
      response.write('more')
      response.flushHeaders()
      response.end('again')
    })
    for (const replayed of [undefined, 'true']) {
      const response = await post('k')
      expect([response.status, response.body.toString(), response.field('x-mine')]).toEqual([202, 'body', 'yes'])
      expect(response.field('idempotent-replayed')).toBe(replayed)
    }
    expect(codes).toEqual(Array(4).fill('ERR_HTTP_HEADERS_SENT'))
  })

  it('takes nothing that is written behind its end', async () => {
    const { post } = await onOneRoute((_request, response) => {
      response.status(202).end('body')
      response.write('more')
    })
    for (const replayed of [undefined, 'true']) {
      const response = await post('k')
      expect([response.status, response.body.toString()]).toEqual([202, 'body'])
      expect(response.field('idempotent-replayed')).toBe(replayed)
    }
  })

  it('is sent once on Fastify, where a handler has sent it and returns nothing', async () => {
    const { keyward, createKey } = slowKeyward()
    const { apiKey } = await createKey()
    const app = fastify()
    app.post('/', { onRequest: onFastify.requireKey(keyward, route) }, async (_request, reply) => {
      reply.code(201).send({ sent: true })
    })
    await app.ready()
    app.server.listen(0, '127.0.0.1')
    const { port, close } = await listening(app.server)
    onTestFinished(close)
    for (const replayed of [undefined, 'true']) {
      const response = await sendOverSocket(port, {
        path: '/',
        headers: [
          ['Authorization', `Bearer ${apiKey}`],
          ['Idempotency-Key', 'k'],
          ['Content-Type', 'application/json'],
        ],
        body: '{}',
      })
      expect([response.status, response.body.toString()]).toEqual([201, '{"sent":true}'])
      expect(response.field('idempotent-replayed')).toBe(replayed)
    }
  })

  it('is kept with the fields of writeHead in each of its forms', async () => {
    const forms: readonly (readonly unknown[])[] = [
      [{ Link: ['<a>', '<b>'], 'X-One': '1' }],
      ['Fine', { Link: ['<a>', '<b>'], 'X-One': 1 }],
      [['Link', ['<a>', '<b>'], 'X-One', '1']],
    ]
    for (const form of forms) {
      const { post } = await onOneRoute((_request, response) => {
        Reflect.apply(response.writeHead, response, [200, ...form])
        response.end(Buffer.from('é', 'latin1'))
      })
      for (const replayed of [undefined, 'true']) {
        const { fields, body, ...response } = await post('k')
        expect(response.field('idempotent-replayed')).toBe(replayed)
        expect(fields.filter(([name]) => name === 'Link').map(([, value]) => value)).toEqual(['<a>', '<b>'])
        expect([response.field('x-one'), [...body]]).toEqual(['1', [0xe9]])
      }
    }
  })

  it('is kept as end was given it: text, bytes, a callback, nothing, but not in another encoding', async () => {
    for (const [given, replays] of [
      [['text'], true],
      [['text', 'utf8'], true],
      [[new Uint8Array([1, 2])], true],
      [[], true],
      [[null], true],
      [['7f', 'hex'], false],
    ] as const) {
      const { post } = await onOneRoute((_request, response) => {
        Reflect.apply(response.end, response, [...given])
      })
      const first = await post('k')
      const again = await post('k')
      expect(again.status, String(given)).toBe(replays ? 200 : 409)
      if (replays) expect(again.body).toEqual(first.body)
    }
  })

  it('calls back when it has been sent', async () => {
    let isCalled = false
    const { post } = await onOneRoute((_request, response) => {
      response.end('x', () => {
        isCalled = true
      })
    })
    expect((await post('k')).body.toString()).toBe('x')
    await until('end has called back', () => isCalled)
  })
})

describe('22: compression', () => {
  const text = 'compress me '.repeat(500)
  const zip = [['Accept-Encoding', 'gzip']] as const
  const handler: RequestHandler = (_request, response) => void response.type('text/plain').send(text)

  it('before requireKey, is made anew for each client that asks for it', async () => {
    const { post } = await onOneRoute(handler, { before: [compression] })
    const first = await post('k', zip)
    expect([first.field('content-encoding'), gunzipSync(first.body).toString()]).toEqual(['gzip', text])
    const again = await post('k', zip)
    expect([again.field('content-encoding'), gunzipSync(again.body).toString()]).toEqual(['gzip', text])
    expect(again.field('idempotent-replayed')).toBe('true')
    const plain = await post('k')
    expect([plain.field('content-encoding'), plain.body.toString()]).toEqual([undefined, text])
  })

  it('behind requireKey, makes a stream of the response: it is sent unharmed, and not again', async () => {
    let runs = 0
    const counting: RequestHandler = (request, response, next) => {
      runs += 1
      handler(request, response, next)
    }
    const { post } = await onOneRoute(counting, { after: [compression] })
    const first = await post('k', zip)
    expect([first.field('content-encoding'), gunzipSync(first.body).toString()]).toEqual(['gzip', text])
    expect([(await post('k', zip)).status, runs]).toEqual([409, 1])
  })
})

describe('HTTP/2', () => {
  it('is served by the same functions: bodies without a length are told apart, and answers are given again', async () => {
    const { keyward, createKey } = slowKeyward()
    const { apiKey } = await createKey()
    const rule = keyward.route(route)
    let runs = 0
    const handle = async (request: Http2ServerRequest, response: Http2ServerResponse) => {
      const context = receiveOnce(keyward, request, headOfNode(request))
      const decision = await keyward.admit(context, rule)
      const answer = decision.denied ? decision : await beginNode(keyward, context, rule, request, response)
      if (answer !== undefined) return answerNode(response, answer)
      runs += 1
      const body = await buffer(request)
      response.writeHead(201, { 'x-run': String(runs) })
      response.end(body)
    }
    const server = createHttp2Server((request, response) => void handle(request, response))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
    onTestFinished(async () => {
      await new Promise<void>((resolve) => session.close(resolve))
      server.close()
    })
    const post = async (body: string | undefined, key: string) => {
      const fields = { ':method': 'POST', ':path': '/', authorization: `Bearer ${apiKey}`, 'idempotency-key': key }
      const stream = session.request(fields, { endStream: body === undefined })
      if (body !== undefined) {
        if (body !== '') stream.write(body)
        setTimeout(() => stream.end(), 10)
      }
      const headers = await new Promise<Record<string, unknown>>((resolve) => stream.on('response', resolve))
      return [headers[':status'], (await buffer(stream)).toString(), headers['idempotent-replayed']]
    }
    expect(await post('one', 'k')).toEqual([201, 'one', undefined])
    expect(await post('one', 'k')).toEqual([201, 'one', 'true'])
    expect((await post('two', 'k'))[0]).toBe(409)
    expect(await post('', 'empty')).toEqual([201, '', undefined])
    expect(await post(undefined, 'empty')).toEqual([201, '', 'true'])
    expect(runs).toBe(2)
  })
})
