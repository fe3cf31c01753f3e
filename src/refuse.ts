import { createDenial, type Denial, type DenialContext } from './answers/denial.ts'
import type { DenialCode } from './answers/standard-answers.ts'
import { type DenialReason, type Observer, tell } from './events.ts'
import { wasTold } from './fleet/health.ts'
import type { RefusalReason } from './keys/judge.ts'
import { labelled } from './limits/limit-state.ts'
import type { Plan } from './limits/plan.ts'
import { rateLimitHeaders, retryAfterSeconds } from './limits/response-headers.ts'
import { StoreUnavailableError } from './model/errors.ts'
import type { WindowState } from './model/gate.ts'
import type { KeyRecord } from './model/key-record.ts'
import type { SessionClaims } from './model/session-signer.ts'
import type { RequestContext } from './request-context.ts'
import type { Route } from './route.ts'

/** A request, and what it showed for its key. */
export interface Presented {
  readonly context: RequestContext
  /** The token that stands for the key; `undefined` where the key itself was shown. */
  readonly session: SessionClaims | undefined
}

/** Turns what the walk found into finished answers, and tells the observer why. */
export interface Refusals {
  /** Refuses before a key is known. */
  refuse(context: RequestContext, code: DenialCode, details?: Omit<DenialContext, 'requestId'>): Denial
  /** Refuses a key that the store does not know. */
  refuseUnknown(presented: Presented): Denial
  /** Refuses a key that was judged. A 403 for a scope shows the limits, which it did not use; a 401 says nothing of the key. */
  refuseKey(
    presented: Presented,
    record: KeyRecord,
    reason: RefusalReason | 'policy_missing',
    judged?: { readonly route: Route; readonly windows: readonly WindowState[]; readonly plan: Plan },
  ): Denial
  /** Refuses a key that has no room in a window. */
  refuseLimit(context: RequestContext, record: KeyRecord, windows: readonly WindowState[], plan: Plan): Denial
  /** Refuses a request that was admitted, before its handler. */
  refuseAdmitted(context: RequestContext, code: DenialCode, details?: Omit<DenialContext, 'requestId'>): Denial
  /** Refuses because something of ours failed: 503 where a store or gate is away, else 500. No failure lets a request in. */
  fail(context: RequestContext, cause: unknown): Denial
  /** Notes that the store answers again. */
  recover(): void
}

/** Creates the refusals. */
export function createRefusals(observer: Observer | undefined): Refusals {
  let isFailing = false

  function answer(
    context: RequestContext,
    code: DenialCode,
    reason: DenialReason,
    known: { readonly keyId: string; readonly owner: string } | undefined,
    details: Omit<DenialContext, 'requestId'> = {},
  ): Denial {
    const { requestId } = context
    context.isRefused = true
    if (observer !== undefined) {
      const { address } = context
      const durationMs = context.sinceCheckMs()
      const { keyId, owner } = known ?? {}
      tell(observer, { type: 'denied', requestId, code, reason, keyId, owner, address, durationMs })
    }
    return createDenial(context.profile, code, { ...details, ...context.answerContext() })
  }

  return {
    refuse: (context, code, details) => answer(context, code, code, undefined, details),
    refuseUnknown: (presented) =>
      answer(presented.context, shownCode(presented, 'invalid_api_key'), 'key_unknown', undefined),
    refuseKey(presented, record, reason, judged) {
      const { context } = presented
      const code = shownCode(presented, CODES[reason])
      if (judged === undefined || CODES[reason] === 'invalid_api_key')
        return answer(context, code, reason, holderOf(record))
      const headers = limitHeaders(context, judged.windows, judged.plan, true)
      return answer(context, code, reason, holderOf(record), { headers, scopes: judged.route.asked.scopes })
    },
    refuseLimit(context, record, windows, plan) {
      const headers = limitHeaders(context, windows, plan, false)
      const details = { headers, retryAfterSeconds: retryAfterSeconds(windows) }
      return answer(context, 'rate_limit_exceeded', 'rate_limit_exceeded', holderOf(record), details)
    },
    refuseAdmitted: (context, code, details) => answer(context, code, code, context.admission, details),
    fail(context, cause) {
      if (!wasTold(cause)) {
        if (!isFailing) tell(observer, { type: 'degraded', part: 'walk', cause })
        isFailing = true
      }
      const code = cause instanceof StoreUnavailableError ? 'service_unavailable' : 'internal_error'
      return answer(context, code, code, undefined)
    },
    recover() {
      if (isFailing) tell(observer, { type: 'recovered', part: 'walk' })
      isFailing = false
    },
  }
}

const CODES: Readonly<Record<RefusalReason | 'policy_missing', DenialCode>> = {
  key_deleted: 'invalid_api_key',
  key_revoked: 'invalid_api_key',
  key_disabled: 'invalid_api_key',
  key_not_yet_valid: 'invalid_api_key',
  key_expired: 'invalid_api_key',
  wrong_owner: 'invalid_api_key',
  wrong_audience: 'invalid_api_key',
  address_not_allowed: 'address_not_allowed',
  missing_scope: 'insufficient_scope',
  policy_missing: 'service_unavailable',
}

/** A token is no longer good when its key is not; its holder may know of no key. */
function shownCode({ session }: Presented, code: DenialCode): DenialCode {
  return code === 'invalid_api_key' && session !== undefined ? 'invalid_session_token' : code
}

function holderOf({ id, owner }: KeyRecord): { readonly keyId: string; readonly owner: string } {
  return { keyId: id, owner }
}

function limitHeaders(
  context: RequestContext,
  windows: readonly WindowState[],
  plan: Plan,
  admitted: boolean,
): DenialContext['headers'] {
  return rateLimitHeaders(labelled(windows, plan.labels), context.now(), context.profile.rateLimitHeaders, admitted)
}
