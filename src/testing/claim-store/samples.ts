import type { ClaimOutcome, ClaimRequest, ClaimStore, Completion } from '../../model/claim-store.ts'
import { expectEqual, expectThat } from '../expectations.ts'
import { instant } from '../key-store/samples.ts'
import { draw } from '../ledger/samples.ts'

/** A claim with a lease of a minute, of a record that expires a day later; its id and token are new each time. */
export function sampleClaim(fields: Partial<ClaimRequest> = {}): ClaimRequest {
  return {
    id: draw(),
    owner: 'acme',
    fingerprint: 'f'.repeat(43),
    token: draw(),
    requestId: 'request 1',
    at: instant(),
    leaseUntil: instant(60_000),
    expiresAt: instant(86_400_000),
    ...fields,
  }
}

/** Another attempt at a claim, with a token of its own, at an instant; its lease ends a minute later. */
export function attemptAt(claim: ClaimRequest, offsetMs: number, fields: Partial<ClaimRequest> = {}): ClaimRequest {
  const at = instant(offsetMs)
  return { ...claim, token: draw(), requestId: 'request 2', at, leaseUntil: instant(offsetMs + 60_000), ...fields }
}

/** Completes a claim with three bytes. */
export function completing({ id, token }: ClaimRequest, fields: Partial<Completion> = {}): Completion {
  const expiresAt = instant(86_401_000)
  return { id, token, answer: Uint8Array.of(1, 2, 3), at: instant(1_000), expiresAt, ...fields }
}

/** What a claim is answered for which the handler may run. */
export function claimed(attempt = 1): ClaimOutcome {
  return { outcome: 'claimed', attempt }
}

/** What a claim is answered whose attempt still runs. */
export const IN_PROGRESS: ClaimOutcome = { outcome: 'in_progress' }

/** What a claim with another fingerprint is answered. */
export const MISMATCH: ClaimOutcome = { outcome: 'mismatch' }

/** Claims an id that nobody has. */
export async function expectClaimed(claims: ClaimStore, claim: ClaimRequest, attempt = 1): Promise<ClaimRequest> {
  expectEqual(await claims.claim(claim), claimed(attempt), 'a claim')
  return claim
}

/** Throws unless the claim is answered with these bytes, or with none. */
export async function expectAnswer(
  claims: ClaimStore,
  claim: ClaimRequest,
  answer: Uint8Array | null,
  requestId = 'request 1',
): Promise<void> {
  const found = await claims.claim(claim)
  expectThat(found.outcome === 'done', `the claim was answered ${found.outcome}`)
  expectEqual(found.requestId, requestId, 'the request that it was answered by')
  const isEqual =
    found.answer === null || answer === null
      ? found.answer === answer
      : found.answer.length === answer.length && found.answer.every((byte, index) => byte === answer[index])
  expectThat(isEqual, `other bytes were found than the ${answer?.length} that were stored: ${found.answer?.length}`)
}
