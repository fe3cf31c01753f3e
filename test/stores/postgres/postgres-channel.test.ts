import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PostgresChannelSource, postgresChannel } from '../../../src/stores/postgres/postgres-channel.ts'
import { Listening } from '../../../src/testing/channel/listening.ts'
import { channelContract } from '../../../src/testing/channel-contract.ts'
import { startPgbouncer } from '../../servers/pgbouncer.ts'
import { startPostgres } from '../../servers/postgres.ts'
import { startProxy } from '../../servers/proxy.ts'
import type { Server } from '../../servers/server.ts'
import { type ChannelDriver, channelHarness, pgDriver, postgresJsDriver } from './postgres-channel-harness.ts'

let server: Server
let admin: pg.Pool

beforeAll(async () => {
  server = await startPostgres({ needsOwnServer: true })
  admin = new pg.Pool({ connectionString: server.url, max: 2 })
  admin.on('error', () => {})
})
afterAll(async () => {
  await admin?.end()
  await server?.stop()
})

for (const [client, connect] of [
  ['pg', pgDriver],
  ['postgres.js', postgresJsDriver],
] as const) {
  describe(`a Postgres channel by ${client}`, () => {
    let driver: ChannelDriver

    beforeAll(() => {
      driver = connect(server.url)
    })
    afterAll(() => driver.close())

    for (const { name, run } of channelContract) it(name, () => run(channelHarness(driver, server.url, admin)))

    it('cannot be opened while the server is out of reach, and can afterwards', async () => {
      const proxy = await startProxy(server.port)
      const channel = postgresChannel(driver.source(proxy.urlOf(server.url), 'late'), { channel: 'late' })
      await proxy.refuse()
      await expect(channel.open(new Listening())).rejects.toMatchObject({ code: 'service_unavailable' })
      await proxy.pass()
      proxy.stall()
      const beganMs = performance.now()
      await expect(channel.open(new Listening())).rejects.toMatchObject({ code: 'service_unavailable' })
      expect(performance.now() - beganMs).toBeLessThan(3500)
      await proxy.pass()
      const listening = new Listening()
      await channel.open(listening)
      await channel.publish('hello')
      await listening.expectMessages(['hello'], 'after the server is back')
      await channel.close()
      await proxy.stop()
    })

    it('closes and opens again at once over a connection that went silent', async () => {
      const proxy = await startProxy(server.port)
      const channel = postgresChannel(driver.source(proxy.urlOf(server.url), 'silent'), { channel: 'silent' })
      const deaf = new Listening()
      await channel.open(deaf)
      proxy.stall()
      await channel.publish('lost')
      const beganMs = performance.now()
      await channel.close()
      expect(performance.now() - beganMs).toBeLessThan(1000)
      await proxy.pass()
      const listening = new Listening()
      await channel.open(listening)
      await channel.publish('heard')
      await listening.expectMessages(['heard'], 'over a new connection')
      expect(deaf.messages).toEqual([])
      await channel.close()
      await proxy.stop()
    })

    it('goes on trying while the network is away for seconds', async () => {
      const proxy = await startProxy(server.port)
      const channel = postgresChannel(driver.source(proxy.urlOf(server.url), 'away'), { channel: 'away' })
      const listening = new Listening()
      await channel.open(listening)
      await proxy.refuse()
      proxy.reset()
      await new Promise((resolve) => setTimeout(resolve, 4000))
      expect(listening.connections).toBe(1)
      const beganMs = performance.now()
      await proxy.pass()
      await listening.expectConnections(2, 'after the network is back')
      expect(performance.now() - beganMs).toBeLessThan(3500)
      await channel.publish('back')
      await listening.expectMessages(['back'], 'after the network is back')
      await channel.close()
      await proxy.stop()
    })

    it('mends itself when the server was killed and started again', async () => {
      const channel = postgresChannel(driver.source(server.url, 'killed'), { channel: 'killed' })
      const listening = new Listening()
      await channel.open(listening)
      await server.restart()
      await listening.expectConnections(2, 'after the restart')
      await channel.publish('up')
      await listening.expectMessages(['up'], 'after the restart')
      await channel.close()
    })

    it('publishes through PgBouncer, and listens past it', async () => {
      const bouncer = await startPgbouncer(server.url)
      const pooled = connect(bouncer.url)
      const channel = postgresChannel(pooled.source(server.url, 'pooled'), { channel: 'pooled' })
      const listening = new Listening()
      await channel.open(listening)
      await channel.publish('through')
      await listening.expectMessages(['through'], 'through PgBouncer')
      await channel.close()
      await pooled.close()
      await bouncer.stop()
    })
  })
}

describe('a Postgres channel', () => {
  const listener = () => new pg.Client()

  it('gives up a message after a second, and sends none after it in its place', async () => {
    const sent: string[] = []
    let answer = () => {}
    const publisher = {
      async query(_text: string, values: unknown[]) {
        await new Promise<void>((resolve) => {
          answer = resolve
        })
        sent.push(String(values[1]))
      },
    }
    const channel = postgresChannel({ listener, publisher })
    const first = channel.publish('first')
    const second = channel.publish('second')
    await expect(first).rejects.toMatchObject({ code: 'service_unavailable' })
    await expect(second).rejects.toMatchObject({ code: 'service_unavailable' })
    answer()
    const third = channel.publish('third')
    await new Promise((resolve) => setTimeout(resolve, 50))
    answer()
    await third
    expect(sent).toEqual(['first', 'third'])
  })

  it('rejects with service_unavailable when a message cannot be sent', async () => {
    const publisher = { query: () => Promise.reject(new Error('no connection')) }
    const channel = postgresChannel({ listener, publisher })
    await expect(channel.publish('a')).rejects.toMatchObject({ code: 'service_unavailable' })
  })

  it('refuses a name or a source that will not do', () => {
    const publisher = { query: async () => undefined }
    for (const channel of ['', 'Keyward', '1a', 'a"b', 'a'.repeat(64)]) {
      expect(() => postgresChannel({ listener, publisher }, { channel })).toThrow(/channel must be/)
    }
    const wrong: unknown[] = [
      { publisher },
      { listener },
      { listener, publisher: null },
      { listener, publisher: 'url' },
    ]
    for (const source of wrong) {
      expect(() => postgresChannel(source as PostgresChannelSource)).toThrow(
        expect.objectContaining({ code: 'config_error' }),
      )
    }
  })
})
