import { expect, it } from 'vitest'
import { describeWith } from '../../servers/missing-servers.ts'
import { fleetServers, type GateKind } from './fleet-servers.ts'
import { callFromAll, earliest, mostInAnyWindow } from './http-callers.ts'
import type { Skew } from './instance-config.ts'
import { report } from './report.ts'

const LIMIT = 1_000
const WINDOW_MS = 10_000
/** The gate's clock is slewed by the machine's time service, at most half a thousandth; the callers' is not. */
const SLEW_MS = 10
const kinds: readonly GateKind[] = ['Redis', 'Redis Cluster', 'Postgres']
/** The wall clocks of the instances: half a minute ahead, behind, right, and one that jumps by a minute every 3 seconds. */
const skews: readonly Skew[] = [{ ms: 30_000 }, { ms: -30_000 }, { ms: 0 }, { ms: 30_000, stepEveryMs: 3_000 }]

describeWith(['postgres', 'redis'], '87: four processes with wrong clocks, and 50 connections to each', () => {
  const servers = fleetServers(kinds)

  it.concurrent.each(kinds)(
    'get exactly 1,000 requests of a limit of 1,000 per 10 seconds, in whichever window, on %s',
    async (kind) => {
      const fleet = await servers.start(kind, skews.length, (index) => ({
        policies: { default: [{ limit: LIMIT, windowSeconds: WINDOW_MS / 1_000 }] },
        skew: skews[index] ?? { ms: 0 },
        // This is about counting: that a busy machine answers late is no reason to refuse.
        gateDeadlineMs: 20_000,
        storeDeadlineMs: 20_000,
        poolSize: 4,
      }))
      const wallMs = Date.now()
      const clocks = await Promise.all(fleet.map((instance) => instance.now()))
      expect(clocks.slice(0, 3).map((clock) => Math.round((clock - wallMs) / 10_000))).toEqual([3, -3, 0])
      const { apiKey } = await fleet[0]!.keys.create({ owner: 'acme', name: 'exact' })
      const { served, refused } = await callFromAll({
        urls: fleet.map(({ url }) => url),
        ...{ path: '/hit', apiKey, connections: 50, durationMs: 22_000, restMs: 200 },
      })
      const first = { sentAt: earliest(served, 'sentAt'), refusedAt: earliest(refused, 'answeredAt') }
      const inFirst = served.filter(({ answeredAt }) => answeredAt <= first.sentAt + WINDOW_MS - SLEW_MS)
      expect(inFirst.length, 'admitted in the first window').toBeLessThanOrEqual(LIMIT)
      const beforeRefusal = served.filter(({ sentAt }) => sentAt < first.refusedAt)
      expect(beforeRefusal.length, 'admitted before anybody was refused').toBeGreaterThanOrEqual(LIMIT)
      const most = mostInAnyWindow(served, WINDOW_MS - SLEW_MS)
      expect(most, 'admitted in any window').toBeLessThanOrEqual(LIMIT)
      expect(served.length, 'the window fills again').toBeGreaterThan(LIMIT)
      expect([...new Set([...served, ...refused].map(({ status }) => status))].sort()).toEqual([200, 429])
      report(`exact on ${kind}`, {
        ...{ served: served.length, refused: refused.length, inFirst: inFirst.length, most },
      })
    },
    180_000,
  )
})
