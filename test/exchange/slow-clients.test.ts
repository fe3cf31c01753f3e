import { createServer } from 'node:http'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import express from 'express'
import { createTestKeyward } from 'keyward/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { errorHandler, requireKey } from '../../adapters/express.ts'
import { listening } from '../adapters/node-server.ts'
import { sendOverSocket } from './framework.ts'
import { jobRequest } from './site.ts'

const CLIENTS = 50

describe('236: clients that send slowly', () => {
  it.each([
    ['their fields', ''],
    ['a body that idempotency reads', '\r\n{"a"'],
  ])('are cut off by the timeout of the server in %s, have run nothing and hold no key', async (_, rest) => {
    const { keyward, createKey, events } = createTestKeyward()
    let runs = 0
    const app = express()
    app.post('/jobs', requireKey(keyward, { idempotency: {} }), express.json(), (_request, response) => {
      runs += 1
      response.status(201).json({})
    })
    app.use(errorHandler(keyward))
    const timeouts = { headersTimeout: 1_000, requestTimeout: 1_000, connectionsCheckingInterval: 50 }
    const server = createServer(timeouts, app)
    const { port, close } = await listening(server.listen(0, '127.0.0.1'))
    onTestFinished(async () => {
      await close()
      await keyward.close()
    })
    const { apiKey } = await createKey()
    const fields = (each: number) =>
      `POST /jobs HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${apiKey}\r\nContent-Type: application/json\r\n` +
      `Idempotency-Key: k${each}\r\nContent-Length: 7\r\n`
    const answers = await Promise.all(
      Array.from({ length: CLIENTS }, async (_, each) => {
        const socket = connect(port, '127.0.0.1')
        socket.write(fields(each) + rest)
        return text(socket)
      }),
    )
    for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 408 /)
    expect(runs).toBe(0)
    expect(events.filter(({ type }) => type === 'admitted')).toHaveLength(rest === '' ? 0 : CLIENTS)
    Object.assign(server, { headersTimeout: 0, requestTimeout: 0 })
    const again = await Promise.all(
      Array.from({ length: CLIENTS }, (_, each) =>
        sendOverSocket(port, { method: 'POST', ...jobRequest(apiKey, { a: 1 }, `k${each}`) }),
      ),
    )
    expect(again.map(({ status }) => status)).toEqual(Array(CLIENTS).fill(201))
    expect(runs).toBe(CLIENTS)
  })
})
