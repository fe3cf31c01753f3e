import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { createDatabase, startMariadb } from '../../servers/mariadb.ts'
import { describeWith } from '../../servers/missing-servers.ts'
import type { Server } from '../../servers/server.ts'
import { temporaryFile } from '../../stores/sqlite/temporary-files.ts'
import { type Instance, startInstance } from '../processes/fleet.ts'
import { fleetServers } from '../processes/fleet-servers.ts'
import type { InstanceConfig } from '../processes/instance-config.ts'
import { report } from '../processes/report.ts'
import { Caller, statuses } from './callers.ts'
import { watchLedger, watchLowest } from './ledger-watch.ts'

const BALANCE = 100
const REQUESTS = 1_000

/** 1,000 requests at once, spread over the instances, against a balance of 100. */
async function spendAtOnce(fleet: readonly Instance[]) {
  const { apiKey } = await fleet[0]!.keys.create({ owner: 'acme', name: 'spender' })
  await fleet[0]!.credits.topUp({ owner: 'acme' }, { amount: BALANCE })
  const callers = fleet.map(({ url }) => new Caller(url, apiKey, 50))
  onTestFinished(() => {
    for (const caller of callers) caller.close()
  })
  const calls = await Promise.all(
    Array.from({ length: REQUESTS }, (_, index) => callers[index % callers.length]!.post('/spend')),
  )
  return { counts: statuses(calls), left: await fleet[0]!.credits.get({ owner: 'acme' }) }
}

describeWith(
  ['postgres', 'redis', 'mariadb'],
  '1,000 requests at once against a balance of 100',
  () => {
    const servers = fleetServers(['Redis'])
    let mariadb: Server
    beforeAll(async () => {
      mariadb = await startMariadb({ needsOwnServer: true })
    })
    afterAll(() => mariadb?.stop())

    const configs: Readonly<Record<string, () => Promise<InstanceConfig>>> = {
      Postgres: () => servers.config('Postgres'),
      MySQL: async () => ({ databaseUrl: await createDatabase(mariadb), redisUrl: servers.redis.url }),
    }

    it.each(Object.keys(configs))(
      '109: exactly 100 pass on 4 processes with %s, and no reader sees less than 0',
      async (kind) => {
        const config = await configs[kind]!()
        // However slow the machine is: here, nobody is turned away for that.
        const fleet = await servers.startWith({ ...config, storeDeadlineMs: 20_000 }, 4)
        const watch = await watchLedger(config.databaseUrl)
        onTestFinished(() => watch.close())
        await fleet[0]!.credits.topUp({ owner: 'acme' }, { amount: 1, operationId: 'an-account' })
        await fleet[0]!.credits.set({ owner: 'acme' }, { balance: 0 })
        const stopWatching = watchLowest(watch)
        const { counts, left } = await spendAtOnce(fleet)
        const { lowest, looks } = await stopWatching()
        expect(counts).toEqual({ 200: BALANCE, 402: REQUESTS - BALANCE })
        expect(left.balance).toBe(0)
        expect(lowest).toBe(0)
        expect(looks).toBeGreaterThan(10)
        const { sum, count, sequence } = await watch.sums()
        expect(sum, 'the sum of the ledger is the balance').toBe(0)
        expect(count, 'without gaps').toBe(sequence)
        report(`credits on ${kind}`, { ...counts, looks, lowest })
        await servers.stop(fleet)
      },
    )

    it('109: exactly 100 pass on one process with SQLite', async () => {
      const instance = await startInstance({ databaseUrl: `sqlite:${temporaryFile()}` })
      onTestFinished(async () => void (await instance.stop()))
      await instance.ready()
      const { counts, left } = await spendAtOnce([instance])
      expect(counts).toEqual({ 200: BALANCE, 402: REQUESTS - BALANCE })
      expect(left.balance).toBe(0)
    })
  },
  { needsOwnServer: true },
)
