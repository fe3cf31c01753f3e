import { expectEqual } from '../expectations.ts'
import type { KeyStoreCase } from '../key-store/key-store-case.ts'
import { instant } from '../key-store/samples.ts'
import { ledgerCase } from './ledger-case.ts'
import * as sample from './samples.ts'

const { POOL, REFUSED, closed, expectBooks, expectReserved, meteredDebit, refunding, resumed, sampleDebit, settling } =
  sample

/** What a ledger must do with debits. */
export const debitCases: readonly KeyStoreCase[] = [
  ledgerCase('takes what a debit asks for, to the last credit, and writes it down', async (ledger) => {
    await sample.topUp(ledger, 8)
    const [first, last] = [sampleDebit(), sampleDebit({ amount: 3, keyId: 'key_2', requestId: 'r', at: instant(7) })]
    await expectReserved(ledger, first, 3)
    await expectReserved(ledger, last, 0)
    const [, one, two] = await expectBooks(ledger, 0)
    const both = { kind: 'debit', shortfall: 0, actor: null, reason: null }
    const { operation, keyId, requestId, at } = first
    expectEqual(one, { ...both, sequence: 2, amount: -5, balance: 3, operation, keyId, requestId, at }, 'the first')
    const its = { operation: last.operation, keyId: 'key_2', requestId: 'r', at: instant(7) }
    expectEqual(two, { ...both, sequence: 3, amount: -3, balance: 0, ...its }, 'the last')
  }),

  ledgerCase('takes nothing where the balance is lower, and stores nothing of it', async (ledger) => {
    expectEqual(await ledger.reserve(sampleDebit()), { outcome: 'insufficient', balance: 0 }, 'where nothing is')
    expectEqual(await ledger.findAccount(POOL), undefined, 'the account')
    await sample.topUp(ledger, 5)
    const tooMuch = meteredDebit({ amount: 6 })
    expectEqual(await ledger.reserve(tooMuch), { outcome: 'insufficient', balance: 5 }, 'one credit too many')
    await expectBooks(ledger, 5)
    expectEqual(await ledger.close(settling(tooMuch, 0)), REFUSED, 'closing what was not taken')
    await expectReserved(ledger, { ...tooMuch, amount: 5 }, 0)
    await expectBooks(ledger, 0, 5)
  }),

  ledgerCase('writes down a debit of nothing too, which can be settled', async (ledger) => {
    const lineage = { owner: 'acme', lineage: 'key_1' }
    await expectReserved(ledger, sampleDebit({ account: lineage, amount: 0 }), 0)
    await sample.topUp(ledger, 5)
    const debit = meteredDebit({ amount: 0 })
    await expectReserved(ledger, debit, 5)
    const [, movement] = await expectBooks(ledger, 5)
    expectEqual([movement?.kind, movement?.amount, movement?.operation], ['debit', 0, debit.operation], 'the movement')
    expectEqual(await ledger.reserve({ ...debit, token: 'other' }), resumed(5, 0), 'the same again')
    expectEqual(await ledger.close(settling({ ...debit, token: 'other' }, 3)), closed(2, 3), 'settled at 3')
    await expectBooks(ledger, 2)
  }),

  ledgerCase('resumes a debit that is open, and takes nothing again: the token is the new one', async (ledger) => {
    await sample.topUp(ledger, 20)
    for (const debit of [sampleDebit(), meteredDebit({ amount: 7 })]) {
      const before = (await ledger.findAccount(POOL))?.balance ?? 0
      await expectReserved(ledger, debit, before - debit.amount)
      const movements = await sample.movementsOf(ledger)
      const again = { ...debit, token: sample.draw(), amount: 1_000, requestId: 'request 9', at: instant(3_000) }
      expectEqual(await ledger.reserve(again), resumed(before - debit.amount, debit.amount), 'the same again')
      expectEqual(await sample.movementsOf(ledger), movements, 'movements, which are never changed')
      expectEqual(await ledger.close(settling(debit, 0)), REFUSED, 'closing with the old token')
      const at1 = closed(before - 1, 1)
      expectEqual(await ledger.close(settling(again, 1)), at1, 'closing with the new token')
    }
    await expectBooks(ledger, 18)
  }),

  ledgerCase('gives a debit that is resumed its new lease', async (ledger) => {
    await sample.topUp(ledger, 5)
    const debit = meteredDebit({ leaseUntil: instant(10_000) })
    await expectReserved(ledger, debit, 0)
    const again = { ...debit, token: 'other', leaseUntil: instant(20_000) }
    expectEqual(await ledger.reserve(again), resumed(0, 5), 'the same again')
    await expectBooks(ledger, 0, 5)
    expectEqual(await ledger.closeLapsed(instant(19_999), 10), 0, 'closed at the end of the old lease')
    expectEqual(await ledger.closeLapsed(instant(20_000), 10), 1, 'closed at the end of the new one')
  }),

  ledgerCase(
    'resumes a debit that is settled, at what it was charged: with a lease it is open again',
    async (ledger) => {
      await sample.topUp(ledger, 10)
      const debit = meteredDebit({ afterLease: 'refund' })
      await expectReserved(ledger, debit, 5)
      expectEqual(await ledger.close(settling(debit, 3)), closed(7, 3), 'settled at 3')
      const second = { ...debit, token: sample.draw(), leaseUntil: instant(80_000) }
      expectEqual(await ledger.reserve(second), resumed(7, 3), 'the same again')
      await expectBooks(ledger, 7, 3)
      expectEqual(await ledger.close(refunding(debit)), REFUSED, 'a refund with the old token')
      expectEqual(await ledger.renew(POOL, debit.operation, second.token, instant(90_000)), true, 'renewing')
      expectEqual(await ledger.closeLapsed(instant(89_999), 10), 0, 'closed before the end of the lease')
      expectEqual(await ledger.close(settling(second, 4)), closed(6, 4), 'settled at 4')
      const third = { ...debit, token: sample.draw(), leaseUntil: null }
      expectEqual(await ledger.reserve(third), resumed(6, 4), 'the same again without a lease')
      await expectBooks(ledger, 6)
      expectEqual(await ledger.closeLapsed(instant(1e9), 10), 0, 'closed')
      expectEqual(await ledger.close(refunding(third)), closed(10, 0), 'a refund with the last token')
      await expectBooks(ledger, 10)
    },
  ),

  ledgerCase('takes a first debit anew, whatever one of the same operation has taken before', async (ledger) => {
    await sample.topUp(ledger, 20)
    for (const [index, make] of [sampleDebit, meteredDebit].entries()) {
      const debit = make()
      const before = 20 - index * 10
      await expectReserved(ledger, { ...debit, isFirst: true }, before - 5)
      const again = { ...debit, isFirst: true, token: 'of another record' }
      await expectReserved(ledger, again, before - 10)
      expectEqual(await ledger.close(refunding(debit)), REFUSED, 'by the token of the record that has expired')
      expectEqual(await ledger.close(settling(again, 5)), closed(before - 10, 5), 'by its own')
    }
    await expectBooks(ledger, 0)
  }),

  ledgerCase('takes a debit anew that was refunded, and only if it can', async (ledger) => {
    await sample.topUp(ledger, 5)
    const debit = meteredDebit()
    await expectReserved(ledger, debit, 0)
    expectEqual(await ledger.close(refunding(debit)), closed(5, 0), 'a refund')
    const anew = { ...debit, token: sample.draw(), amount: 6 }
    expectEqual(await ledger.reserve(anew), { outcome: 'insufficient', balance: 5 }, 'more than there is')
    expectEqual(await ledger.close(refunding(anew)), REFUSED, 'a refund of what was not taken')
    await expectReserved(ledger, { ...anew, amount: 4 }, 1)
    await expectBooks(ledger, 1, 4)
    const third = { ...anew, token: sample.draw() }
    expectEqual(await ledger.reserve(third), resumed(1, 4), 'the same again')
    expectEqual(await ledger.close(settling(anew, 1)), REFUSED, 'closing with a token before the last')
    expectEqual(await ledger.close(settling(third, 1)), closed(4, 1), 'closing')
    const kinds = (await expectBooks(ledger, 4)).map(({ kind, amount }) => [kind, amount])
    const expected = [
      ['top_up', 5],
      ['debit', -5],
      ['refund', 5],
      ['debit', -4],
      ['settlement', 3],
    ]
    expectEqual(kinds, expected, 'movements')
  }),

  ledgerCase('names operations by their exact text, within an account', async (ledger) => {
    await sample.topUp(ledger, 100)
    const other = { owner: 'acme', lineage: 'key_1' }
    await sample.topUp(ledger, 100, other)
    const operations = ['aB_cdEfg', 'ab_cdefg', 'aBxcdEfg', 'aB_cdEfg ', 'aB_cdEfé', 'aB_cdEfe']
    for (const [index, operation] of operations.entries())
      await expectReserved(ledger, sampleDebit({ operation, token: `t${index}` }), 95 - 5 * index)
    await expectReserved(ledger, sampleDebit({ operation: 'aB_cdEfg', account: other }), 95)
    const token = 'T0'
    expectEqual(await ledger.close(refunding({ ...sampleDebit(), operation: 'aB_cdEfg', token })), REFUSED, 'the token')
  }),

  ledgerCase('asks for a refill from its instant on, before anything is taken', async (ledger) => {
    const refill = { rule: { amount: 5, mode: 'to', every: 'day' }, nextAt: instant(5_000) } as const
    const state = await sample.expectMoved(ledger, sample.sampleDeposit({ refill }))
    await expectReserved(ledger, sampleDebit({ at: instant(4_999) }), 5)
    const due = { outcome: 'refill_due', state: { ...state, balance: 5, sequence: 2 } }
    const [affordable, tooMuch] = [meteredDebit({ at: instant(5_000) }), sampleDebit({ amount: 6, at: instant(9_000) })]
    for (const debit of [affordable, tooMuch]) expectEqual(await ledger.reserve(debit), due, 'a debit when one is due')
    await expectBooks(ledger, 5)
    const kind = 'refill'
    const next = { ...refill, nextAt: instant(8_000) }
    await sample.expectMoved(ledger, sample.sampleDeposit({ kind, change: { atLeast: 8 }, refill: next }))
    await expectReserved(ledger, affordable, 3)
    await sample.expectMoved(ledger, sample.sampleDeposit({ refill: { rule: null, nextAt: null } }))
    await expectReserved(ledger, tooMuch, 7)
    await expectBooks(ledger, 7, 5)
  }),
]
