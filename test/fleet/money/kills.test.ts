import { writeFileSync } from 'node:fs'
import { expect, it, onTestFinished } from 'vitest'
import { describeWith } from '../../servers/missing-servers.ts'
import { until } from '../../servers/until.ts'
import { temporaryFile } from '../../stores/sqlite/temporary-files.ts'
import { type Instance, startInstance } from '../processes/fleet.ts'
import { fleetServers } from '../processes/fleet-servers.ts'
import { report } from '../processes/report.ts'
import { Caller } from './callers.ts'
import { watchLedger } from './ledger-watch.ts'

const KILLS = 20
const CALLERS = 8
const BALANCE = 1_000_000

describeWith(
  ['postgres'],
  'a server that is killed under load, 20 times',
  () => {
    const servers = fleetServers([])

    it('114, 136: debits what it acknowledged and at most what was in flight; the ledger adds up; a retry is never billed twice', {
      timeout: 300_000,
    }, async () => {
      const runsFile = temporaryFile()
      writeFileSync(runsFile, '')
      const config = { ...(await servers.config('Postgres')), runsFile, handlerMs: 5, idempotency: { leaseSeconds: 5 } }
      let instance = await startInstance(config)
      await instance.ready()
      const { apiKey } = await instance.keys.create({ owner: 'acme', name: 'spender' })
      await instance.credits.topUp({ owner: 'acme' }, { amount: BALANCE })
      const watch = await watchLedger(config.databaseUrl)
      onTestFinished(() => watch.close())

      let [plain, broken, orders] = [0, 0, 0]
      const unfinished: string[] = []
      for (let round = 0; round < KILLS; round++) {
        const caller = new Caller(instance.url, apiKey, CALLERS * 2)
        let isOver = false
        const spenders = Array.from({ length: CALLERS }, async () => {
          while (!isOver) {
            const { status } = await caller.post('/spend')
            if (status === 200) plain += 1
            else {
              broken += 1
              return
            }
          }
        })
        const retriers = Array.from({ length: CALLERS }, async () => {
          while (!isOver) {
            orders += 1
            const order = `order-${orders}`
            if ((await caller.post('/once', fieldsOf(order))).status !== 200) {
              unfinished.push(order)
              return
            }
          }
        })
        const before = plain
        await until('it has acknowledged some', () => plain - before > 2 * CALLERS)
        await new Promise((resolve) => setTimeout(resolve, Math.random() * 100))
        await instance.kill()
        isOver = true
        await Promise.all([...spenders, ...retriers])
        caller.close()
        instance = await startInstance(config)
        await instance.ready()
      }
      await finish(instance, apiKey, unfinished)

      const { sum, debits, count, sequence } = await watch.sums()
      expect(plain).toBeGreaterThan(KILLS * CALLERS)
      expect(unfinished.length).toBeGreaterThan(0)
      // Each order was acknowledged in the end, and cost one credit, however often it was sent.
      const spent = debits - orders
      expect(spent, 'nothing acknowledged is lost').toBeGreaterThanOrEqual(plain)
      expect(spent, 'nothing is debited that was not sent').toBeLessThanOrEqual(plain + broken)
      expect(sum, 'the sum of the ledger is the balance').toBe(await watch.balance())
      expect(count, 'no movement is missing').toBe(sequence)
      report('kills with credits', { acknowledged: plain, broken, debited: spent, orders, retried: unfinished.length })
      await instance.stop()
    })
  },
  { needsOwnServer: true },
)

function fieldsOf(order: string): Record<string, string> {
  return { 'idempotency-key': order, 'x-run': order }
}

/** Sends each order again until it is answered: those that were under way are free once their lease has ended. */
async function finish({ url }: Instance, apiKey: string, orders: readonly string[]): Promise<void> {
  const caller = new Caller(url, apiKey, CALLERS)
  await Promise.all(
    orders.map(async (order) => {
      const giveUpAt = performance.now() + 20_000
      for (;;) {
        const { status, body } = await caller.post('/once', fieldsOf(order))
        if (status === 200) return
        if (performance.now() > giveUpAt) throw new Error(`${order} is never finished: ${status} ${body}`)
        await new Promise((resolve) => setTimeout(resolve, 200))
      }
    }),
  )
  caller.close()
}
