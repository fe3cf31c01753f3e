import { readFileSync, writeFileSync } from 'node:fs'
import { expect, it, onTestFinished } from 'vitest'
import { describeWith } from '../../servers/missing-servers.ts'
import { temporaryFile } from '../../stores/sqlite/temporary-files.ts'
import { fleetServers } from '../processes/fleet-servers.ts'
import { report } from '../processes/report.ts'
import { Caller, statuses } from './callers.ts'

const KEYS = 200
const AT_ONCE = 50

describeWith(
  ['postgres'],
  '50 identical requests at once across 4 processes',
  () => {
    const servers = fleetServers([])

    it('run once each, 200 times over; the others wait or are given the same answer, and are billed once', {
      timeout: 300_000,
    }, async () => {
      const runsFile = temporaryFile()
      writeFileSync(runsFile, '')
      const fleet = await servers.start('Postgres', 4, { runsFile, handlerMs: 20, storeDeadlineMs: 20_000 })
      const { apiKey } = await fleet[0]!.keys.create({ owner: 'acme', name: 'retrier' })
      await fleet[0]!.credits.topUp({ owner: 'acme' }, { amount: 1_000 })
      const callers = fleet.map(({ url }) => new Caller(url, apiKey, 25))
      onTestFinished(() => {
        for (const caller of callers) caller.close()
      })
      const totals: Record<string, number> = {}
      for (let number = 0; number < KEYS; number++) {
        const fields = { 'idempotency-key': `order-${number}`, 'x-run': `order-${number}` }
        const calls = await Promise.all(
          Array.from({ length: AT_ONCE }, (_, index) => callers[index % 4]!.post('/once', fields)),
        )
        const answered = calls.filter(({ status }) => status === 200)
        expect(new Set(answered.map(({ body }) => body)).size, `answers to order ${number}`).toBe(1)
        expect(answered.filter(({ isReplayed }) => !isReplayed)).toHaveLength(1)
        for (const [status, count] of Object.entries(statuses(calls))) totals[status] = (totals[status] ?? 0) + count
      }
      const runs = readFileSync(runsFile, 'utf8').trim().split('\n')
      expect(runs).toHaveLength(KEYS)
      expect(new Set(runs).size).toBe(KEYS)
      expect(Object.keys(totals).sort()).toEqual(['200', '409'])
      expect((await fleet[0]!.credits.get({ owner: 'acme' })).balance).toBe(1_000 - KEYS)
      report('identical requests', { runs: runs.length, ...totals })
    })
  },
  { needsOwnServer: true },
)
