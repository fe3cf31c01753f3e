import { Cluster as IoredisCluster } from 'ioredis'
import type { CommandClient } from 'keyward/redis'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { OwnerKeys } from '../../../src/stores/redis/owner-keys.ts'
import type { ClusterNode } from '../../servers/cluster-node.ts'
import { describeWith } from '../../servers/missing-servers.ts'
import { createDatabase, startPostgres } from '../../servers/postgres.ts'
import { type Cluster, startRedisCluster } from '../../servers/redis-cluster.ts'
import type { Server } from '../../servers/server.ts'
import { until } from '../../servers/until.ts'
import { clusterClientOf, type OwnClient } from './clients.ts'
import { createInstance, type Instance } from './instance.ts'
import { type Answer, askOnce, seconds, sendLoad, tally } from './load.ts'
import { report } from './report.ts'

const KEYS = 10
const LIMIT = 400
const OWNER = 'acme'
/** A key of Redis in the slot of the owner. */
const TAG = new OwnerKeys('keyward:').startOf(OWNER)

describeWith(
  ['postgres', 'redis'],
  'a Redis Cluster',
  () => {
    let database: Server
    let cluster: Cluster
    let postgresUrl: string
    const opened: { close(): Promise<void> }[] = []
    beforeAll(async () => {
      ;[database, cluster] = await Promise.all([startPostgres(), startRedisCluster({ durable: true })])
      postgresUrl = await createDatabase(database)
    })
    afterEach(async () => {
      for (const each of opened.splice(0).reverse()) await each.close()
      for (const node of cluster.nodes) if ((await node.state()) === undefined) await node.restart()
      await cluster.waitUntilOk()
    })
    afterAll(async () => {
      await cluster?.stop()
      await database?.stop()
    })

    function instance(client: OwnClient, limit?: number): Instance {
      const made = createInstance({ postgresUrl, gate: { client }, limit })
      opened.push(made)
      return made
    }

    const bothClients = () =>
      (['ioredis', 'node-redis', 'ioredis', 'node-redis'] as const).map((kind) => clusterClientOf(kind, cluster.url))

    async function newKeys(instances: readonly Instance[], count: number) {
      const made = []
      for (let index = 0; index < count; index++)
        made.push(await instances[index % instances.length]!.keyward.keys.create({ owner: OWNER, name: 'a' }))
      for (const { ask } of instances)
        for (const { apiKey } of made) await until('the key is good', async () => (await ask(apiKey)) === 'admitted')
      return made
    }

    async function work(instances: readonly Instance[], apiKey: string): Promise<void> {
      for (const { ask } of instances)
        await until('requests work', async () => ['admitted', 'rate_limit_exceeded'].includes(await ask(apiKey)))
    }

    async function everywhere(instances: readonly Instance[], keys: readonly { apiKey: string }[]) {
      const answers: Answer[] = []
      for (const each of instances) for (const { apiKey } of keys) answers.push(await askOnce(each, apiKey))
      return tally(answers)
    }

    /** Revokes keys, one after the other, and asks for each on every instance once its revocation has resolved. */
    async function revokeAll(instances: readonly Instance[], keys: readonly { id: string; apiKey: string }[]) {
      const answers: Answer[] = []
      for (const [index, { id, apiKey }] of keys.entries()) {
        const { keyward } = instances[index % instances.length]!
        const { fenced } = await keyward.keys.revoke(id)
        if (fenced) answers.push(...(await Promise.all(instances.map((each) => askOnce(each, apiKey)))))
        await seconds(0.05)
      }
      return tally(answers)
    }

    it('209: its primary killed under load is 503 until another is promoted, and no revoked key passes', async () => {
      const instances = bothClients().map((client) => instance(client, LIMIT))
      const [limited, fresh, ...keys] = await newKeys(instances, 40)
      const kept = keys.splice(0, 3)
      const before = keys.slice(0, KEYS)
      const meanwhile = keys.slice(KEYS, -KEYS)
      const after = keys.slice(-KEYS)
      const victim = await cluster.primaryOf(TAG)
      const load = sendLoad(instances, [limited!.apiKey], { callers: 2, pauseMs: 2 })
      expect(await revokeAll(instances, before)).toEqual({ invalid_api_key: 4 * before.length })
      const revoking = revokeAll(instances, meanwhile)
      await seconds(0.1)
      const diedAt = performance.now()
      await victim.kill()
      await until('another is promoted', async () => (await cluster.primaryOf(TAG).catch(() => victim)) !== victim)
      const promotedMs = performance.now() - diedAt
      await work(instances, fresh!.apiKey)
      const workedMs = performance.now() - diedAt
      const refused = await revoking
      expect(await revokeAll(instances, after)).toEqual({ invalid_api_key: 4 * after.length })
      // Long enough that every caller is over the limit once more.
      await seconds(1)
      const counts = tally(await load.stop())
      const [warmUp, inFlight] = [4, 8]
      expect((counts['admitted'] ?? 0) + warmUp).toBeGreaterThanOrEqual(LIMIT - inFlight)
      expect((counts['admitted'] ?? 0) + warmUp, 'windows are lost once at most').toBeLessThanOrEqual(2 * LIMIT)
      expect(refused['admitted']).toBeUndefined()
      expect(await everywhere(instances, keys)).toEqual({ invalid_api_key: 4 * keys.length })
      expect(await everywhere(instances, kept)).toEqual({ admitted: 4 * kept.length })
      report({ promotedMs, workedMs, ...counts, refused: refused['invalid_api_key'] ?? 0 })
    })

    /** Lets a replica that has not heard of the latest fences take over from its primary. */
    async function loseFences(instances: readonly Instance[]) {
      const keys = await newKeys(instances, KEYS)
      const spare = (await newKeys(instances, 1))[0]!
      const primary = await cluster.primaryOf(TAG)
      const replica = await cluster.replicaOf(primary)
      await until('the replica has it all', async () => (await offsetOf(primary)) === (await offsetOf(replica)))
      await replica.kill()
      for (const { id } of keys) expect((await instances[0]!.keyward.keys.revoke(id)).fenced).toBe(true)
      const others = instances.slice(1)
      const load = sendLoad(
        others,
        keys.map(({ apiKey }) => apiKey),
        { callers: 2, pauseMs: 2 },
      )
      await primary.kill()
      await replica.restart()
      await cluster.failover(replica, 'TAKEOVER')
      await work(others, spare.apiKey)
      await seconds(0.3)
      const counts = tally(await load.stop())
      for (const [outcome, count] of Object.entries(await everywhere(others, keys)))
        counts[outcome] = (counts[outcome] ?? 0) + count
      return counts
    }

    it('209: a replica that had not heard of a revocation takes over: no revoked key passes, with either client', async () => {
      const counts = await loseFences(bothClients().map((client) => instance(client)))
      expect(counts['admitted']).toBeUndefined()
      expect(counts['invalid_api_key']).toBeGreaterThanOrEqual(3 * KEYS)
      report(counts)
    })

    it('209: the same, by what the entries say alone: with a client that tells of no new connection', async () => {
      const counts = await loseFences(
        [clusterClientOf('ioredis', cluster.url), deaf(cluster.url, true)].map((client) => instance(client)),
      )
      expect(counts['admitted']).toBeUndefined()
      expect(counts['invalid_api_key']).toBeGreaterThanOrEqual(KEYS)
    })

    it('209: the same, with entries that do not say which node wrote them: revoked keys would pass', async () => {
      const counts = await loseFences(
        [deaf(cluster.url, false), deaf(cluster.url, false)].map((client) => instance(client)),
      )
      // An instance may have seen a few in the outbox before they were removed from it.
      expect(counts['admitted'], 'or the tests above prove nothing').toBeGreaterThan(0)
    })

    it('210: slots moved under load: no request too many, no revoked key, and windows go along', async () => {
      const instances = bothClients().map((client) => instance(client, 5 * LIMIT))
      const keys = await newKeys(instances, KEYS)
      const limited = keys.pop()!
      const revoked = keys.slice(0, 4)
      for (const [index, { id }] of revoked.entries())
        expect((await instances[index % 4]!.keyward.keys.revoke(id)).fenced).toBe(true)
      const slot = Number(await cluster.nodes[0]!.command('CLUSTER', 'KEYSLOT', TAG))
      const load = sendLoad(instances, [limited.apiKey], { callers: 2, pauseMs: 4 })
      const forbidden = sendLoad(
        instances,
        revoked.map(({ apiKey }) => apiKey),
        { callers: 1, pauseMs: 4 },
      )
      for (let move = 0; move < 6; move++) {
        const from = await cluster.primaryOf(slot)
        const to = await anotherPrimary(from)
        await seconds(0.1)
        await cluster.moveSlot(slot, from, to)
        await seconds(0.1)
      }
      await cluster.waitUntilOk()
      await seconds(0.5)
      const counts = tally(await load.stop())
      const refused = tally(await forbidden.stop())
      for (let request = 0; request < 5 * LIMIT; request++) {
        const outcome = await instances[request % 4]!.ask(limited.apiKey)
        counts[outcome] = (counts[outcome] ?? 0) + 1
        if (outcome === 'rate_limit_exceeded') break
      }
      const warmUp = 4
      const unanswered = counts['service_unavailable'] ?? 0
      expect((counts['admitted'] ?? 0) + warmUp).toBeLessThanOrEqual(5 * LIMIT)
      expect((counts['admitted'] ?? 0) + warmUp + unanswered).toBeGreaterThanOrEqual(5 * LIMIT)
      expect(refused['admitted']).toBeUndefined()
      expect(await everywhere(instances, revoked)).toEqual({ invalid_api_key: 4 * revoked.length })
      report({ ...counts, refused: refused['invalid_api_key'] ?? 0, refused503: refused['service_unavailable'] ?? 0 })
    })

    async function anotherPrimary(than: ClusterNode): Promise<ClusterNode> {
      for (const node of cluster.nodes) if (node !== than && (await node.state())?.role === 'primary') return node
      throw new Error('There is no other primary.')
    }
  },
  { needsOwnServer: true },
)

async function offsetOf(node: ClusterNode): Promise<number> {
  return Number(/master_repl_offset:(\d+)/.exec(String(await node.command('INFO', 'replication')))?.[1])
}

/** A client that tells of no new connection, and may pretend to speak to one server. */
function deaf(urls: string, isCluster: boolean): OwnClient {
  const client = new IoredisCluster(urls.split(','), {
    retryDelayOnFailover: 0,
    clusterRetryStrategy: () => 100,
    redisOptions: { maxRetriesPerRequest: 0, autoResendUnfulfilledCommands: false },
  }).on('error', () => {})
  const command: CommandClient['command'] = (args) => client.call(args[0]!, args.slice(1))
  return { client: { command, isCluster }, close: () => client.disconnect() }
}
