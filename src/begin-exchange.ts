import { withFetchHeaders } from './answers/fetch-answer.ts'
import { watchFetch } from './answers/fetch-exchange.ts'
import type { FinishedAnswer } from './answers/finished-answer.ts'
import { setNodeHeaders } from './answers/node-answer.ts'
import { type WatchedResponse, watchNode } from './answers/node-exchange.ts'
import { type NodeBodyLike, readNodeBody } from './idempotency/node-body.ts'
import type { Keyward } from './keyward.ts'
import type { MaybePromise } from './model/maybe-promise.ts'
import { andThen } from './model/maybe-promise.ts'
import type { RequestContext } from './request-context.ts'
import type { Route } from './route.ts'

/** Exchanges whose response is looked after: a second `requireKey` on one request finds the first one's. */
const watched = new WeakSet<object>()

/**
 * The second half for adapters over Node's own request and response: reads the body where the route needs it, and looks
 * after the response until what it came to is known. The response then carries what the exchange shows.
 *
 * @returns An answer to send in the handler's place; `undefined` to go on.
 */
export function beginNode(
  keyward: Keyward,
  context: RequestContext,
  route: Route,
  request: NodeBodyLike,
  response: WatchedResponse,
): MaybePromise<FinishedAnswer | undefined> {
  const begun = keyward.begin(context, route, (mostBytes) => readNodeBody(request, mostBytes))
  return andThen(begun, (answer) => {
    const { exchange } = context
    if (answer !== undefined || exchange === undefined) return answer
    setNodeHeaders(response, exchange.headers)
    if (watched.has(exchange)) return undefined
    watched.add(exchange)
    watchNode(response, exchange)
    return undefined
  })
}

/**
 * Looks after a fetch response, once the handler has made it: for adapters whose framework has fetch's own. Does nothing
 * where the request has claimed and taken nothing.
 *
 * @param hasThrown - Whether the response stands for something that the handler threw.
 * @returns The response to send in its place.
 */
export function finishFetch(context: RequestContext, response: Response, hasThrown = false): MaybePromise<Response> {
  const { exchange } = context
  if (exchange === undefined || watched.has(exchange)) return response
  watched.add(exchange)
  if (hasThrown) exchange.fail()
  return watchFetch(withFetchHeaders(response, exchange.headers), exchange)
}

/** Tells what a request has claimed and taken that its client has gone, when `signal` says so before there is a response. */
export function abandonOn(signal: AbortSignal, context: RequestContext): void {
  const { exchange } = context
  if (exchange === undefined) return
  const abandon = () => {
    if (!watched.has(exchange)) exchange.abandon(false)
  }
  if (signal.aborted) abandon()
  else signal.addEventListener('abort', abandon)
}
