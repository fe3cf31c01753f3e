import { MAX_CREDITS } from '../../model/ledger.ts'
import { expectEqual } from '../expectations.ts'
import type { KeyStoreCase } from '../key-store/key-store-case.ts'
import { instant } from '../key-store/samples.ts'
import { ledgerCase } from './ledger-case.ts'
import * as sample from './samples.ts'

const { POOL, REFUSED, closed, expectBooks, expectReserved, meteredDebit, refunding, sampleDebit, settling } = sample

/** What a ledger must do when debits end. */
export const closingCases: readonly KeyStoreCase[] = [
  ledgerCase('gives back what a settled debit took too much, and writes it down', async (ledger) => {
    await sample.topUp(ledger, 10)
    const debit = meteredDebit()
    await expectReserved(ledger, debit, 5)
    await expectBooks(ledger, 5, 5)
    expectEqual(await ledger.close(settling(debit, 2, { overshoot: 'cap' })), closed(8, 2), 'settled at 2')
    const [, , movement] = await expectBooks(ledger, 8)
    const from = {
      operation: null,
      keyId: 'key_1',
      requestId: 'request 2',
      actor: null,
      reason: null,
      at: instant(2_000),
    }
    const expected = { sequence: 3, kind: 'settlement', amount: 3, balance: 8, shortfall: 0, ...from }
    expectEqual(movement, expected, 'the movement')
  }),

  ledgerCase('writes nothing where a debit is settled at what it took', async (ledger) => {
    await sample.topUp(ledger, 10)
    for (const debit of [meteredDebit(), sampleDebit()]) {
      const { balance = 0 } = (await ledger.findAccount(POOL)) ?? {}
      await expectReserved(ledger, debit, balance - 5)
      expectEqual(await ledger.close(settling(debit, 5)), closed(balance - 5, 5), 'settled at 5')
    }
    expectEqual((await expectBooks(ledger, 0)).length, 3, 'movements')
  }),

  ledgerCase('takes what a settled debit lacks', async (ledger) => {
    await sample.topUp(ledger, 10)
    const debit = meteredDebit()
    await expectReserved(ledger, debit, 5)
    expectEqual(await ledger.close(settling(debit, 10)), closed(0, 10), 'settled at 10')
    const { amount, shortfall } = (await expectBooks(ledger, 0))[2] ?? {}
    expectEqual([amount, shortfall], [-5, 0], 'the movement')
  }),

  ledgerCase('takes no more than there is, and writes down what was missing', async (ledger) => {
    await sample.topUp(ledger, 7)
    const debit = meteredDebit()
    await expectReserved(ledger, debit, 2)
    expectEqual(await ledger.close(settling(debit, 10)), closed(0, 7, 3), 'settled at 10, with 2 left')
    const next = meteredDebit({ amount: 0 })
    await expectReserved(ledger, next, 0)
    expectEqual(await ledger.close(settling(next, 4)), closed(0, 0, 4), 'settled at 4, with nothing left')
    const last = sampleDebit({ amount: 0 })
    await expectReserved(ledger, last, 0)
    expectEqual(await ledger.close(settling(last, MAX_CREDITS)), closed(0, 0, MAX_CREDITS), 'settled at the most')
    const settlements = (await expectBooks(ledger, 0)).filter(({ kind }) => kind === 'settlement')
    const written = settlements.map(({ amount, shortfall }) => [amount, shortfall])
    const expected = [
      [-2, 3],
      [0, 4],
      [0, MAX_CREDITS],
    ]
    expectEqual(written, expected, 'what was taken, and what was missing')
  }),

  ledgerCase('takes no more than it took where overshoot is capped', async (ledger) => {
    await sample.topUp(ledger, 10)
    const debit = meteredDebit()
    await expectReserved(ledger, debit, 5)
    const movements = await sample.movementsOf(ledger)
    expectEqual(await ledger.close(settling(debit, 8, { overshoot: 'cap' })), closed(5, 5), 'settled at 8')
    await expectBooks(ledger, 5)
    expectEqual(await sample.movementsOf(ledger), movements, 'movements')
  }),

  ledgerCase('settles again, at the new amount, for whoever has the token', async (ledger) => {
    await sample.topUp(ledger, 10)
    const debit = meteredDebit()
    await expectReserved(ledger, debit, 5)
    expectEqual(await ledger.close(settling(debit, 3)), closed(7, 3), 'settled at 3')
    expectEqual(await ledger.close(settling(debit, 3)), closed(7, 3), 'settled at 3 again')
    expectEqual(await ledger.close(settling(debit, 9)), closed(1, 9), 'settled at 9')
    expectEqual(await ledger.close(settling(debit, 20)), closed(0, 10, 10), 'settled at 20')
    expectEqual(await ledger.close(settling(debit, 0)), closed(10, 0), 'settled at nothing')
    expectEqual(await ledger.close(settling(debit, 1)), closed(9, 1), 'settled at 1')
    expectEqual((await expectBooks(ledger, 9)).length, 7, 'movements')
  }),

  ledgerCase('refunds a debit whole, open or settled, and once', async (ledger) => {
    await sample.topUp(ledger, 20)
    const [open, final, settled] = [meteredDebit(), sampleDebit(), meteredDebit()]
    for (const [index, debit] of [open, final, settled].entries()) await expectReserved(ledger, debit, 15 - 5 * index)
    expectEqual(await ledger.close(settling(settled, 6)), closed(4, 6), 'one is settled')
    expectEqual(await ledger.close(refunding(open)), closed(9, 0), 'a refund of an open one')
    expectEqual(await ledger.close(refunding(final)), closed(14, 0), 'a refund of a final one')
    expectEqual(await ledger.close(refunding(settled)), closed(20, 0), 'a refund of a settled one')
    for (const debit of [open, final, settled]) {
      expectEqual(await ledger.close(refunding(debit)), REFUSED, 'a second refund')
      expectEqual(await ledger.close(settling(debit, 5)), REFUSED, 'settling what was refunded')
    }
    const refund = (await expectBooks(ledger, 20)).find(({ kind }) => kind === 'refund')
    const from = {
      operation: null,
      keyId: 'key_1',
      requestId: 'request 2',
      actor: null,
      reason: null,
      at: instant(2_000),
    }
    expectEqual(refund, { sequence: 6, kind: 'refund', amount: 5, balance: 9, shortfall: 0, ...from }, 'the movement')
  }),

  ledgerCase('writes nothing where there is nothing to refund', async (ledger) => {
    await sample.topUp(ledger, 5)
    const debit = sampleDebit({ amount: 0 })
    await expectReserved(ledger, debit, 5)
    expectEqual(await ledger.close(refunding(debit)), closed(5, 0), 'a refund')
    expectEqual(await ledger.close(refunding(debit)), REFUSED, 'a second refund')
    expectEqual((await expectBooks(ledger, 5)).length, 2, 'movements')
  }),

  ledgerCase('closes for nobody who has not the token of the debit, in its account', async (ledger) => {
    await sample.topUp(ledger, 10)
    const other = { owner: 'acme', lineage: 'key_1' }
    await sample.topUp(ledger, 10, other)
    const debit = meteredDebit()
    await expectReserved(ledger, debit, 5)
    const { token } = sampleDebit()
    for (const wrong of [{ token }, { token: '' }, { account: other }, { operation: token }]) {
      expectEqual(await ledger.close(settling(debit, 1, wrong)), REFUSED, 'settling')
      expectEqual(await ledger.close(refunding(debit, wrong)), REFUSED, 'refunding')
    }
    await expectBooks(ledger, 5, 5)
    await expectBooks(ledger, 10, 0, other)
  }),

  ledgerCase('gives back no more than a balance holds', async (ledger) => {
    await sample.topUp(ledger, 10)
    const debits = [sampleDebit(), meteredDebit()]
    for (const [index, debit] of debits.entries()) await expectReserved(ledger, debit, 5 - 5 * index)
    await sample.expectMoved(ledger, sample.sampleDeposit({ kind: 'set', change: { to: MAX_CREDITS - 3 } }))
    for (const debit of debits)
      expectEqual((await ledger.close(refunding(debit))).outcome, 'closed', 'a refund, with 3 below the most')
    await expectBooks(ledger, MAX_CREDITS)
  }),

  ledgerCase('renews the lease of an open debit, and only for whoever has its token', async (ledger) => {
    await sample.topUp(ledger, 20)
    const debit = meteredDebit({ leaseUntil: instant(10_000), afterLease: 'refund' })
    await expectReserved(ledger, debit, 15)
    const { operation, token } = debit
    const later = instant(20_000)
    expectEqual(await ledger.renew(POOL, operation, 'other', instant(99_000)), false, 'with another token')
    expectEqual(await ledger.renew(POOL, 'other', token, later), false, 'another operation')
    expectEqual(await ledger.renew({ ...POOL, lineage: 'key_1' }, operation, token, later), false, 'another account')
    expectEqual(await ledger.renew(POOL, operation, token, later), true, 'the debit')
    expectEqual(await ledger.closeLapsed(instant(19_999), 10), 0, 'closed before the end of the new lease')
    expectEqual(await ledger.close(settling(debit, 5)), closed(15, 5), 'settled')
    expectEqual(await ledger.renew(POOL, operation, token, instant(30_000)), false, 'when it is settled')
    expectEqual(await ledger.closeLapsed(instant(40_000), 10), 0, 'closed when it is settled')
    expectEqual(await ledger.close(refunding(debit)), closed(20, 0), 'refunded')
    expectEqual(await ledger.renew(POOL, operation, token, instant(30_000)), false, 'when it is refunded')
    await expectBooks(ledger, 20)
  }),
]
