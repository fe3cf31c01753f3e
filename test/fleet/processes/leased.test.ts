import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describeWith } from '../../servers/missing-servers.ts'
import { startProxy, type TcpProxy } from '../../servers/proxy.ts'
import { redisCommand } from '../../servers/redis-command.ts'
import { until } from '../../servers/until.ts'
import type { Instance } from './fleet.ts'
import { type FleetServers, fleetServers } from './fleet-servers.ts'
import { quantile, report } from './report.ts'
import { type Ended, endMany, summary } from './under-fire.ts'

/** How long copies are trusted that nothing was heard of. */
const LEASE_MS = 1_000
/** What is allowed on top on a machine of two cores that is busy. */
const TOLERANCE_MS = 250

const pause = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms))
/** Milliseconds from the end of a change to the beginning of the last request that another instance admitted. */
const lateMs = ({ endedNs, lastBegunElsewhereNs }: Ended) => Math.max(0, Number(lastBegunElsewhereNs - endedNs) / 1e6)

const channels = [
  { channel: 'redis', kind: 'Redis' },
  { channel: 'postgres', kind: 'Postgres' },
] as const

type ChannelKind = (typeof channels)[number]

describeWith(['postgres', 'redis'], 'leased revocation on 4 processes', () => {
  const servers = fleetServers(['Redis', 'Postgres'])

  describe.each(channels)('by $channel', (channel) => {
    let ways: readonly TcpProxy[] = []
    let fleet: readonly Instance[] = []
    beforeAll(async () => {
      ;({ ways, fleet } = await startLeased(servers, channel))
    }, 120_000)
    afterAll(async () => {
      await servers.stop(fleet)
      await Promise.all(ways.map((way) => way.stop()))
    })

    it('reaches the others in milliseconds: 200 changes', async () => {
      const ended = await endMany(fleet, 200, { lanes: 4, callers: 8, restMs: 10 })
      expect(ended.every(({ fenced }) => fenced)).toBe(true)
      const late = ended.map(lateMs)
      const [p50, p99, max] = [0.5, 0.99, 1].map((part) => quantile(late, part).toFixed(1)) as [string, string, string]
      const { changes, requests, admitted } = summary(ended)
      report(`leased by ${channel.channel}, ms to the last admission`, { changes, requests, admitted, p50, p99, max })
      expect(admitted).toBeGreaterThan(4 * changes)
      expect(Number(max)).toBeLessThan(LEASE_MS + TOLERANCE_MS)
      // The bench holds it to 50 ms, on a machine that does nothing else.
      expect(Number(p99)).toBeLessThan(500)
    }, 120_000)

    it.each([
      { how: 'a black hole', away: async (way: TcpProxy) => way.stall() },
      {
        how: 'cut',
        away: async (way: TcpProxy) => {
          await way.refuse()
          way.reset()
        },
      },
    ])(
      '54: reaches within a second those whose channel is $how',
      async ({ how, away }) => {
        const count = 10
        let ready = 0
        let isAway: Promise<unknown> | undefined
        const before = async () => {
          ready += 1
          await until('all keys are in use', () => ready === count)
          isAway ??= Promise.all(ways.map(away))
          await isAway
        }
        const after = () => pause(LEASE_MS + TOLERANCE_MS + 300)
        const options = { lanes: count, acting: 0, callers: 2, restMs: 10, before, after }
        const ended = await endMany(fleet, count, options)
        await Promise.all(ways.map((way) => way.pass()))
        expect(ended.every(({ fenced }) => fenced)).toBe(true)
        const max = Math.max(...ended.map(lateMs))
        report(`leased by ${channel.channel}, its channel ${how}`, { ...summary(ended), maxMs: Math.round(max) })
        expect(max).toBeLessThan(LEASE_MS + TOLERANCE_MS)
      },
      60_000,
    )
  })

  it('asks no gate for a thousand requests on a route without limits, heartbeats aside', async () => {
    const { ways, fleet } = await startLeased(servers, channels[0])
    const [instance] = fleet
    const { apiKey } = await instance!.keys.create({ owner: 'acme', name: 'leased' })
    expect(await instance!.ask(apiKey)).toBe('admitted')
    const { url } = servers.redis
    await redisCommand(url, ['CONFIG', 'RESETSTAT'])
    for (let asked = 0; asked < 1_000; asked++) expect(await instance!.ask(apiKey)).toBe('admitted')
    const stats = String(await redisCommand(url, ['INFO', 'commandstats']))
    const commands = [...stats.matchAll(/^cmdstat_([^:]+):/gm)].map(([, name]) => name)
    expect(commands.filter((name) => name !== 'publish' && name !== 'config|resetstat' && name !== 'info')).toEqual([])
    report('leased, a route without limits', { requests: 1_000, gateCalls: 0 })
    await servers.stop(fleet)
    await Promise.all(ways.map((way) => way.stop()))
  }, 60_000)
})

/** Starts four instances whose channels, but for the first one's, each lead through a proxy; and waits for their leases. */
async function startLeased(servers: FleetServers, { channel, kind }: ChannelKind) {
  const { port, url } = channel === 'redis' ? servers.redis : servers.postgres
  const ways = await Promise.all(Array.from({ length: 3 }, () => startProxy(port)))
  const base = await servers.config(kind)
  const direct = channel === 'redis' ? url : base.databaseUrl
  const fleet = await servers.startWith(base, 4, (index) => ({
    channel,
    channelUrl: ways[index - 1]?.urlOf(direct) ?? direct,
    fleet: { revocation: 'leased' },
    ...{ gateDeadlineMs: 5_000, storeDeadlineMs: 10_000 },
  }))
  return { ways, fleet }
}
