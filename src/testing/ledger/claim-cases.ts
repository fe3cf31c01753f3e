import { claimStoreCase } from '../claim-store/claim-store-case.ts'
import * as sample from '../claim-store/samples.ts'
import { expectEqual } from '../expectations.ts'
import type { KeyStoreCase } from '../key-store/key-store-case.ts'
import { instant } from '../key-store/samples.ts'
import { ledgerOf } from './ledger-case.ts'
import * as credits from './samples.ts'

const { expectBooks, refunding, settling } = credits
const { IN_PROGRESS, attemptAt, completing, expectAnswer, expectClaimed, sampleClaim } = sample

/** What a ledger and the idempotency records of the same store must do together. */
export const claimCases: readonly KeyStoreCase[] = [
  claimStoreCase('closes a debit with the claim that it belongs to', async (claims, store) => {
    const ledger = ledgerOf(store)
    await credits.topUp(ledger, 20)
    const [completed, released] = [sampleClaim(), sampleClaim()]
    for (const claim of [completed, released]) {
      await expectClaimed(claims, claim)
      await ledger.reserve(debitOf(claim))
    }
    expectEqual(await claims.complete(completing(completed), settling(debitOf(completed), 3)), true, 'a completion')
    await expectBooks(ledger, 12, 5)
    const { id, token } = released
    expectEqual(await claims.release(id, token, refunding(debitOf(released))), true, 'a release')
    const movements = await expectBooks(ledger, 17)
    const kinds = movements.map(({ kind }) => kind)
    expectEqual(kinds, ['top_up', 'debit', 'debit', 'settlement', 'refund'], 'movements')
    await expectAnswer(claims, attemptAt(completed, 10), Uint8Array.of(1, 2, 3))
  }),

  claimStoreCase('closes no debit for a token that is not the claim’s own', async (claims, store) => {
    const ledger = ledgerOf(store)
    await credits.topUp(ledger, 20)
    const first = await expectClaimed(claims, sampleClaim())
    await ledger.reserve(debitOf(first))
    const { id, token } = first
    await expectClaimed(claims, attemptAt(first, 60_000), 2)
    expectEqual(await claims.complete(completing(first), refunding(debitOf(first))), false, 'completing')
    expectEqual(await claims.release(id, token, refunding(debitOf(first))), false, 'releasing')
    await expectBooks(ledger, 15, 5)
    expectEqual(await ledger.close(settling(debitOf(first), 2)), credits.closed(18, 2), 'closing the debit alone')
  }),

  claimStoreCase('completes and releases claims whose debit may not be closed', async (claims, store) => {
    const ledger = ledgerOf(store)
    await credits.topUp(ledger, 20)
    for (const act of ['complete', 'release'] as const) {
      const claim = await expectClaimed(claims, sampleClaim())
      await ledger.reserve(debitOf(claim))
      const closing = settling({ ...debitOf(claim), token: 'other' }, 0)
      const acting =
        act === 'complete'
          ? claims.complete(completing(claim), closing)
          : claims.release(claim.id, claim.token, closing)
      expectEqual(await acting, true, act)
      if (act === 'complete') await expectAnswer(claims, attemptAt(claim, 10), Uint8Array.of(1, 2, 3))
      else await expectClaimed(claims, attemptAt(claim, 10))
    }
    await expectBooks(ledger, 10, 10)
  }),

  claimStoreCase(
    'voids the token of a claim whose debit has lapsed; another attempt goes on',
    async (claims, store) => {
      const ledger = ledgerOf(store)
      await credits.topUp(ledger, 20)
      for (const afterLease of ['charge', 'refund'] as const) {
        const { balance = 0 } = (await ledger.findAccount(credits.POOL)) ?? {}
        const claim = await expectClaimed(claims, sampleClaim())
        const bystander = await expectClaimed(claims, sampleClaim())
        const { id, token } = claim
        await ledger.reserve({ ...debitOf(claim), afterLease })
        expectEqual(await claims.renew(id, token, instant(90_000), instant(1e9)), true, 'renewing the claim alone')
        expectEqual(await ledger.closeLapsed(instant(60_000), 10), 1, 'debits that lapsed')
        expectEqual(await claims.complete(completing(claim)), false, 'completing')
        expectEqual(await claims.renew(id, token, instant(95_000), instant(1e9)), false, 'renewing')
        expectEqual(await claims.release(id, token), false, 'releasing')
        expectEqual(await claims.complete(completing(bystander)), true, 'completing another claim')
        expectEqual(await claims.claim(attemptAt(claim, 89_999)), IN_PROGRESS, 'while the lease of the claim lasts')
        const second = await expectClaimed(claims, attemptAt(claim, 90_000), 2)
        const again = await ledger.reserve({ ...debitOf(second), afterLease })
        expectEqual(again.outcome, afterLease === 'charge' ? 'resumed' : 'reserved', 'the debit of the second attempt')
        expectEqual(await claims.complete(completing(second), settling(debitOf(second), 4)), true, 'its completion')
        await expectBooks(ledger, balance - 4)
      }
    },
  ),

  claimStoreCase('leaves what is done when a debit of the same id lapses', async (claims, store) => {
    const ledger = ledgerOf(store)
    await credits.topUp(ledger, 20)
    const claim = await expectClaimed(claims, sampleClaim())
    await ledger.reserve(debitOf(claim))
    expectEqual(await claims.complete(completing(claim)), true, 'a completion without its debit')
    expectEqual(await ledger.closeLapsed(instant(60_000), 10), 1, 'debits that lapsed')
    await expectAnswer(claims, attemptAt(claim, 70_000), Uint8Array.of(1, 2, 3))
    await expectBooks(ledger, 15)
  }),

  claimStoreCase('lets a claim be completed, or its debit lapse, and never both', async (claims, store) => {
    const ledger = ledgerOf(store)
    await credits.topUp(ledger, 60)
    const batch = Array.from({ length: 6 }, () => sampleClaim())
    for (const claim of batch) {
      await expectClaimed(claims, claim)
      await ledger.reserve({ ...debitOf(claim), afterLease: 'refund' })
    }
    const sweep = Promise.all([1, 2].map(() => ledger.closeLapsed(instant(60_000), 3)))
    const completions = batch.map((claim) => claims.complete(completing(claim), settling(debitOf(claim), 2)))
    const completed = (await Promise.all(completions)).filter((each) => each).length
    const lapsed = (await sweep).reduce((sum, count) => sum + count, 0)
    expectEqual(completed + lapsed, 6, 'claims that were completed, and debits that lapsed')
    await expectBooks(ledger, 60 - 2 * completed)
  }),
]

/** The debit of a claim's request: the same id, token and lease. */
function debitOf({ id, token, leaseUntil, requestId }: ReturnType<typeof sampleClaim>) {
  return credits.meteredDebit({ operation: id, token, leaseUntil, requestId })
}
