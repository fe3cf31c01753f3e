import { expectEqual } from '../expectations.ts'
import type { KeyStoreCase } from '../key-store/key-store-case.ts'
import { instant } from '../key-store/samples.ts'
import { ledgerCase } from './ledger-case.ts'
import * as sample from './samples.ts'

const { POOL, REFUSED, closed, expectBooks, expectReserved, meteredDebit, refunding, resumed, sampleDebit, settling } =
  sample

/** What a ledger must do with debits whose lease has ended. */
export const lapseCases: readonly KeyStoreCase[] = [
  ledgerCase('closes an open debit when its lease has ended, and not before', async (ledger) => {
    await sample.topUp(ledger, 10)
    await expectReserved(ledger, meteredDebit(), 5)
    expectEqual(await ledger.closeLapsed(instant(60_999), 10), 0, 'closed a millisecond before')
    await expectBooks(ledger, 5, 5)
    expectEqual(await ledger.closeLapsed(instant(61_000), 10), 1, 'closed at the end')
    await expectBooks(ledger, 5)
    expectEqual(await ledger.closeLapsed(instant(61_000), 10), 0, 'closed again')
  }),

  ledgerCase('charges a lapsed debit as it is, or refunds it, as it says', async (ledger) => {
    await sample.topUp(ledger, 20)
    const [charged, refunded] = [meteredDebit(), meteredDebit({ amount: 7, afterLease: 'refund', keyId: 'key_2' })]
    await expectReserved(ledger, charged, 15)
    await expectReserved(ledger, refunded, 8)
    expectEqual(await ledger.closeLapsed(instant(70_000), 10), 2, 'closed')
    const movements = await expectBooks(ledger, 15)
    const from = { keyId: 'key_2', requestId: 'request 1', actor: null, reason: null, at: instant(70_000) }
    const refund = { sequence: 4, kind: 'refund', amount: 7, balance: 15, shortfall: 0, operation: null, ...from }
    expectEqual(movements.slice(3), [refund], 'movements of it')
  }),

  ledgerCase('voids the token of a debit that lapsed; another attempt takes it over, or anew', async (ledger) => {
    await sample.topUp(ledger, 20)
    const [charged, refunded] = [meteredDebit(), meteredDebit({ amount: 7, afterLease: 'refund' })]
    for (const debit of [charged, refunded]) await ledger.reserve(debit)
    await ledger.closeLapsed(instant(70_000), 10)
    for (const debit of [charged, refunded]) {
      const { operation, token } = debit
      expectEqual(await ledger.close(settling(debit, 1)), REFUSED, 'settling')
      expectEqual(await ledger.close(refunding(debit)), REFUSED, 'refunding')
      expectEqual(await ledger.renew(POOL, operation, token, instant(80_000)), false, 'renewing')
    }
    await expectBooks(ledger, 15)
    const [another, anew] = [charged, refunded].map((debit) => ({
      ...debit,
      ...{ token: sample.draw(), leaseUntil: instant(130_000), at: instant(71_000) },
    })) as [typeof charged, typeof refunded]
    expectEqual(await ledger.reserve(another), resumed(15, 5), 'what was charged')
    await expectReserved(ledger, anew, 8)
    await expectBooks(ledger, 8, 12)
    expectEqual(await ledger.close(settling(another, 4)), closed(9, 4), 'settling what was charged')
    expectEqual(await ledger.close(settling(anew, 6)), closed(10, 6), 'settling what was taken anew')
    await expectBooks(ledger, 10)
  }),

  ledgerCase('closes no debit that is settled, refunded or final', async (ledger) => {
    await sample.topUp(ledger, 20)
    const [settled, refunded, final] = [meteredDebit(), meteredDebit(), sampleDebit()].map((debit) => ({
      ...debit,
      afterLease: 'refund' as const,
    })) as [ReturnType<typeof sampleDebit>, ReturnType<typeof sampleDebit>, ReturnType<typeof sampleDebit>]
    for (const debit of [settled, refunded, final]) await ledger.reserve(debit)
    await ledger.close(settling(settled, 4))
    await ledger.close(refunding(refunded))
    expectEqual(await ledger.closeLapsed(instant(1e9), 10), 0, 'closed')
    await expectBooks(ledger, 11)
    expectEqual(await ledger.close(settling(final, 4)), closed(12, 4), 'settling the final one')
  }),

  ledgerCase('closes at most so many at a time, of all accounts', async (ledger) => {
    const accounts = ['a', 'b', 'c', 'd', 'e'].map((owner) => ({ owner, lineage: owner === 'b' ? 'key_b' : null }))
    for (const account of accounts) {
      await sample.topUp(ledger, 5, account)
      await expectReserved(ledger, meteredDebit({ account, afterLease: 'refund' }), 0)
    }
    const late = { owner: 'late', lineage: null }
    await sample.topUp(ledger, 5, late)
    await expectReserved(ledger, meteredDebit({ account: late, leaseUntil: instant(90_000) }), 0)
    const counts: number[] = []
    for (let call = 0; call < 4; call += 1) counts.push(await ledger.closeLapsed(instant(80_000), 2))
    expectEqual(counts, [2, 2, 1, 0], 'closed, call by call')
    for (const account of accounts) await expectBooks(ledger, 5, 0, account)
    await expectBooks(ledger, 0, 5, late)
  }),

  ledgerCase('sees leases through every store on the data', async (ledger, _, reopen) => {
    await sample.topUp(ledger, 5)
    await expectReserved(ledger, meteredDebit({ afterLease: 'refund' }), 0)
    const again = (await reopen()).ledger
    expectEqual(await again?.closeLapsed(instant(61_000), 10), 1, 'closed by another store')
    await expectBooks(ledger, 5)
  }),
]
