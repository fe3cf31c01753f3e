import type { Context, MiddlewareHandler, Next } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import {
  abandonOn,
  answerFetch,
  attachedDenial,
  attachedIdentity,
  countFetch,
  type DenialCode,
  type ErrorDetails,
  type FinishedAnswer,
  fieldsToSet,
  finishFetch,
  headOfFetch,
  headOfNode,
  type Identity,
  type Keyward,
  keepFields,
  keptBody,
  type NodeRequestLike,
  type NodeResponseLike,
  NotFoundError,
  peerOfFetch,
  type ReadBody,
  type RequestContext,
  type RouteOptions,
  readFetchBody,
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
  const answer = async (c: Context, context: RequestContext, next: Next): Promise<Response | undefined> => {
    const decision = await keyward.admit(context, route)
    keepFields(nativeOf(c), decision)
    if (decision.denied) return send(c, decision)
    const answered = await keyward.begin(context, route, (mostBytes) => readBody(c, mostBytes))
    if (answered !== undefined) return send(c, answered, fieldsToSet(nativeOf(c)))
    if (context.exchange === undefined) return goOn(c, next)
    abandonOn(c.req.raw.signal, context)
    await goOn(c, next)
    const response = await finishFetch(context, c.res, c.error !== undefined)
    if (response !== c.res) replace(c, response)
    return undefined
  }
  return (c, next) => {
    const context = receive(keyward, c)
    const patternOf = () => ({ path: c.req.routePath })
    const work = () => answer(c, context, next)
    return countFetch(context, work, (response) => (response ?? c.res).status, patternOf)
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
async function goOn(c: Context, next: Next): Promise<undefined> {
  const { outgoing } = nodeOf(c) ?? {}
  if (outgoing !== undefined) {
    setNodeHeaders(outgoing, fieldsToSet(nativeOf(c)))
    await next()
    return undefined
  }
  await next()
  const marked = withFetchHeaders(c.res, fieldsToSet(nativeOf(c)))
  if (marked !== c.res) c.res = marked
  return undefined
}

function send(c: Context, answer: FinishedAnswer, more: FinishedAnswer['headers'] = []): Response {
  const all = { ...answer, headers: [...answer.headers, ...more] }
  if (typeof answer.body !== 'string') return answerFetch(all, c.req.method)
  return c.body(answer.body, answer.status as ContentfulStatusCode, Object.fromEntries(all.headers))
}

/** Hono would write the fields of the response that was there over those of the one that takes its place. */
function replace(c: Context, response: Response): void {
  c.res = undefined
  c.res = response
}

/** From a copy; what a middleware has read already, Hono still has. */
function readBody(c: Context, mostBytes: number): Promise<ReadBody> {
  return c.req.raw.bodyUsed ? keptBody(c.req.arrayBuffer(), mostBytes) : readFetchBody(c.req.raw, mostBytes)
}

/** What stands for the request: Node's own, or else the context, since `c.req.raw` may be exchanged on the way. */
function nativeOf(c: Context): object {
  return nodeOf(c)?.incoming ?? c
}

/** Node's own request and response, where Hono runs on `@hono/node-server`. */
function nodeOf(c: Context): { readonly incoming: NodeRequestLike; readonly outgoing: NodeResponseLike } | undefined {
  return Array.isArray(c.env?.incoming?.rawHeaders) && c.env.outgoing !== undefined ? c.env : undefined
}
