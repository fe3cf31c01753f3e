import type { Denial, DenialContext } from './answers/denial.ts'
import { inputIssues, type SchemaIssue } from './answers/error-code.ts'
import type { DenialCode } from './answers/standard-answers.ts'
import type { RequestHead } from './credential/request-head.ts'
import type { Identity } from './identity.ts'
import type { Keyward } from './keyward.ts'
import type { HeaderPair } from './limits/response-headers.ts'
import type { RequestContext } from './request-context.ts'

/** What a host's own error says beside its code. */
export interface ErrorDetails
  extends Pick<DenialContext, 'headers' | 'scopes' | 'retryAfterSeconds' | 'allow' | 'message'> {
  /** Rules that the input broke: `issues` of a zod error or of any Standard Schema, as they are. */
  readonly issues?: readonly SchemaIssue[] | undefined
}

const ATTACHED = Symbol('keyward')

/** A framework's request object, and what is kept on it. */
interface Native {
  [ATTACHED]?: { readonly keyward: Keyward; readonly context: RequestContext; fields: readonly HeaderPair[] }
}

/**
 * Begins a request, or finds it begun by an earlier part on its way, by the object that stands for it in the
 * framework. The context of another keyward gives way.
 */
export function receiveOnce(keyward: Keyward, native: object, head: RequestHead): RequestContext {
  const attached = (native as Native)[ATTACHED]
  if (attached?.keyward === keyward) return attached.context
  const context = keyward.receive(head)
  ;(native as Native)[ATTACHED] = { keyward, context, fields: [] }
  return context
}

/** The header field that names a request on its response. */
export function idField(context: RequestContext): HeaderPair {
  return [context.profile.requestId.header, context.requestId]
}

/**
 * Keeps in mind what the latest decision about a request shows of its limits, for adapters that can set fields only
 * on a finished response. A denial brings its own fields: then an outer adapter has nothing to add.
 */
export function keepFields(native: object, decision: Identity | Denial): void {
  const attached = (native as Native)[ATTACHED]
  if (attached !== undefined) attached.fields = decision.denied ? [] : decision.headers
}

/** Fields that the response to a request must carry, whoever made it: what was kept, and the request's id. */
export function fieldsToSet(native: object): readonly HeaderPair[] {
  const attached = (native as Native)[ATTACHED]
  return attached === undefined ? [] : [...attached.fields, idField(attached.context)]
}

/**
 * Finds out who a request comes from.
 *
 * @throws {Error} When no `requireKey` admitted the request: the route is not protected.
 */
export function attachedIdentity(native: object): Identity {
  const identity = (native as Native)[ATTACHED]?.context.admission
  if (identity === undefined) throw new Error('getIdentity: no requireKey has admitted this request.')
  return identity
}

/**
 * Makes an answer for an error of the host's own, in the profile of the keyward that received the request.
 *
 * @throws {Error} When neither `requestId` nor `requireKey` has seen the request.
 */
export function attachedDenial(native: object, code: DenialCode, { issues, ...details }: ErrorDetails = {}): Denial {
  const attached = (native as Native)[ATTACHED]
  if (attached === undefined) throw new Error('sendError: neither requestId nor requireKey has seen this request.')
  const { keyward, context } = attached
  context.exchange?.fail(code)
  return keyward.deny(context, code, { ...details, issues: issues && inputIssues(issues) })
}
