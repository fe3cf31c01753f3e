import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeWith } from '../../servers/missing-servers.ts'
import { startProxy, type TcpProxy } from '../../servers/proxy.ts'
import { redisCommand } from '../../servers/redis-command.ts'
import { until } from '../../servers/until.ts'
import type { Instance } from './fleet.ts'
import { type FleetServers, fleetServers, type GateKind } from './fleet-servers.ts'
import { RECONNECT_MS } from './instance-clients.ts'
import { report } from './report.ts'
import { type Ended, endMany, summary } from './under-fire.ts'

/** How soon everybody refuses once a gate is back that could not take a fence. */
const HEAL_MS = 1_000
/** What is allowed on top: the clients' pause before they connect again, and a machine of two cores that is busy. */
const TOLERANCE_MS = RECONNECT_MS + 250
/** How long a caller rests after an answer: milliseconds. 8 on each of 4 processes still ask three times in each millisecond. */
const REST_MS = 10
/** Servers that answer late because the machine is busy are no reason to refuse here. */
const patient = { gateDeadlineMs: 5_000, storeDeadlineMs: 10_000 }

/** A promise, and what resolves it. */
function signal() {
  let resolve = () => {}
  const promise = new Promise<void>((resolved) => {
    resolve = resolved
  })
  return { promise, resolve }
}

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
const nowNs = () => process.hrtime.bigint()
const msBetween = (fromNs: bigint, toNs: bigint) => Number(toNs - fromNs) / 1e6

/** Expects that nothing passed that began after a change that was in place. */
function expectNoneLate(what: string, ended: readonly Ended[]): void {
  const sum = summary(ended)
  report(what, sum)
  expect(sum.lateAfterFenced).toBe(0)
  expect(sum.admitted, 'the keys were in use').toBeGreaterThan(4 * ended.length)
}

/** Does something again and again while work is under way. */
async function meanwhile<T>(work: Promise<T>, again: () => Promise<void>): Promise<T> {
  let isOver = false
  const ended = work.finally(() => {
    isOver = true
  })
  ended.catch(() => {})
  while (!isOver) await again()
  return ended
}

const kinds: readonly { kind: GateKind; count: number; lanes: number }[] = [
  { kind: 'Redis', count: 600, lanes: 4 },
  { kind: 'Redis Cluster', count: 150, lanes: 4 },
  { kind: 'Postgres', count: 200, lanes: 4 },
]

describeWith(['postgres', 'redis'], 'a key that 8 callers hammer on each of 4 processes', () => {
  const servers = fleetServers(kinds.map(({ kind }) => kind))

  describe.each(kinds)('on $kind', ({ kind, count, lanes }) => {
    let fleet: readonly Instance[] = []
    beforeAll(async () => {
      fleet = await servers.start(kind, 4, patient)
    }, 120_000)
    afterAll(() => servers.stop(fleet))

    it(`passes nowhere once its end has resolved on one of them: ${count} changes of five kinds`, async () => {
      const ended = await endMany(fleet, count, { lanes, restMs: REST_MS })
      expect(ended.every(({ fenced }) => fenced)).toBe(true)
      expectNoneLate(`ended under fire on ${kind}`, ended)
    }, 180_000)

    if (kind !== 'Postgres') withMemoryLost(servers, kind, () => fleet)
  })

  describe('on a Redis that goes away', () => {
    withFenceRefused(servers)
  })
})

