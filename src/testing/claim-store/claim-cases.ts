import { expectEqual } from '../expectations.ts'
import type { KeyStoreCase } from '../key-store/key-store-case.ts'
import { instant } from '../key-store/samples.ts'
import { claimStoreCase, claimsOf } from './claim-store-case.ts'
import * as sample from './samples.ts'

const { IN_PROGRESS, MISMATCH, attemptAt, claimed, completing, expectAnswer, expectClaimed, sampleClaim } = sample

const other = 'o'.repeat(43)

/** What a claim store must do with claims and their leases. */
export const claimCases: readonly KeyStoreCase[] = [
  claimStoreCase('lets the first claim through, and nobody else while its lease lasts', async (claims, _, reopen) => {
    const claim = await expectClaimed(claims, sampleClaim())
    const again = claimsOf(await reopen())
    for (const offsetMs of [0, 59_999]) {
      expectEqual(await claims.claim(attemptAt(claim, offsetMs)), IN_PROGRESS, `another after ${offsetMs} ms`)
      expectEqual(await again.claim(attemptAt(claim, offsetMs)), IN_PROGRESS, `one elsewhere after ${offsetMs} ms`)
    }
    expectEqual(await claims.complete(completing(claim)), true, 'its completion')
  }),

  claimStoreCase('refuses another fingerprint, in progress, lapsed or done', async (claims) => {
    const claim = await expectClaimed(claims, sampleClaim())
    expectEqual(await claims.claim(attemptAt(claim, 0, { fingerprint: other })), MISMATCH, 'in progress')
    expectEqual(await claims.claim(attemptAt(claim, 70_000, { fingerprint: other })), MISMATCH, 'lapsed')
    expectEqual(await claims.complete(completing(claim)), true, 'its completion')
    expectEqual(await claims.claim(attemptAt(claim, 70_000, { fingerprint: other })), MISMATCH, 'done')
    await expectAnswer(claims, attemptAt(claim, 70_000), Uint8Array.of(1, 2, 3))
  }),

  claimStoreCase('lets another attempt through when a lease has ended, and counts it', async (claims) => {
    const first = await expectClaimed(claims, sampleClaim())
    const second = await expectClaimed(claims, attemptAt(first, 60_000), 2)
    expectEqual(await claims.claim(attemptAt(first, 119_999)), IN_PROGRESS, 'while the second runs')
    const third = await expectClaimed(claims, attemptAt(second, 120_000, { requestId: 'request 3' }), 3)
    for (const old of [first, second]) {
      const { id, token } = old
      expectEqual(await claims.renew(id, token, instant(1e9), instant(2e9)), false, 'renewing with an old token')
      expectEqual(await claims.complete(completing(old)), false, 'completing with an old token')
      expectEqual(await claims.release(id, token), false, 'releasing with an old token')
    }
    expectEqual(await claims.claim(attemptAt(first, 179_999)), IN_PROGRESS, 'while the third runs')
    expectEqual(await claims.complete(completing(third)), true, 'completing with the token of the third')
    await expectAnswer(claims, attemptAt(first, 130_000), Uint8Array.of(1, 2, 3), 'request 3')
  }),

  claimStoreCase('renews the lease of a claim in progress, for whoever has its token', async (claims) => {
    const claim = await expectClaimed(claims, sampleClaim({ expiresAt: instant(70_000) }))
    const { id, token } = claim
    expectEqual(await claims.renew(id, 'other', instant(1e9), instant(2e9)), false, 'with another token')
    expectEqual(await claims.renew('other', token, instant(1e9), instant(2e9)), false, 'another id')
    expectEqual(await claims.renew(id, token, instant(90_000), instant(100_000)), true, 'the claim')
    expectEqual(await claims.claim(attemptAt(claim, 89_999)), IN_PROGRESS, 'before the end of the new lease')
    expectEqual(await claims.countLive('acme', instant(99_999), 10), 1, 'records before it expires')
    expectEqual(await claims.countLive('acme', instant(100_000), 10), 0, 'records when it expires')
    await expectClaimed(claims, attemptAt(claim, 90_000), 2)
  }),

  claimStoreCase('renews nothing that is done', async (claims) => {
    const claim = await expectClaimed(claims, sampleClaim())
    const { id, token } = claim
    await claims.complete(completing(claim, { expiresAt: instant(70_000) }))
    expectEqual(await claims.renew(id, token, instant(80_000), instant(90_000)), false, 'renewing')
    expectEqual(await claims.countLive('acme', instant(70_000), 10), 0, 'records when it expires')
  }),

  claimStoreCase('takes a record that has expired for one that is absent', async (claims) => {
    const [running, done] = [sampleClaim({ expiresAt: instant(60_000) }), sampleClaim()]
    await expectClaimed(claims, running)
    await expectClaimed(claims, done)
    await claims.complete(completing(done, { expiresAt: instant(60_000) }))
    expectEqual(await claims.claim(attemptAt(running, 59_999)), IN_PROGRESS, 'a millisecond before')
    await expectAnswer(claims, attemptAt(done, 59_999), Uint8Array.of(1, 2, 3))
    const late = completing(running, { at: instant(60_000) })
    expectEqual(await claims.complete(late), false, 'completing one that has expired')
    for (const claim of [running, done]) {
      const anew = attemptAt(claim, 60_000, { fingerprint: other, expiresAt: instant(200_000) })
      await expectClaimed(claims, anew)
      expectEqual(await claims.complete(completing(claim)), false, 'completing with the token of the expired one')
      expectEqual(await claims.complete(completing(anew, { answer: null })), true, 'completing with the new token')
      await expectAnswer(claims, attemptAt(anew, 70_000), null, 'request 2')
    }
  }),

  claimStoreCase('forgets a claim that is released, as if it had never been', async (claims) => {
    const claim = await expectClaimed(claims, sampleClaim())
    const { id, token } = claim
    expectEqual(await claims.release(id, 'other'), false, 'with another token')
    expectEqual(await claims.release('other', token), false, 'another id')
    expectEqual(await claims.release(id, token), true, 'the claim')
    expectEqual(await claims.countLive('acme', instant(), 10), 0, 'records')
    expectEqual(await claims.release(id, token), false, 'the same again')
    expectEqual(await claims.complete(completing(claim)), false, 'completing it')
    const anew = await expectClaimed(claims, attemptAt(claim, 10, { fingerprint: other }))
    await claims.complete(completing(anew))
    expectEqual(await claims.release(id, anew.token), false, 'what is done')
    await expectAnswer(claims, attemptAt(anew, 20), Uint8Array.of(1, 2, 3), 'request 2')
  }),

  claimStoreCase('tells ids apart by their exact text', async (claims) => {
    for (const id of ['aB_c', 'ab_c', 'aBxc', 'aB-c', 'aB_c_']) await expectClaimed(claims, sampleClaim({ id }))
    expectEqual(await claims.claim(sampleClaim({ id: 'aB_c' })), IN_PROGRESS, 'the first again')
    const fingerprint = 'F'.repeat(43)
    expectEqual(await claims.claim(sampleClaim({ id: 'aB_c', fingerprint })), MISMATCH, 'a fingerprint in capitals')
    const { id, token } = await expectClaimed(claims, sampleClaim({ token: 'token' }))
    expectEqual(await claims.release(id, token.toUpperCase()), false, 'a token in capitals')
  }),

  claimStoreCase('lets one of 20 claims at once through', async (claims, _, reopen) => {
    const stores = [claims, claimsOf(await reopen())]
    const claim = sampleClaim()
    for (const [attempt, offsetMs] of [0, 60_000].entries()) {
      const attempts = Array.from({ length: 20 }, () => attemptAt(claim, offsetMs))
      const outcomes = await Promise.all(attempts.map((each, index) => (stores[index % 2] ?? claims).claim(each)))
      const through = outcomes.filter(({ outcome }) => outcome === 'claimed')
      expectEqual(through, [claimed(attempt + 1)], 'claims that were let through')
      expectEqual(outcomes.filter(({ outcome }) => outcome === 'in_progress').length, 19, 'claims in progress')
    }
  }),
]
