import { request } from 'node:http'
import express from 'express'
import { createTestKeyward } from 'keyward/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { errorHandler, requireKey } from '../../adapters/express.ts'
import { until } from '../servers/until.ts'
import { listening } from './node-server.ts'

const CONNECTIONS = process.env['KEYWARD_LONG'] === undefined ? 1_000 : 10_000
const LANES = 50

describe('connections with bad credentials', () => {
  it(`238: are answered, and nothing of ${CONNECTIONS} is left when their clients have gone`, async () => {
    const { keyward, createKey } = createTestKeyward()
    const app = express()
    app.get('/', requireKey(keyward), (_request, response) => void response.json({}))
    app.use(errorHandler(keyward))
    const server = app.listen(0, '127.0.0.1')
    const { port, close } = await listening(server)
    onTestFinished(async () => {
      await close()
      await keyward.close()
    })
    const visit = (authorization: string) =>
      new Promise<number>((resolve, reject) => {
        request({ host: '127.0.0.1', port, agent: false, headers: { authorization, connection: 'keep-alive' } })
          .on('response', (response) => {
            response.resume().on('end', () => {
              resolve(response.statusCode ?? 0)
            })
          })
          .on('error', reject)
          .end()
      })
    const bad = [
      (each: number) => `Bearer sk_${String(each).padStart(49, 'x')}`,
      () => `Bearer ${keyward.profile.keyFormat.make()}`,
      () => `Basic ${'a'.repeat(2_000)}`,
      () => `Bearer ${'a'.repeat(2_000)}`,
    ]
    const seen = new Map<number, number>()
    let next = 0
    await Promise.all(
      Array.from({ length: LANES }, async () => {
        while (next < CONNECTIONS) {
          const each = next++
          const status = await visit(bad[each % bad.length]!(each))
          seen.set(status, (seen.get(status) ?? 0) + 1)
        }
      }),
    )
    expect([...seen.keys()].filter((status) => status !== 401 && status !== 429)).toEqual([])
    const open = () => new Promise<number>((resolve) => server.getConnections((_, count) => resolve(count)))
    await until('every connection is closed', async () => (await open()) === 0)
    const { apiKey } = await createKey()
    expect(await visit(`Bearer ${apiKey}`)).toBe(200)
  }, 120_000)
})