function withMemoryLost(servers: FleetServers, kind: GateKind, fleet: () => readonly Instance[]): void {
  const count = kind === 'Redis' ? 250 : 50
  const urls = () => (kind === 'Redis' ? [servers.redis.url] : servers.cluster.nodes.map(({ url }) => url))

  it(`nor when the gate's memory is flushed every 40 ms: ${count} changes`, async () => {
    let flushes = 0
    const ended = await meanwhile(endMany(fleet(), count, { lanes: 4, restMs: REST_MS }), async () => {
      // A replica refuses it.
      await Promise.all(urls().map((url) => redisCommand(url, ['FLUSHALL']).catch(() => {})))
      flushes += 1
      await pause(40)
    })
    expect(ended.every(({ fenced }) => fenced)).toBe(true)
    expect(flushes).toBeGreaterThan(10)
    expectNoneLate(`ended while ${kind} was flushed ${flushes} times`, ended)
  }, 180_000)

  if (kind !== 'Redis') return
  it('211: nor when Redis is killed and comes back empty, again and again: 100 changes', async () => {
    const backs: bigint[] = []
    let isUp = true
    const upAfter = async () => {
      while (!isUp) await pause(5)
    }
    const after = async ({ value }: { value: { fenced: boolean } }) => {
      if (value.fenced) return
      await upAfter()
      await pause(HEAL_MS + TOLERANCE_MS + 300)
    }
    const ended = await meanwhile(endMany(fleet(), 100, { lanes: 4, restMs: REST_MS, after }), async () => {
      await pause(300)
      isUp = false
      await servers.redis.kill()
      await servers.redis.restart()
      backs.push(nowNs())
      isUp = true
    })
    expectNoneLate(`ended while Redis was killed ${backs.length} times`, ended)
    const unfenced = ended.filter(({ fenced }) => !fenced)
    const healing = unfenced.map(({ endedNs, lastBegunNs }) => {
      const backNs = backs.find((back) => back > endedNs) ?? endedNs
      return msBetween(backNs, lastBegunNs)
    })
    report('killed before the fence', { changes: unfenced.length, maxMs: Math.round(Math.max(0, ...healing)) })
    expect(Math.max(0, ...healing)).toBeLessThan(HEAL_MS + TOLERANCE_MS)
  }, 180_000)
}

function withFenceRefused(servers: FleetServers): void {
  let actorsWay: TcpProxy
  let othersWay: TcpProxy
  let fleet: readonly Instance[] = []
  beforeAll(async () => {
    actorsWay = await startProxy(servers.redis.port)
    othersWay = await startProxy(servers.redis.port)
    fleet = await servers.start('Redis', 4, (index) => ({
      storeDeadlineMs: patient.storeDeadlineMs,
      redisUrl: (index === 0 ? actorsWay : othersWay).urlOf(servers.redis.url),
    }))
  }, 120_000)
  afterAll(async () => {
    await servers.stop(fleet)
    await actorsWay?.stop()
    await othersWay?.stop()
  })

  const cut = async (proxy: TcpProxy) => {
    await proxy.refuse()
    proxy.reset()
  }
  const stall = async (proxy: TcpProxy) => proxy.stall()

  it.each([
    { who: 'the process that ends it', how: 'cut', away: cut, ways: () => [actorsWay] },
    { who: 'the process that ends it', how: 'a black hole', away: stall, ways: () => [actorsWay] },
    { who: 'all', how: 'cut', away: cut, ways: () => [actorsWay, othersWay] },
    { who: 'all', how: 'a black hole', away: stall, ways: () => [actorsWay, othersWay] },
  ])(
    'is refused by all a second after Redis is back: $how for $who',
    async ({ who, how, away, ways }) => {
      const count = 13
      let ready = 0
      let resolved = 0
      let isAway: Promise<unknown> | undefined
      const isBack = signal()
      const before = async () => {
        ready += 1
        while (ready < count) await pause(5)
        isAway ??= Promise.all(ways().map(away))
        await isAway
      }
      const after = async () => {
        resolved += 1
        await isBack.promise
        await pause(HEAL_MS + TOLERANCE_MS + 300)
      }
      const ending = endMany(fleet, count, { lanes: count, acting: 0, callers: 4, before, after })
      await Promise.race([ending, until('all changes have resolved', () => resolved === count)])
      await pause(300)
      const backNs = nowNs()
      await Promise.all(ways().map((way) => way.pass()))
      isBack.resolve()
      const ended = await ending
      expect(ended.map(({ fenced }) => fenced)).toEqual(Array(count).fill(false))
      const healing = ended.map(({ lastBegunNs }) => msBetween(backNs, lastBegunNs))
      const maxMs = Math.round(Math.max(0, ...healing))
      report(`the fence refused (${how} for ${who})`, { ...summary(ended), maxMsAfterReturn: maxMs })
      expect(maxMs).toBeLessThan(HEAL_MS + TOLERANCE_MS)
    },
    60_000,
  )
}
