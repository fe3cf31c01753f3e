import { answerFetch, type DenialCode, type Keyward, type RequestContext } from '../index.ts'
import { entityTag } from './if-match.ts'
import type { Reply } from './route-rules.ts'

/** Answers with what a route made. Nothing of this API is kept by caches. */
export function answerReply(received: RequestContext, status: number, { body, version, location }: Reply): Response {
  const headers = new Headers({
    'Content-Type': 'application/json; charset=utf-8',
    'Cache-Control': 'no-store',
    'X-Content-Type-Options': 'nosniff',
    [received.profile.requestId.header]: received.requestId,
  })
  if (version !== undefined) headers.set('ETag', entityTag(version))
  if (location !== undefined) headers.set('Location', location)
  return new Response(JSON.stringify(body), { status, headers })
}

/** Refuses with an answer of the profile. */
export function refuse(
  keyward: Keyward,
  received: RequestContext,
  code: DenialCode,
  details?: { readonly allow: readonly string[] },
): Response {
  return answerFetch(keyward.deny(received, code, details), received.head.method)
}

/** Answers for something thrown: its code, and the fields that broke a rule. */
export function refuseError(keyward: Keyward, received: RequestContext, error: unknown): Response {
  return answerFetch(keyward.denyError(received, error), received.head.method)
}
