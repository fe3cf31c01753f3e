import { expectEqual } from '../expectations.ts'
import type { KeyStoreCase } from '../key-store/key-store-case.ts'
import { instant } from '../key-store/samples.ts'
import { claimStoreCase, claimsOf } from './claim-store-case.ts'
import { attemptAt, completing, expectAnswer, expectClaimed, IN_PROGRESS, sampleClaim } from './samples.ts'

/** What a claim store must say of records that may be forgotten. */
export const expiryCases: readonly KeyStoreCase[] = [
  claimStoreCase('counts the records of one owner that have not expired, up to a number', async (claims, _, reopen) => {
    expectEqual(await claims.countLive('acme', instant(), 10), 0, 'records at first')
    for (let count = 0; count < 5; count += 1) {
      const claim = await expectClaimed(claims, sampleClaim({ expiresAt: instant(1_000 * (count + 1)) }))
      if (count === 4) await claims.complete(completing(claim, { expiresAt: instant(5_000) }))
    }
    for (const owner of ['ACME', 'acme ', 'other']) await expectClaimed(claims, sampleClaim({ owner }))
    const again = claimsOf(await reopen())
    expectEqual(await again.countLive('acme', instant(999), 10), 5, 'records')
    expectEqual(await claims.countLive('acme', instant(1_000), 10), 4, 'records when one expires')
    expectEqual(await claims.countLive('acme', instant(999), 3), 3, 'records up to 3')
    expectEqual(await claims.countLive('acme', instant(5_000), 10), 0, 'records when the last expires')
  }),
]

/** What a claim store must do where records stay until they are removed. */
export const removalCases: readonly KeyStoreCase[] = [
  claimStoreCase('removes records that have expired, so many at a time, and no others', async (claims) => {
    const live = await expectClaimed(claims, sampleClaim({ expiresAt: instant(60_001) }))
    const done = await expectClaimed(claims, sampleClaim())
    await claims.complete(completing(done))
    for (let count = 0; count < 5; count += 1) {
      const claim = await expectClaimed(claims, sampleClaim({ owner: `owner ${count}`, expiresAt: instant(60_000) }))
      if (count % 2 === 0) await claims.complete(completing(claim, { expiresAt: instant(60_000) }))
    }
    expectEqual(await claims.removeExpired(instant(59_999), 10), 0, 'removed a millisecond before')
    const counts: number[] = []
    for (let call = 0; call < 4; call += 1) counts.push(await claims.removeExpired(instant(60_000), 2))
    expectEqual(counts, [2, 2, 1, 0], 'removed, call by call')
    expectEqual(await claims.countLive('acme', instant(60_000), 10), 2, 'records that are left')
    const renewed = { leaseUntil: instant(60_000), expiresAt: instant(90_000) }
    expectEqual(await claims.renew(live.id, live.token, renewed.leaseUntil, renewed.expiresAt), true, 'renewing one')
    expectEqual(await claims.claim(attemptAt(live, 59_999)), IN_PROGRESS, 'claiming it')
    await expectAnswer(claims, attemptAt(done, 2_000), Uint8Array.of(1, 2, 3))
  }),

  claimStoreCase('removes a record that another attempt has prolonged only when that one expires', async (claims) => {
    const first = await expectClaimed(claims, sampleClaim({ expiresAt: instant(70_000) }))
    const second = await expectClaimed(claims, attemptAt(first, 60_000, { expiresAt: instant(200_000) }), 2)
    expectEqual(await claims.removeExpired(instant(70_000), 10), 0, 'removed at the instant of the first')
    expectEqual(await claims.complete(completing(second, { expiresAt: instant(300_000) })), true, 'its completion')
    expectEqual(await claims.removeExpired(instant(299_999), 10), 0, 'removed before the completed one expires')
    expectEqual(await claims.removeExpired(instant(300_000), 10), 1, 'removed when it does')
  }),
]
