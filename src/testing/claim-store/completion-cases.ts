import { expectEqual } from '../expectations.ts'
import type { KeyStoreCase } from '../key-store/key-store-case.ts'
import { claimStoreCase, claimsOf } from './claim-store-case.ts'
import * as sample from './samples.ts'

const { attemptAt, completing, expectAnswer, expectClaimed, sampleClaim } = sample

const everyByte = Uint8Array.from({ length: 256 }, (_, index) => index)
const mebibyte = Uint8Array.from({ length: 1_048_576 }, (_, index) => (index * 31 + (index >> 8)) & 0xff)

/** What a claim store must do with responses. */
export const completionCases: readonly KeyStoreCase[] = [
  claimStoreCase('returns a response byte for byte, or says that there is none', async (claims, _, reopen) => {
    const again = claimsOf(await reopen())
    for (const answer of [everyByte, new Uint8Array(0), mebibyte, null]) {
      const claim = await expectClaimed(claims, sampleClaim())
      expectEqual(await claims.complete(completing(claim, { answer })), true, 'a completion')
      await expectAnswer(claims, attemptAt(claim, 2_000), answer)
      await expectAnswer(again, attemptAt(claim, 86_400_999), answer)
    }
  }),

  claimStoreCase('keeps a response of 9 MiB', async (claims) => {
    const answer = new Uint8Array(9 * 1_048_576)
    for (let block = 0; block < 9; block += 1) answer.set(mebibyte, block * 1_048_576)
    const claim = await expectClaimed(claims, sampleClaim())
    expectEqual(await claims.complete(completing(claim, { answer })), true, 'a completion')
    await expectAnswer(claims, attemptAt(claim, 2_000), answer)
  }),

  claimStoreCase('returns and takes copies of responses', async (claims) => {
    const claim = await expectClaimed(claims, sampleClaim())
    const answer = Uint8Array.of(1, 2, 3)
    await claims.complete(completing(claim, { answer }))
    answer[0] = 9
    const found = await claims.claim(attemptAt(claim, 2_000))
    if (found.outcome === 'done' && found.answer !== null) found.answer[1] = 9
    await expectAnswer(claims, attemptAt(claim, 2_000), Uint8Array.of(1, 2, 3))
  }),

  claimStoreCase('stores a response once, and only for whoever has the token', async (claims) => {
    const claim = await expectClaimed(claims, sampleClaim())
    expectEqual(await claims.complete(completing(claim, { token: 'other' })), false, 'with another token')
    expectEqual(await claims.complete(completing(claim, { id: 'other' })), false, 'another id')
    expectEqual(await claims.complete(completing(claim)), true, 'the claim')
    const answer = Uint8Array.of(9)
    expectEqual(await claims.complete(completing(claim, { answer })), false, 'the same again')
    await expectAnswer(claims, attemptAt(claim, 2_000), Uint8Array.of(1, 2, 3))
  }),

  claimStoreCase('completes a claim whose lease has ended, while nobody else has taken it', async (claims) => {
    const claim = await expectClaimed(claims, sampleClaim())
    expectEqual(
      await claims.complete(completing(claim, { at: attemptAt(claim, 70_000).at })),
      true,
      'a late completion',
    )
    await expectAnswer(claims, attemptAt(claim, 70_001), Uint8Array.of(1, 2, 3))
  }),

  claimStoreCase('stores one response of several attempts that complete at once', async (claims, _, reopen) => {
    const stores = [claims, claimsOf(await reopen())]
    const first = await expectClaimed(claims, sampleClaim())
    const second = await expectClaimed(claims, attemptAt(first, 60_000), 2)
    const completions = Array.from({ length: 8 }, (_, index) =>
      completing(index % 3 === 0 ? first : second, { answer: Uint8Array.of(index) }),
    )
    const stored = await Promise.all(completions.map((each, index) => (stores[index % 2] ?? claims).complete(each)))
    expectEqual(stored.filter((each) => each).length, 1, 'responses that were stored')
    const winner = completions[stored.indexOf(true)]
    expectEqual(winner?.token, second.token, 'the token of the one')
    await expectAnswer(claims, attemptAt(first, 70_000), winner?.answer ?? null, 'request 2')
  }),
]
