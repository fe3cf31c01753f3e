import { type Deposit, MAX_CREDITS, type Refill } from '../../model/ledger.ts'
import { expectEqual } from '../expectations.ts'
import { expectChain } from '../key-store/audit-cases.ts'
import type { KeyStoreCase } from '../key-store/key-store-case.ts'
import { instant, sampleAudit } from '../key-store/samples.ts'
import { ledgerCase } from './ledger-case.ts'
import * as sample from './samples.ts'

const { POOL, expectBooks, expectMoved, sampleDeposit } = sample

const RULES: readonly Refill[] = [
  { amount: 1, mode: 'add', every: 'day' },
  { amount: MAX_CREDITS, mode: 'to', every: 'month' },
  { amount: 500, mode: 'add', every: 60 },
  { amount: 7, mode: 'to', every: 31_536_000 },
]

/** What a ledger must do with credits that come from elsewhere. */
export const depositCases: readonly KeyStoreCase[] = [
  ledgerCase('adds, sets and raises, makes the account, and writes each down', async (ledger) => {
    const from = { reason: 'paid €5', actor: 'actor 1', requestId: 'request 3', at: instant(5) }
    const first = await expectMoved(ledger, sampleDeposit({ change: { add: 10 }, operation: 'invoice 1', ...from }))
    const state = { balance: 10, reserved: 0, sequence: 1, refill: null, refillAt: null }
    expectEqual(first, state, 'the account after the first')
    const steps: readonly (readonly [Deposit['kind'], Deposit['change'], number])[] = [
      ['set', { to: 4 }, 4],
      ['refill', { atLeast: 3 }, 4],
      ['refill', { atLeast: 6 }, 6],
      ['top_up', { add: 0 }, 6],
      ['set', { to: 0 }, 0],
      ['set', { to: 0 }, 0],
    ]
    for (const [index, [kind, change, balance]] of steps.entries()) {
      const after = await expectMoved(ledger, sampleDeposit({ kind, change }))
      expectEqual(after, { ...state, balance, sequence: index + 2 }, `the account after ${kind}`)
      expectEqual(await ledger.findAccount(POOL), after, 'the account as it is found')
    }
    const movements = await expectBooks(ledger, 0)
    const written = { sequence: 1, kind: 'top_up', amount: 10, balance: 10, shortfall: 0, keyId: null }
    expectEqual(movements[0], { ...written, operation: 'invoice 1', ...from }, 'the first movement')
    const amounts = movements.map(({ kind, amount }) => `${kind} ${amount}`)
    const expected = ['top_up 10', 'set -6', 'refill 0', 'refill 2', 'top_up 0', 'set -6', 'set 0']
    expectEqual(amounts, expected, 'what was moved')
  }),

  ledgerCase('leaves to metered requests what they have reserved', async (ledger) => {
    await sample.topUp(ledger, 10)
    const debit = sample.meteredDebit()
    await sample.expectReserved(ledger, debit, 5)
    const after = await expectMoved(ledger, sampleDeposit({ kind: 'set', change: { to: 1 } }))
    expectEqual([after.balance, after.reserved], [1, 5], 'balance and reserved credits')
    expectEqual(await ledger.close(sample.settling(debit, 2)), sample.closed(4, 2), 'settled')
    await expectBooks(ledger, 4)
  }),

  ledgerCase('moves an operation once, and answers a repetition with the account', async (ledger) => {
    const deposit = sampleDeposit({ operation: 'invoice 1', expectedSequence: 0 })
    await expectMoved(ledger, deposit)
    const state = await sample.topUp(ledger, 3)
    const repeated = { outcome: 'repeated', state }
    expectEqual(await ledger.deposit(deposit), repeated, 'the same again')
    const rewritten = { ...deposit, reason: 'another', at: instant(9), refill: { rule: null, nextAt: instant(1) } }
    expectEqual(await ledger.deposit(rewritten), repeated, 'the same change with another reason')
    await expectBooks(ledger, 13)
  }),

  ledgerCase('refuses an operation that was used for something else', async (ledger) => {
    await expectMoved(ledger, sampleDeposit({ operation: 'invoice 1', change: { add: 10 } }))
    const reused = { outcome: 'reused' }
    for (const change of [{ add: 11 }, { to: 10 }, { atLeast: 10 }])
      expectEqual(await ledger.deposit(sampleDeposit({ operation: 'invoice 1', change })), reused, 'another change')
    const other = sampleDeposit({ operation: 'invoice 1', kind: 'refill' })
    expectEqual(await ledger.deposit(other), reused, 'another kind')
    const debit = sample.sampleDebit()
    await sample.expectReserved(ledger, debit, 5)
    const { operation } = debit
    expectEqual(await ledger.deposit(sampleDeposit({ operation })), reused, 'the operation of a debit')
    await expectBooks(ledger, 5)
    await expectMoved(ledger, sampleDeposit({ operation: 'Invoice 1' }))
    const elsewhere = { owner: 'acme', lineage: 'key_1' }
    await expectMoved(ledger, sampleDeposit({ operation: 'invoice 1', account: elsewhere }))
  }),

  ledgerCase('moves only at the sequence that is expected, 0 where there is no account', async (ledger) => {
    const superseded = { outcome: 'superseded' }
    expectEqual(await ledger.deposit(sampleDeposit({ expectedSequence: 1 })), superseded, '1 where nothing is')
    expectEqual(await ledger.findAccount(POOL), undefined, 'the account')
    await expectMoved(ledger, sampleDeposit({ expectedSequence: 0 }))
    for (const expectedSequence of [0, 2])
      expectEqual(await ledger.deposit(sampleDeposit({ expectedSequence })), superseded, `${expectedSequence} after 1`)
    await sample.expectReserved(ledger, sample.sampleDebit(), 5)
    expectEqual(await ledger.deposit(sampleDeposit({ expectedSequence: 1 })), superseded, 'after a debit')
    await expectMoved(ledger, sampleDeposit({ expectedSequence: 2 }))
    await expectBooks(ledger, 15)
  }),

  ledgerCase('makes a refill only at the instant that is expected', async (ledger) => {
    const superseded = { outcome: 'superseded' }
    const kind = 'refill'
    const rule = { amount: 5, mode: 'add', every: 'day' } as const
    const expected = (expectedRefillAt: Date, nextAt = instant(9)) =>
      sampleDeposit({ kind, expectedRefillAt, refill: { rule, nextAt } })
    expectEqual(await ledger.deposit(expected(instant(1))), superseded, 'where nothing is')
    await sample.topUp(ledger, 1)
    expectEqual(await ledger.deposit(expected(instant(1))), superseded, 'where no refill is')
    await expectMoved(ledger, sampleDeposit({ kind: 'set', change: { to: 0 }, refill: { rule, nextAt: instant(1) } }))
    for (const at of [instant(0), instant(2)])
      expectEqual(await ledger.deposit(expected(at)), superseded, 'at another instant')
    expectEqual((await expectMoved(ledger, expected(instant(1)))).refillAt, instant(9), 'the next refill')
    expectEqual(await ledger.deposit(expected(instant(1))), superseded, 'the same again')
    await expectBooks(ledger, 10)
  }),

  ledgerCase('keeps the rule of an account’s refill until it is given another', async (ledger, _, reopen) => {
    for (const rule of RULES) {
      const refill = { rule, nextAt: instant(5_000) }
      const state = await expectMoved(ledger, sampleDeposit({ refill, change: { add: 1 } }))
      expectEqual([state.refill, state.refillAt], [rule, instant(5_000)], 'rule and instant')
      await sample.topUp(ledger, 1)
      await ledger.reserve(sample.sampleDebit({ amount: 1 }))
      const found = await (await reopen()).ledger?.findAccount(POOL)
      expectEqual([found?.refill, found?.refillAt], [rule, instant(5_000)], 'rule and instant afterwards')
    }
    const state = await expectMoved(ledger, sampleDeposit({ refill: { rule: null, nextAt: null } }))
    expectEqual([state.refill, state.refillAt], [null, null], 'rule and instant when there is none')
  }),

  ledgerCase('holds the most credits that there are, and not one more', async (ledger) => {
    const overflow = { outcome: 'overflow' }
    await sample.topUp(ledger, MAX_CREDITS - 1)
    const unmoved = sampleDeposit({ change: { add: 2 }, operation: 'invoice 1', audit: sampleAudit() })
    expectEqual(await ledger.deposit(unmoved), overflow, '2 above what it has')
    expectEqual(await ledger.deposit(sampleDeposit({ change: { add: MAX_CREDITS } })), overflow, 'the most')
    expectEqual((await sample.topUp(ledger, 1)).balance, MAX_CREDITS, 'the balance')
    expectEqual(await ledger.deposit(sampleDeposit({ change: { add: 1 } })), overflow, '1 above the most')
    await expectMoved(ledger, sampleDeposit({ kind: 'set', change: { to: MAX_CREDITS } }))
    await expectBooks(ledger, MAX_CREDITS)
    await sample.expectReserved(ledger, sample.sampleDebit({ amount: MAX_CREDITS }), 0)
    await expectMoved(ledger, unmoved)
  }),

  ledgerCase(
    'joins the audit entry to its owner’s chain where credits move, and nowhere else',
    async (ledger, store) => {
      const audit = sampleAudit({ action: 'credits.topped_up', keyId: 'key_1', details: { amount: 10 } })
      const deposit = sampleDeposit({ operation: 'invoice 1', audit })
      await expectMoved(ledger, deposit)
      await expectMoved(ledger, sampleDeposit({ audit: sampleAudit({ action: 'credits.set' }) }))
      await expectMoved(ledger, sampleDeposit({ kind: 'refill' }))
      const unmoved: Partial<Deposit>[] = [
        {},
        { change: { add: 1 } },
        { operation: null, expectedSequence: 7 },
        { operation: null, expectedRefillAt: instant(7) },
        { operation: null, change: { add: MAX_CREDITS } },
      ]
      const outcomes: string[] = []
      for (const fields of unmoved) outcomes.push((await ledger.deposit({ ...deposit, ...fields })).outcome)
      expectEqual(outcomes, ['repeated', 'reused', 'superseded', 'superseded', 'overflow'], 'outcomes')
      await expectChain(store, 'acme', 2)
      const [first, second] = await store.listAudit('acme', 0, 10)
      expectEqual([first?.action, first?.keyId, first?.details], [audit.action, 'key_1', { amount: 10 }], 'the first')
      expectEqual(second?.action, 'credits.set', 'the second')
    },
  ),
]
