import { Redis } from 'ioredis'
import type { CommandClient } from 'keyward/redis'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { describeWith } from '../../servers/missing-servers.ts'
import { createDatabase, startPostgres } from '../../servers/postgres.ts'
import { startRedis } from '../../servers/redis.ts'
import { redisCommand } from '../../servers/redis-command.ts'
import type { Server } from '../../servers/server.ts'
import { until } from '../../servers/until.ts'
import { clientOf, type OwnClient } from './clients.ts'
import { createInstance, type Instance } from './instance.ts'
import { sendLoad, tally } from './load.ts'
import { report } from './report.ts'
import { type Switchboard, startSwitchboard } from './switchboard.ts'

const KEYS = 20

describeWith(
  ['postgres', 'redis'],
  'a Redis that another one takes the place of, unseen behind one address',
  () => {
    let database: Server
    let postgresUrl: string
    let primary: Server
    let replica: Server
    let switchboard: Switchboard
    const opened: { close(): Promise<void> }[] = []
    beforeAll(async () => {
      database = await startPostgres()
      postgresUrl = await createDatabase(database)
    })
    afterEach(async () => {
      for (const each of opened.splice(0).reverse()) await each.close()
    })
    afterAll(() => database?.stop())

    async function start(): Promise<void> {
      // A primary waits 5 s for more replicas otherwise.
      const args = ['--repl-diskless-sync-delay', '0']
      primary = await startRedis({ needsOwnServer: true, args })
      replica = await startRedis({ needsOwnServer: true, args })
      switchboard = await startSwitchboard(primary.port)
      for (const server of [primary, replica]) opened.push({ close: () => server.stop() })
      opened.push({ close: () => switchboard.stop() })
    }

    function instance(client: OwnClient): Instance {
      const made = createInstance({ postgresUrl, gate: { client } })
      opened.push(made)
      return made
    }

    const rolesOf = async (server: Server) => String(await redisCommand(server.url, ['INFO', 'replication']))

    /** Revokes keys of which every instance has a copy, at a primary whose replica no longer follows, and replaces it. */
    async function loseFences(instances: readonly Instance[], isEmpty: boolean) {
      const [manager, ...others] = instances
      const { keys } = manager!.keyward
      const made: { id: string; apiKey: string }[] = []
      for (let index = 0; index < KEYS; index++) made.push(await keys.create({ owner: 'acme', name: String(index) }))
      for (const each of instances) for (const { apiKey } of made) expect(await each.ask(apiKey)).toBe('admitted')
      if (!isEmpty) {
        await redisCommand(replica.url, ['REPLICAOF', '127.0.0.1', primary.port])
        await until('the replica follows', async () => (await rolesOf(replica)).includes('master_link_status:up'))
        await redisCommand(replica.url, ['REPLICAOF', 'NO', 'ONE'])
      }
      for (const { id } of made) expect((await keys.revoke(id)).fenced).toBe(true)
      const load = sendLoad(
        others,
        made.map(({ apiKey }) => apiKey),
        { callers: 8 },
      )
      switchboard.switchTo(replica.port)
      const other = await keys.create({ owner: 'acme', name: 'other' })
      for (const each of others)
        await until('requests work', async () => (await each.ask(other.apiKey)) === 'admitted', 2_000)
      const answers = [...(await load.stop())]
      for (const each of others)
        for (const { apiKey } of made) answers.push({ apiKey, outcome: await each.ask(apiKey), begunAt: 0, endedAt: 0 })
      return tally(answers)
    }

    it.each([
      ['a replica that had not heard of a revocation', false],
      ['an empty server', true],
    ])('by %s: copies went with the connection, and no revoked key passes', async (_, isEmpty) => {
      await start()
      const { url } = switchboard
      const clients = [clientOf('ioredis', url), clientOf('ioredis', url), clientOf('node-redis', url)]
      const counts = await loseFences(clients.map(instance), isEmpty)
      expect(counts['admitted']).toBeUndefined()
      expect(counts['invalid_api_key']).toBeGreaterThanOrEqual(2 * KEYS)
      report(counts)
    })

    it('by a replica that had not heard of a revocation: without word of new connections, copies would pass', async () => {
      await start()
      const { url } = switchboard
      const counts = await loseFences([clientOf('ioredis', url), deaf(url)].map(instance), false)
      // An instance may have seen a few in the outbox before they were removed from it.
      expect(counts['admitted'], 'or the test above proves nothing').toBeGreaterThan(0)
    })
  },
  { needsOwnServer: true },
)

/** A client that tells of no new connection. */
function deaf(url: string): OwnClient {
  const client = new Redis(url, { maxRetriesPerRequest: 0, retryStrategy: () => 100 }).on('error', () => {})
  const command: CommandClient['command'] = (args) => client.call(args[0]!, args.slice(1))
  return { client: { command }, close: () => client.disconnect() }
}
