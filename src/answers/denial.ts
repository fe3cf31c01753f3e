import type { InputIssue } from '../model/errors.ts'
import type { Profile, WireError } from './profile.ts'
import { type DenialCode, STATUS_PHRASES } from './standard-answers.ts'

/** A refused request as a finished answer; any adapter sends it as it stands. It holds no key material and is safe to log. */
export interface Denial {
  /** Tells a denial from an admission. */
  readonly denied: true
  /** What was wrong, whatever a profile calls it on the wire. */
  readonly code: DenialCode
  readonly status: number
  /** Names and values in order; no name comes twice. */
  readonly headers: readonly (readonly [string, string])[]
  readonly body: string
  readonly requestId: string
}

/** What a denial is about, beside its code. */
export interface DenialContext {
  readonly requestId: string
  /** Whether the client asked for `application/problem+json`: see {@link acceptsProblem}. Default false. */
  readonly acceptsProblem?: boolean | undefined
  /** Further headers, such as those of a rate limit; after the denial's own. */
  readonly headers?: readonly (readonly [string, string])[] | undefined
  /** Scopes that would have been needed, for the challenge of `insufficient_scope`. */
  readonly scopes?: readonly string[] | undefined
  /** Seconds until a retry can succeed; rounded up to at least 1. Infinity gives no `Retry-After`. */
  readonly retryAfterSeconds?: number | undefined
  /** Methods that the resource has, for `method_not_allowed`. */
  readonly allow?: readonly string[] | undefined
  /** Rules that the input broke, for `validation_failed`. */
  readonly issues?: readonly InputIssue[] | undefined
  /** Text in place of the profile's message. Must hold no key material. */
  readonly message?: string | undefined
}

/**
 * Turns a refusal into the answer that a profile gives it: status, headers and body.
 *
 * Every denial has a request id, `Cache-Control: no-store` and `X-Content-Type-Options: nosniff`. A 401 has the
 * challenge of RFC 6750 section 3, with `error="invalid_token"` unless no credential came at all; 403
 * `insufficient_scope` has one too. 503 always has `Retry-After` (1 by default).
 */
export function createDenial(profile: Profile, code: DenialCode, context: DenialContext): Denial {
  const { requestId, issues } = context
  const answer = profile.answers[code]
  const message = context.message ?? answer.message
  const error: WireError = { status: answer.status, code: answer.code, type: answer.type, message, requestId, issues }
  const isProblem = context.acceptsProblem === true
  const headers: (readonly [string, string])[] = [
    ['Content-Type', isProblem ? 'application/problem+json' : 'application/json; charset=utf-8'],
    ['Cache-Control', 'no-store'],
    ['X-Content-Type-Options', 'nosniff'],
    [profile.requestId.header, requestId],
  ]
  const challenge = challengeOf(profile.realm, code, answer.status, context.scopes)
  if (challenge !== undefined) headers.push(['WWW-Authenticate', challenge])
  const retryAfterSeconds = context.retryAfterSeconds ?? (answer.status === 503 ? 1 : Number.POSITIVE_INFINITY)
  if (retryAfterSeconds < Number.POSITIVE_INFINITY) {
    headers.push(['Retry-After', String(Math.max(1, Math.ceil(retryAfterSeconds)))])
  }
  if (context.allow !== undefined) headers.push(['Allow', context.allow.join(', ')])
  if (context.headers !== undefined) headers.push(...context.headers)
  const body = JSON.stringify(isProblem ? problem(error) : profile.body(error))
  return { denied: true, code, status: answer.status, headers, body, requestId }
}

/**
 * Says whether an Accept header asks for problem details (RFC 9457): it names `application/problem+json`, at
 * least as welcome as `application/json` where it names both. Wildcards do not count.
 */
export function acceptsProblem(accept: string | undefined): boolean {
  if (accept === undefined || !/problem\+json/i.test(accept)) return false
  const problemQuality = qualityOf('application/problem+json', accept)
  return problemQuality > 0 && problemQuality >= qualityOf('application/json', accept)
}

/** Quality (RFC 9110 section 12.4.2) that a header gives to a media type by name; 0 where it does not. */
function qualityOf(mediaType: string, accept: string): number {
  for (const range of accept.split(',')) {
    const [name = '', ...parameters] = range.split(';')
    if (name.trim().toLowerCase() !== mediaType) continue
    const weight = parameters.map((parameter) => parameter.trim().toLowerCase()).find((text) => text.startsWith('q='))
    return weight === undefined ? 1 : Number(weight.slice(2)) || 0
  }
  return 0
}

function challengeOf(
  realm: string,
  code: DenialCode,
  status: number,
  scopes: readonly string[] | undefined,
): string | undefined {
  if (code === 'insufficient_scope') {
    // A scope-token of RFC 6749 section 3.3: anything else could break out of the quotes.
    const named = scopes?.filter((scope) => /^[\x21\x23-\x5b\x5d-\x7e]+$/.test(scope)).join(' ')
    const scope = named ? `, scope="${named}"` : ''
    return `Bearer realm="${realm}", error="insufficient_scope"${scope}`
  }
  if (status !== 401) return undefined
  const error = code === 'missing_authorization_header' ? '' : ', error="invalid_token"'
  return `Bearer realm="${realm}"${error}`
}

function problem(error: WireError): unknown {
  return {
    type: 'about:blank',
    title: STATUS_PHRASES[error.status] ?? 'Error',
    status: error.status,
    detail: error.message,
    code: error.code,
    request_id: error.requestId,
    errors: error.issues?.map(({ path, message }) => ({ detail: message, pointer: pointerTo(path) })),
  }
}

/** Writes a path as a JSON Pointer in a URI fragment (RFC 6901 section 6). */
function pointerTo(path: readonly (string | number)[]): string {
  const steps = path.map((step) => `/${encodeURIComponent(String(step).replaceAll('~', '~0').replaceAll('/', '~1'))}`)
  return `#${steps.join('')}`
}
