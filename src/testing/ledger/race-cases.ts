import type { Ledger } from '../../model/ledger.ts'
import { expectEqual, expectThat } from '../expectations.ts'
import { expectChain } from '../key-store/audit-cases.ts'
import type { KeyStoreCase } from '../key-store/key-store-case.ts'
import { instant, sampleAudit } from '../key-store/samples.ts'
import { ledgerCase, ledgerOf } from './ledger-case.ts'
import * as sample from './samples.ts'

const { POOL, expectBooks, meteredDebit, refunding, sampleDebit, sampleDeposit, settling } = sample

/** What must hold when several act at once, through one store and through two on the same data. */
export const raceCases: readonly KeyStoreCase[] = [
  ledgerCase('grants 20 of 40 debits at once on a balance of 20', async (ledger, _, reopen) => {
    await sample.topUp(ledger, 20)
    const ledgers = [ledger, ledgerOf(await reopen())]
    const outcomes = await atOnce(40, (index) => pick(ledgers, index).reserve(sampleDebit({ amount: 1 })))
    expectEqual(tally(outcomes), { insufficient: 20, reserved: 20 }, 'outcomes')
    await expectBooks(ledger, 0)
  }),

  ledgerCase('takes one debit of an operation that several ask for at once', async (ledger, _, reopen) => {
    await sample.topUp(ledger, 20)
    const ledgers = [ledger, ledgerOf(await reopen())]
    const debit = meteredDebit()
    const attempts = Array.from({ length: 10 }, (_, index) => ({ ...debit, token: `token ${index}` }))
    const outcomes = await Promise.all(attempts.map((attempt, index) => pick(ledgers, index).reserve(attempt)))
    expectEqual(tally(outcomes), { reserved: 1, resumed: 9 }, 'outcomes')
    await expectBooks(ledger, 15, 5)
    const closings = await Promise.all(attempts.map((attempt, index) => pick(ledgers, index).close(refunding(attempt))))
    expectEqual(tally(closings), { closed: 1, refused: 9 }, 'refunds')
    await expectBooks(ledger, 20)
  }),

  ledgerCase('refunds once, whoever asks for it at once', async (ledger, _, reopen) => {
    await sample.topUp(ledger, 20)
    const ledgers = [ledger, ledgerOf(await reopen())]
    const debit = meteredDebit()
    await sample.expectReserved(ledger, debit, 15)
    const outcomes = await atOnce(10, (index) => pick(ledgers, index).close(refunding(debit)))
    expectEqual(tally(outcomes), { closed: 1, refused: 9 }, 'outcomes')
    await expectBooks(ledger, 20)
  }),

  ledgerCase('settles at one of several amounts that are asked for at once', async (ledger, _, reopen) => {
    await sample.topUp(ledger, 20)
    const ledgers = [ledger, ledgerOf(await reopen())]
    const debit = meteredDebit()
    await sample.expectReserved(ledger, debit, 15)
    await atOnce(8, (index) => pick(ledgers, index).close(settling(debit, index)))
    const { balance = -1 } = (await ledger.findAccount(POOL)) ?? {}
    expectThat(balance > 12 && balance <= 20, `the balance is ${balance}`)
    await expectBooks(ledger, balance)
  }),

  ledgerCase('lets a request settle, or its lease end, and never both', async (ledger, _, reopen) => {
    const again = ledgerOf(await reopen())
    await sample.topUp(ledger, 60)
    const debits = Array.from({ length: 6 }, () => meteredDebit({ afterLease: 'refund' }))
    for (const debit of debits) await ledger.reserve(debit)
    const sweep = atOnce(3, () => again.closeLapsed(instant(61_000), 10))
    const closings = await Promise.all(debits.map((debit) => ledger.close(settling(debit, 2))))
    const swept = (await sweep).reduce((sum, count) => sum + count, 0)
    const settled = closings.filter(({ outcome }) => outcome === 'closed').length
    expectEqual(settled + swept, 6, 'debits that were closed')
    await expectBooks(ledger, 60 - 2 * settled)
  }),

  ledgerCase('moves a deposit of one operation once, with one audit entry', async (ledger, store, reopen) => {
    const ledgers = [ledger, ledgerOf(await reopen())]
    const deposit = sampleDeposit({ operation: 'invoice 1', audit: sampleAudit() })
    const outcomes = await atOnce(8, (index) => pick(ledgers, index).deposit(deposit))
    expectEqual(tally(outcomes), { moved: 1, repeated: 7 }, 'outcomes')
    await expectBooks(ledger, 10)
    await expectChain(store, 'acme', 1)
  }),

  ledgerCase('makes a refill once, however many try', async (ledger, _, reopen) => {
    const rule = { amount: 10, mode: 'add', every: 'day' } as const
    await sample.expectMoved(ledger, sampleDeposit({ refill: { rule, nextAt: instant(1) } }))
    const ledgers = [ledger, ledgerOf(await reopen())]
    const expected = { expectedRefillAt: instant(1), refill: { rule, nextAt: instant(2) } }
    const refill = sampleDeposit({ kind: 'refill', ...expected })
    const outcomes = await atOnce(8, (index) => pick(ledgers, index).deposit(refill))
    expectEqual(tally(outcomes), { moved: 1, superseded: 7 }, 'outcomes')
    await expectBooks(ledger, 20)
  }),

  ledgerCase('makes an account once, and loses no deposit', async (ledger, store, reopen) => {
    const ledgers = [ledger, ledgerOf(await reopen())]
    const outcomes = await atOnce(10, (index) =>
      pick(ledgers, index).deposit(sampleDeposit({ change: { add: 1 }, audit: sampleAudit() })),
    )
    expectEqual(tally(outcomes), { moved: 10 }, 'outcomes')
    await expectBooks(ledger, 10)
    await expectChain(store, 'acme', 10)
  }),

  ledgerCase('never shows a balance below nothing, whatever is going on', async (ledger, _, reopen) => {
    await sample.topUp(ledger, 10)
    const again = ledgerOf(await reopen())
    let isOver = false
    const spenders = atOnce(6, async (index) => {
      for (let round = 0; round < 5; round += 1) {
        const debit = meteredDebit({ amount: 4 })
        if ((await ledger.reserve(debit)).outcome !== 'reserved') continue
        await ledger.close(index % 2 === 0 ? refunding(debit) : settling(debit, 3 + round))
        await ledger.deposit(sampleDeposit({ change: { atLeast: 7 } }))
      }
    }).finally(() => {
      isOver = true
    })
    const watcher = (async () => {
      for (let reads = 0; !isOver || reads < 10; reads += 1) {
        const { balance = -1, reserved = -1 } = (await again.findAccount(POOL)) ?? {}
        expectThat(balance >= 0 && reserved >= 0 && reserved <= 24, `read ${balance}, with ${reserved} reserved`)
        await nextTurn()
      }
    })()
    await Promise.allSettled([spenders, watcher])
    await Promise.all([spenders, watcher])
    await expectBooks(ledger, (await ledger.findAccount(POOL))?.balance ?? -1)
  }),
]

/** Starts so many calls before the first has ended, and waits for all. */
function atOnce<T>(count: number, call: (index: number) => Promise<T>): Promise<T[]> {
  return Promise.all(Array.from({ length: count }, (_, index) => call(index)))
}

function pick(ledgers: readonly Ledger[], index: number): Ledger {
  return ledgers[index % ledgers.length] as Ledger
}

/** How often each outcome came. */
function tally(outcomes: readonly { readonly outcome: string }[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {}
  for (const { outcome } of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1
  return counts
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}
