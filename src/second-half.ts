import type { FinishedAnswer } from './answers/finished-answer.ts'
import type { DenialCode } from './answers/standard-answers.ts'
import type { SpendingRooms } from './credits/spending.ts'
import { refundOf, reserveCredits } from './credits/spending.ts'
import { Exchange, type ExchangeRooms } from './exchange.ts'
import type { Claim, Claimed, Claims, IdempotencyRule } from './idempotency/claims.ts'
import { claimIdOf, fingerprintOf } from './idempotency/fingerprint.ts'
import { readIdempotencyKey } from './idempotency/idempotency-key.ts'
import type { ReadBody } from './idempotency/node-body.ts'
import type { Admission } from './identity.ts'
import { ConfigError } from './model/errors.ts'
import type { MaybePromise } from './model/maybe-promise.ts'
import type { Refusals } from './refuse.ts'
import type { RequestContext } from './request-context.ts'
import type { Route } from './route.ts'

/** Reads a request's body, at most so many bytes of it, and leaves it for the handler. */
export type ReadRequestBody = (mostBytes: number) => MaybePromise<ReadBody>

/** What the second half is given by the composition. */
export interface SecondHalfRooms {
  readonly refusals: Pick<Refusals, 'refuseAdmitted'>
  readonly claims: Claims | undefined
  readonly spending: SpendingRooms | undefined
  readonly exchange: ExchangeRooms
  /** Where the API explains idempotency keys. */
  readonly docsUrl: string | undefined
}

/** What a request with an idempotency key asks for, once its body is there. */
export interface Wish {
  readonly id: string
  readonly fingerprint: string
  readonly rule: IdempotencyRule
}

/** What a route claims and takes, right before its handler. */
export interface SecondHalf {
  /** Reads what the claim is made of. @returns `undefined` for a request that claims nothing. */
  prepare(
    context: RequestContext,
    admission: Admission,
    route: Route,
    readBody: ReadRequestBody | undefined,
  ): Promise<Wish | FinishedAnswer | undefined>
  /** Claims first, then takes credits: what is answered from the store takes none, and a 402 leaves no claim. */
  open(
    context: RequestContext,
    admission: Admission,
    route: Route,
    wish: Wish | undefined,
  ): Promise<FinishedAnswer | undefined>
}

const REFUSED: Readonly<Record<Exclude<Claimed['outcome'], 'claimed' | 'replay'>, DenialCode>> = {
  mismatch: 'idempotency_key_mismatch',
  in_progress: 'idempotency_in_progress',
  not_replayable: 'idempotency_not_replayable',
  full: 'rate_limit_exceeded',
}

/** Seconds after which it is worth asking for a response that is still being made. */
const ASK_AGAIN_SECONDS = 1

/** Creates the second half. */
export function createSecondHalf({ refusals, claims, spending, exchange, docsUrl }: SecondHalfRooms): SecondHalf {
  const { refuseAdmitted } = refusals
  const explained = docsUrl === undefined ? {} : { headers: [['Link', `<${docsUrl}>; rel="help"`] as const] }

  async function claimFor(context: RequestContext, { owner }: Admission, { id, fingerprint }: Wish): Promise<Claimed> {
    if (claims === undefined) throw new ConfigError('requireKey.idempotency: the route was declared for another store')
    return claims.claim({ id, fingerprint, owner, requestId: context.requestId })
  }

  /** Takes a route's credits. @returns `undefined` when there are too few. */
  function take(admission: Admission, rule: NonNullable<Route['credits']>, claim: Claim | undefined) {
    if (spending === undefined) throw new ConfigError('requireKey.credits: the route was declared for another store')
    const token = claim?.token ?? crypto.randomUUID()
    return reserveCredits(spending, admission, rule, {
      operation: claim?.id ?? token,
      token,
      isFirst: claim?.attempt === 1,
    })
  }

  /** Ends a claim whose credits could not be taken. If they were all the same, they go back with it. */
  async function giveBack(admission: Admission, rule: Route['credits'], claim: Claim): Promise<void> {
    const closing = rule && spending && refundOf(spending, admission, { operation: claim.id, token: claim.token })
    if (closing !== undefined && !exchange.isOneDatabase) await spending?.ledger.close(closing)
    await claim.release(exchange.isOneDatabase ? closing : undefined)
  }

  return {
    async prepare(context, { owner, lineage }, { idempotency: rule }, readBody) {
      const { head } = context
      // A second `requireKey` on one request claims nothing again.
      if (rule === undefined || !rule.methods.has(head.method) || context.exchange?.claim !== undefined)
        return undefined
      const found = readIdempotencyKey(head.headerLines('idempotency-key'))
      if (found === undefined)
        return rule.required ? refuseAdmitted(context, 'idempotency_key_required', explained) : undefined
      if ('invalid' in found) return refuseAdmitted(context, 'invalid_idempotency_key')
      if (readBody === undefined) throw new ConfigError(NO_BODY)
      const body = await readBody(rule.maxBodyBytes)
      if (body === 'too_large') return refuseAdmitted(context, 'payload_too_large')
      if (body === 'aborted') return refuseAdmitted(context, 'bad_request')
      return {
        id: await claimIdOf(owner, lineage, found.key),
        fingerprint: await fingerprintOf(head, body),
        rule,
      }
    },

    async open(context, admission, route, wish) {
      const claimed = wish && (await claimFor(context, admission, wish))
      if (claimed?.outcome === 'replay') return replay(claimed)
      if (claimed !== undefined && claimed.outcome !== 'claimed') {
        const isRunning = claimed.outcome === 'in_progress'
        return refuseAdmitted(
          context,
          REFUSED[claimed.outcome],
          isRunning ? { retryAfterSeconds: ASK_AGAIN_SECONDS } : {},
        )
      }
      const claim = claimed?.claim
      const { exchange: earlier } = context
      // Nor does it take anything again.
      const rule = earlier?.creditsLeft == null ? route.credits : undefined
      try {
        const reservation = rule && (await take(admission, rule, claim ?? earlier?.claim))
        if (rule !== undefined && reservation === undefined) {
          await claim?.release()
          return refuseAdmitted(context, 'insufficient_credits')
        }
        if (claim === undefined && reservation === undefined) return undefined
        const parts = { claim, rule: wish?.rule, reservation }
        if (earlier === undefined) context.exchange = new Exchange(exchange, parts)
        else earlier.add(parts)
        return undefined
      } catch (cause) {
        if (claim !== undefined) await giveBack(admission, rule, claim).catch(() => {})
        throw cause
      }
    },
  }
}

function replay({ answer, requestId }: Extract<Claimed, { outcome: 'replay' }>): FinishedAnswer {
  const marks = [
    ['Idempotent-Replayed', 'true'],
    ['Idempotency-Original-Request-Id', requestId],
  ] as const
  return { ...answer, headers: [...answer.headers, ...marks] }
}

const NO_BODY = 'requireKey.idempotency: this adapter brings no body; it must give begin() a way to read it'
