import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, TLSSocket } from 'node:tls'
import { Redis } from 'ioredis'
import { createKeyward, memory } from 'keyward'
import { postgres } from 'keyward/postgres'
import { redis } from 'keyward/redis'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { untrustedCertificate } from '../servers/untrusted-certificate.ts'
import { outcomeOf } from '../visit.ts'

/** What a server has heard in the open, and under encryption. */
interface Heard {
  readonly open: Buffer[]
  readonly encrypted: Buffer[]
}

async function portOf(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

/** Answers a Postgres client that asks for TLS with `S` and a certificate, or with `N`. */
async function startPostgresLike(answer: 'S' | 'N', heard: Heard): Promise<number> {
  const server = createServer((socket) => {
    socket.once('data', (request) => {
      heard.open.push(request)
      socket.write(answer)
      if (answer === 'N') socket.on('data', (data) => heard.open.push(data))
      else
        new TLSSocket(socket, { isServer: true, ...untrustedCertificate })
          .on('error', () => {})
          .on('data', (data) => heard.encrypted.push(data))
    })
  })
  return portOf(server)
}

describe('228: a server whose certificate cannot be trusted', () => {
  // An SSLRequest: https://www.postgresql.org/docs/current/protocol-message-formats.html
  const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])

  async function askPostgres(answer: 'S' | 'N', ssl: pg.PoolConfig['ssl']) {
    const heard: Heard = { open: [], encrypted: [] }
    const port = await startPostgresLike(answer, heard)
    const address = { host: '127.0.0.1', port, user: 'app', password: 'hunter2hunter2' }
    const pool = new pg.Pool({ ...address, ssl, max: 2, connectionTimeoutMillis: 1_000 })
    pool.on('error', () => {})
    const keyward = createKeyward({ store: postgres(pool, { deadlineMs: 500 }) })
    onTestFinished(async () => {
      await keyward.close()
      await pool.end()
    })
    return { heard, outcome: await outcomeOf(keyward, keyward.profile.keyFormat.make()) }
  }

  it('is no store: requests are 503, and it is told nothing', async () => {
    const { heard, outcome } = await askPostgres('S', true)
    expect(outcome).toBe('service_unavailable')
    expect(heard.open.length).toBeGreaterThan(0)
    for (const message of heard.open) expect(message).toEqual(sslRequest)
    expect(heard.encrypted).toEqual([])
    // A client that was told not to look tells it who it is: what is shown above could be otherwise.
    expect((await askPostgres('S', { rejectUnauthorized: false })).heard.encrypted.length).toBeGreaterThan(0)
  })

  it('is no store either where it has no TLS: nothing is sent in the open instead', async () => {
    const { heard, outcome } = await askPostgres('N', true)
    expect(outcome).toBe('service_unavailable')
    expect(heard.open.length).toBeGreaterThan(0)
    for (const message of heard.open) expect(message).toEqual(sslRequest)
  })

  it('is no gate: requests are 503, and it is told nothing', async () => {
    const heard: Buffer[] = []
    let greeted = 0
    const server = createTlsServer(untrustedCertificate, (socket) => socket.on('data', (data) => heard.push(data)))
    server.on('connection', () => (greeted += 1)).on('tlsClientError', () => {})
    const port = await portOf(server)
    const client = new Redis(`rediss://app:hunter2hunter2@127.0.0.1:${port}`, { maxRetriesPerRequest: 0 })
    client.on('error', () => {})
    const store = memory({ losesDataOnExit: true })
    const keyward = createKeyward({ store, gate: redis(client, { deadlineMs: 500 }) })
    onTestFinished(async () => {
      await keyward.close()
      client.disconnect()
    })
    const { apiKey } = await keyward.keys.create({ owner: 'acme', name: 'Production' })
    expect(await outcomeOf(keyward, apiKey)).toBe('service_unavailable')
    expect(greeted).toBeGreaterThan(0)
    expect(heard).toEqual([])
  })
})
