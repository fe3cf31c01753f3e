import { expectEqual } from '../expectations.ts'
import type { KeyStoreCase } from '../key-store/key-store-case.ts'
import { ledgerCase, ledgerOf } from './ledger-case.ts'
import * as sample from './samples.ts'

const { POOL, expectBooks } = sample

/** What a ledger must tell of accounts. */
export const accountCases: readonly KeyStoreCase[] = [
  ledgerCase('knows no account that nothing was moved on', async (ledger) => {
    expectEqual(await ledger.findAccount(POOL), undefined, 'the account')
    expectEqual(await ledger.listMovements(POOL, undefined, 10), [], 'its movements')
    const debit = sample.meteredDebit()
    expectEqual(await ledger.close(sample.settling(debit, 1)), sample.REFUSED, 'closing')
    const { operation, token } = debit
    expectEqual(await ledger.renew(POOL, operation, token, new Date()), false, 'renewing')
    expectEqual(await ledger.findAccount(POOL), undefined, 'the account afterwards')
  }),

  ledgerCase('never mixes two accounts, however alike their names are', async (ledger) => {
    const accounts = [
      { owner: 'a', lineage: null },
      { owner: 'a', lineage: 'a' },
      { owner: 'a', lineage: 'b' },
      { owner: 'a', lineage: 'B' },
      { owner: 'A', lineage: null },
      { owner: 'a ', lineage: null },
      { owner: 'a:b', lineage: 'c' },
      { owner: 'a', lineage: 'b:c' },
      { owner: 'a:b:c', lineage: null },
      { owner: 'é', lineage: null },
      { owner: 'e', lineage: null },
      { owner: 'null', lineage: null },
      { owner: '東京 🗼', lineage: 'null' },
    ]
    for (const [index, account] of accounts.entries()) await sample.topUp(ledger, 100 + index, account)
    const operation = 'the same'
    for (const [index, account] of accounts.entries()) {
      const debit = sample.meteredDebit({ account, operation, amount: index, token: `token ${index}` })
      await sample.expectReserved(ledger, debit, 100)
    }
    for (const [index, account] of accounts.entries())
      expectEqual((await expectBooks(ledger, 100, index, account)).length, 2, `movements of account ${index}`)
  }),

  ledgerCase('shows what was moved to whoever opens the same data again', async (ledger, _, reopen) => {
    await sample.topUp(ledger, 10)
    const debit = sample.meteredDebit()
    await sample.expectReserved(ledger, debit, 5)
    const again = ledgerOf(await reopen())
    await expectBooks(again, 5, 5)
    expectEqual(await again.close(sample.settling(debit, 1)), sample.closed(9, 1), 'settled elsewhere')
    await expectBooks(ledger, 9)
  }),

  ledgerCase('lists movements newest first, page by page, without a gap or a repeat', async (ledger) => {
    for (let add = 1; add <= 12; add += 1) await sample.topUp(ledger, add)
    await sample.topUp(ledger, 99, { owner: 'acme', lineage: 'key_1' })
    const seen: number[] = []
    const sizes: number[] = []
    for (let before: number | undefined; sizes.at(-1) !== 0; before = seen.at(-1)) {
      const page = await ledger.listMovements(POOL, before, 5)
      for (const { sequence, amount } of page) {
        expectEqual(amount, sequence, 'the amount of a movement')
        seen.push(sequence)
      }
      sizes.push(page.length)
    }
    expectEqual(seen, [12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1], 'sequences')
    expectEqual(sizes, [5, 5, 2, 0], 'sizes of the pages')
    expectEqual(
      (await ledger.listMovements(POOL, 4, 2)).map(({ sequence }) => sequence),
      [3, 2],
      'below the fourth',
    )
  }),
]
