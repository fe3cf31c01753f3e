import type { Context, MiddlewareHandler, Next } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import {
  attachedDenial,
  attachedIdentity,
  type Denial,
  type DenialCode,
  type ErrorDetails,
  fieldsToSet,
  headOfFetch,
  headOfNode,
  type Identity,
  type Keyward,
  keepFields,
  type NodeRequestLike,
  type NodeResponseLike,
  NotFoundError,
  peerOfFetch,
  type RequestContext,
  type RouteOptions,
  receiveOnce,
  setNodeHeaders,
  withFetchHeaders,
} from '../src/index.ts'

/** A handler for both `app.onError` and `app.notFound`. */
export interface KeyErrorHandler {
  (error: unknown, c: Context): Response
  (c: Context): Response
}

/**
 * Demands an API key: what has none that is good is answered, and goes no further. CORS preflights have none: mount
 * `hono/cors` before it.
 *
 * @throws {ConfigError} When an option is wrong.
 */
export function requireKey(keyward: Keyward, options?: RouteOptions): MiddlewareHandler {
  const route = keyward.route(options)
  return async (c, next) => {
    const context = receive(keyward, c)
    const decision = await keyward.admit(context, route)
    keepFields(nativeOf(c), decision)
    if (decision.denied) return send(c, decision)
    const refused = await keyward.begin(context, route)
    if (refused === undefined) return goOn(c, next)
    return send(c, refused, decision.headers)
  }
}

/** Says who a request comes from. @throws {Error} When no {@link requireKey} has admitted it. */
export function getIdentity(c: Context): Identity {
  return attachedIdentity(nativeOf(c))
}

/** Answers with an error of the host's own in the profile's envelope: `return sendError(c, 'validation_failed', { issues: error.issues })`. */
export function sendError(c: Context, code: DenialCode, details?: ErrorDetails): Response {
  return send(c, attachedDenial(nativeOf(c), code, details))
}

/** Gives every response its request id, 404 and errors too: `app.use(requestId(keyward))` before all else. */
export function requestId(keyward: Keyward): MiddlewareHandler {
  return (c, next) => {
    receive(keyward, c)
    return goOn(c, next)
  }
}

/** Answers what was thrown, as `app.onError`, and what no route answers, as `app.notFound`. */
export function errorHandler(keyward: Keyward): KeyErrorHandler {
  return (...given: [unknown, Context] | [Context]) => {
    const [error, c] = given.length === 2 ? given : [new NotFoundError('No route answers this request.'), given[0]]
    return send(c, keyward.denyError(receive(keyward, c), error))
  }
}

function receive(keyward: Keyward, c: Context): RequestContext {
  const { incoming } = nodeOf(c) ?? {}
  const head = incoming === undefined ? headOfFetch(c.req.raw, peerOfFetch(c.req.raw, c.env)) : headOfNode(incoming)
  return receiveOnce(keyward, nativeOf(c), head)
}

/** Sets fields of the response that the rest will make: where Node is below Hono at once (half the cost), else on what was made. */
async function goOn(c: Context, next: Next): Promise<void> {
  const { outgoing } = nodeOf(c) ?? {}
  if (outgoing !== undefined) {
    setNodeHeaders(outgoing, fieldsToSet(nativeOf(c)))
    return next()
  }
  await next()
  const marked = withFetchHeaders(c.res, fieldsToSet(nativeOf(c)))
  if (marked !== c.res) c.res = marked
}

function send(c: Context, denial: Denial, more: Denial['headers'] = []): Response {
  return c.body(denial.body, denial.status as ContentfulStatusCode, Object.fromEntries([...denial.headers, ...more]))
}

/** What stands for the request: Node's own, or else the context, since `c.req.raw` may be exchanged on the way. */
function nativeOf(c: Context): object {
  return nodeOf(c)?.incoming ?? c
}

/** Node's own request and response, where Hono runs on `@hono/node-server`. */
function nodeOf(c: Context): { readonly incoming: NodeRequestLike; readonly outgoing: NodeResponseLike } | undefined {
  return Array.isArray(c.env?.incoming?.rawHeaders) && c.env.outgoing !== undefined ? c.env : undefined
}
