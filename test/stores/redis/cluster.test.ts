import { createHash, randomUUID } from 'node:crypto'
import { Cluster as IoredisCluster } from 'ioredis'
import { redis } from 'keyward/redis'
import { createCluster } from 'redis'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Gate, GateAnswer, GateRequest } from '../../../src/model/gate.ts'
import type { RedisClient } from '../../../src/stores/redis/redis.ts'
import { type Cluster, startRedisCluster } from '../../servers/redis-cluster.ts'
import { bucket, eventually, nonceFrom, request } from './redis-gate-request.ts'

const buckets = [bucket('a', 1000), bucket('b', 5000)]

describe('a gate in a Redis Cluster', () => {
  let cluster: Cluster
  const ended: (() => void)[] = []
  const clients: Record<string, RedisClient> = {}
  beforeAll(async () => {
    cluster = await startRedisCluster({ needsOwnServer: true })
    const nodes = cluster.nodes.map(({ host, port }) => ({ host, port }))
    const ioredis = new IoredisCluster(nodes, { retryDelayOnFailover: 0 })
    const nodeRedis = createCluster({ rootNodes: cluster.nodes.map(({ url }) => ({ url })) })
    ioredis.on('error', () => {})
    nodeRedis.on('error', () => {})
    ended.push(
      () => ioredis.disconnect(),
      () => nodeRedis.destroy(),
    )
    Object.assign(clients, { ioredis, 'node-redis': nodeRedis })
  })
  afterAll(async () => {
    for (const end of ended) end()
    await cluster.stop()
  })

  /** A gate, and the primary that has the keys of an owner. */
  async function gateOver(name: string) {
    const prefix = `${randomUUID()}:`
    const gate = redis(clients[name]!, { prefix })
    await gate.open?.(() => {})
    const primaryOf = (owner: string) => cluster.primaryOf(`${prefix}{${tagOf(owner)}}v:key`)
    return { gate, primaryOf, slotOf: async (owner: string) => slotOf(cluster, `{${tagOf(owner)}}`) }
  }

  describe.each(['ioredis', 'node-redis'])('over %s', (name) => {
    it('208: decides with all keys of an owner in one slot, for owners all over the cluster', async () => {
      const { gate } = await gateOver(name)
      for (let i = 0; i < 50; i += 1) {
        const owner = `org-${i}`
        expect((await settled(gate, { owner, buckets })).outcome).toBe('admitted')
      }
    })

    it('answers while every node forgets its scripts', async () => {
      const { gate } = await gateOver(name)
      for (let round = 0; round < 5; round += 1) {
        for (const node of cluster.nodes) if ((await node.role()) === 'primary') await node.command('SCRIPT', 'FLUSH')
        const owners = Array.from({ length: 30 }, (_, i) => `org-${i}`)
        const answers = await Promise.all(owners.map((owner) => settled(gate, { owner, buckets })))
        expect(new Set(answers.map(({ outcome }) => outcome))).toEqual(new Set(['admitted']))
      }
    })

    it('takes what a promoted replica inherited for no proof: one read more, and no copy older than it passes', async () => {
      const { gate, primaryOf } = await gateOver(name)
      await settled(gate, { version: 4, buckets })
      const before = await nonceOf(gate, 'pending', 2)
      const primary = await primaryOf('org')
      const replica = await cluster.replicaOf(primary)
      await eventually(async () => Number(await replica.command('DBSIZE')) === Number(await primary.command('DBSIZE')))
      await cluster.failover(replica)
      await cluster.waitUntilOk()
      // The first answers may be stale, because connections are new.
      const nonce = await nonceOf(gate, 'key', 4)
      expect((await gate.admit(request({ version: 3, nonce, buckets }))).outcome).toBe('unknown')
      expect((await gate.admit(request({ version: 4, buckets }))).outcome).toBe('unknown')
      expect((await gate.admit(request({ version: 4, nonce, buckets }))).outcome).toBe('admitted')
      expect((await gate.admit(request({ version: 4, buckets }))).outcome).toBe('admitted')
      const after = await nonceOf(gate, 'pending', 2, before)
      expect(after).not.toBe(before)
      expect((await gate.admit(request({ lineage: 'pending', version: 2, nonce: before }))).outcome).toBe('unknown')
      expect((await gate.admit(request({ lineage: 'pending', version: 2, nonce: after }))).outcome).toBe('admitted')
    })

    it('keeps the windows when their slot moves, and costs each lineage one read', async () => {
      const { gate, primaryOf, slotOf } = await gateOver(name)
      const owner = `moving-${name}`
      for (let call = 0; call < 3; call += 1) await settled(gate, { owner, version: 4, buckets })
      const from = await primaryOf(owner)
      const slot = await slotOf(owner)
      const to = (await Promise.all(cluster.nodes.map(async (node) => [node, await node.role()] as const))).find(
        ([node, role]) => role === 'primary' && node.id !== from.id,
      )![0]
      await cluster.moveSlot(slot, from, to)
      const nonce = await nonceOf(gate, 'key', 4, '', owner)
      expect((await gate.admit(request({ owner, version: 3, nonce, buckets }))).outcome).toBe('unknown')
      const answer = await gate.admit(request({ owner, version: 4, nonce, buckets }))
      expect('windows' in answer && answer.windows.map(({ remaining }) => remaining)).toEqual([996, 4996])
    })

    it('is unavailable while a primary is dead, and heals by itself', async () => {
      const { gate, primaryOf } = await gateOver(name)
      await settled(gate, { buckets })
      const dead = await primaryOf('org')
      await dead.kill()
      const outcomes = new Set<string>()
      await eventually(async () => {
        const outcome = await settled(gate, { buckets }).then(
          (answer) => answer.outcome,
          (error: { code: string }) => error.code,
        )
        outcomes.add(outcome)
        return outcome === 'admitted'
      })
      expect(outcomes).toContain('service_unavailable')
      await dead.restart()
      await cluster.waitUntilOk()
    })
  })
})

/** Asks again for as long as connections are new, and shows the nonce, as a server does after its reads. */
async function settled(gate: Gate, different: Partial<GateRequest>): Promise<GateAnswer> {
  let answer = await gate.admit(request(different))
  for (let tries = 0; tries < 20 && (answer.outcome === 'stale' || answer.outcome === 'unknown'); tries += 1) {
    const nonce = answer.outcome === 'unknown' ? answer.nonce : undefined
    answer = await gate.admit(request({ ...different, nonce }))
  }
  return answer
}

/** The nonce that is handed out, once connections are no longer new; anything but stale or unknown is an error. */
async function nonceOf(gate: Gate, lineage: string, version: number, shown = '', owner = 'org'): Promise<string> {
  for (let tries = 0; tries < 20; tries += 1) {
    const answer = await gate.admit(request({ owner, lineage, version, nonce: shown, buckets }))
    if (answer.outcome !== 'stale') return nonceFrom({ ...gate, admit: () => answer, peek: () => answer, fence() {} })
  }
  throw new Error('connections never ceased to be new')
}

const tagOf = (owner: string) => createHash('sha256').update(owner).digest('hex').slice(0, 16)

async function slotOf(cluster: Cluster, key: string): Promise<number> {
  return Number(await cluster.nodes[0]!.command('CLUSTER', 'KEYSLOT', key))
}
