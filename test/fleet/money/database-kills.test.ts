import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { describeWith } from '../../servers/missing-servers.ts'
import { createDatabase, startPostgres } from '../../servers/postgres.ts'
import type { Server } from '../../servers/server.ts'
import { until } from '../../servers/until.ts'
import { startInstance } from '../processes/fleet.ts'
import { report } from '../processes/report.ts'
import { Caller } from './callers.ts'
import { watchLedger } from './ledger-watch.ts'

const KILLS = 20
const CALLERS = 8

describeWith(
  ['postgres'],
  'a Postgres that is killed under load, 20 times',
  () => {
    let server: Server
    beforeAll(async () => {
      server = await startPostgres({ durable: true })
    })
    afterAll(() => server?.stop())

    it('115, 213: has every debit that was acknowledged, and at most those that were under way besides', {
      timeout: 300_000,
    }, async () => {
      const databaseUrl = await createDatabase(server)
      const instance = await startInstance({ databaseUrl })
      onTestFinished(async () => void (await instance.stop()))
      await instance.ready()
      const { apiKey } = await instance.keys.create({ owner: 'acme', name: 'spender' })
      await instance.credits.topUp({ owner: 'acme' }, { amount: 1_000_000 })
      const caller = new Caller(instance.url, apiKey, CALLERS)
      onTestFinished(() => caller.close())

      const counts: Record<number, number> = {}
      const acknowledged = () => counts[200] ?? 0
      let isOver = false
      const spending = Array.from({ length: CALLERS }, async () => {
        while (!isOver) {
          const { status } = await caller.post('/spend')
          counts[status] = (counts[status] ?? 0) + 1
          if (status !== 200) await new Promise((resolve) => setTimeout(resolve, 20))
        }
      })
      for (let kill = 0; kill < KILLS; kill++) {
        const before = acknowledged()
        await until('debits are made', () => acknowledged() > before + 2 * CALLERS)
        await server.kill()
        await server.restart()
      }
      const before = acknowledged()
      await until('debits are made', () => acknowledged() > before)
      isOver = true
      await Promise.all(spending)

      expect(Object.keys(counts).sort()).toEqual(['200', '503'])
      const watch = await watchLedger(databaseUrl)
      onTestFinished(() => watch.close())
      const { sum, debits, count, sequence } = await watch.sums()
      expect(debits, 'nothing acknowledged is lost').toBeGreaterThanOrEqual(acknowledged())
      expect(debits, 'nothing is debited that was not sent').toBeLessThanOrEqual(acknowledged() + KILLS * CALLERS)
      expect(sum, 'the sum of the ledger is the balance').toBe(await watch.balance())
      expect(count, 'no movement is missing').toBe(sequence)
      report('kills of Postgres with credits', { ...counts, debited: debits })
    })
  },
  { needsOwnServer: true },
)
