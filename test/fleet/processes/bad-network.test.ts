import { readFileSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, expect, it } from 'vitest'
import { describeWith } from '../../servers/missing-servers.ts'
import { startProxy, type TcpProxy } from '../../servers/proxy.ts'
import { temporaryFile } from '../../stores/sqlite/temporary-files.ts'
import { type Called, Caller, statuses } from '../money/callers.ts'
import type { Instance } from './fleet.ts'
import { fleetServers } from './fleet-servers.ts'
import { callFromAll, mostInAnyWindow } from './http-callers.ts'
import type { InstanceConfig } from './instance-config.ts'
import { report } from './report.ts'

const BAD_LINE = { jitterMs: 100, lossShare: 0.05 }

describeWith(
  ['postgres', 'redis'],
  '231: over a line that loses 5 in 100 and holds the rest back for up to 100 ms',
  () => {
    const servers = fleetServers(['Redis'])
    const opened: { close(): unknown }[] = []
    afterEach(async () => {
      for (const each of opened.splice(0).reverse()) await each.close()
    })

    /** Starts two instances that reach Postgres and Redis over lines of their own. */
    async function startFleet(more: Partial<InstanceConfig>) {
      const config = await servers.config('Redis')
      const lines: readonly [TcpProxy, TcpProxy] = [
        await startProxy(servers.postgres.port),
        await startProxy(servers.redis.port),
      ]
      opened.push(...lines.map((line) => ({ close: () => line.stop() })))
      const [database, gate] = lines
      const redisUrl = gate.urlOf(config.redisUrl ?? '')
      const behind = { ...config, databaseUrl: database.urlOf(config.databaseUrl), redisUrl }
      const fleet = await servers.startWith({ ...behind, ...more }, 2)
      opened.push({ close: () => servers.stop(fleet) })
      const disturb = () => {
        for (const line of lines) line.disturb(BAD_LINE)
      }
      return { fleet, disturb, first: fleet[0] as Instance }
    }

    function callersOf(fleet: readonly Instance[], apiKey: string, connections: number): readonly Caller[] {
      const callers = fleet.map(({ url }) => new Caller(url, apiKey, connections))
      opened.push(...callers)
      return callers
    }

    it('no window holds more requests than its limit', async () => {
      const [limit, windowMs] = [100, 4_000]
      const { fleet, first, disturb } = await startFleet({
        policies: { default: [{ limit, windowSeconds: windowMs / 1_000 }] },
      })
      const { apiKey } = await first.keys.create({ owner: 'acme', name: 'windows' })
      disturb()
      const { served, refused } = await callFromAll({
        urls: fleet.map(({ url }) => url),
        ...{ path: '/hit', apiKey, connections: 20, durationMs: 10_000, restMs: 50 },
      })
      const failed = refused.filter(({ status }) => status !== 429)
      report('windows over a bad line', { served: served.length, refused: refused.length, failed: failed.length })
      expect([...new Set(failed.map(({ status }) => status))].filter((status) => status !== 503)).toEqual([])
      expect(mostInAnyWindow(served, windowMs), 'admitted in any window').toBeLessThanOrEqual(limit)
      expect(served.length, 'the window fills again').toBeGreaterThan(limit)
    })

    it('nobody spends what is not there, and the ledger adds up', async () => {
      const { fleet, first, disturb } = await startFleet({})
      const { apiKey } = await first.keys.create({ owner: 'acme', name: 'spender' })
      await first.credits.topUp({ owner: 'acme' }, { amount: 100 })
      disturb()
      const callers = callersOf(fleet, apiKey, 20)
      const calls = await Promise.all(Array.from({ length: 400 }, (_, index) => callers[index % 2]!.post('/spend')))
      const counts = statuses(calls)
      const { balance } = await first.credits.get({ owner: 'acme' })
      report('credits over a bad line', { ...counts, balance })
      expect(Object.keys(counts).filter((status) => !['200', '402', '503'].includes(status))).toEqual([])
      expect(balance).toBeGreaterThanOrEqual(0)
      // A debit whose answer came too late is a 503 and may stay taken; what was answered is always paid.
      expect(100 - balance).toBeGreaterThanOrEqual(counts[200] ?? 0)
      const sequences = await movementsOf(first)
      expect(sequences.reduce((sum, { amount }) => sum + amount, 0)).toBe(balance)
      expect(sequences.map(({ sequence }) => sequence).sort((one, other) => one - other)).toEqual(
        sequences.map((_, index) => index + 1),
      )
    })

    it('a request that is sent until it succeeds runs once and is paid once', async () => {
      const runsFile = temporaryFile()
      writeFileSync(runsFile, '')
      const { fleet, first, disturb } = await startFleet({ runsFile, handlerMs: 20 })
      const { apiKey } = await first.keys.create({ owner: 'acme', name: 'retrier' })
      await first.credits.topUp({ owner: 'acme' }, { amount: 1_000 })
      disturb()
      const callers = callersOf(fleet, apiKey, 30)
      const orders = 30
      const tries: Called[] = []

      async function sendUntilDone(order: number, caller: Caller): Promise<Called> {
        for (;;) {
          const called = await caller.post('/once', { 'idempotency-key': `order-${order}`, 'x-run': `order-${order}` })
          tries.push(called)
          if (called.status === 200) return called
          await sleep(100)
        }
      }

      const done = await Promise.all(
        Array.from({ length: orders * 4 }, (_, index) => sendUntilDone(index % orders, callers[index % 2]!)),
      )
      const runs = readFileSync(runsFile, 'utf8').trim().split('\n')
      report('retries over a bad line', { runs: runs.length, ...statuses(tries) })
      expect([...runs].sort()).toEqual(Array.from({ length: orders }, (_, order) => `order-${order}`).sort())
      for (let order = 0; order < orders; order++)
        expect(new Set(done.filter((_, index) => index % orders === order).map(({ body }) => body)).size).toBe(1)
      expect((await first.credits.get({ owner: 'acme' })).balance).toBe(1_000 - orders)
    })
  },
)

async function movementsOf(instance: Instance) {
  const all: { readonly sequence: number; readonly amount: number }[] = []
  for (let cursor: string | undefined; ; ) {
    const page = await instance.credits.movements({ owner: 'acme' }, { limit: 100, ...(cursor && { cursor }) })
    all.push(...page.items)
    if (page.nextCursor === null) return all
    cursor = page.nextCursor
  }
}
