import {
  abandonOn,
  answerFetch,
  attachedDenial,
  attachedIdentity,
  countFetch,
  type DenialCode,
  type ErrorDetails,
  fieldsToSet,
  finishFetch,
  headOfFetch,
  type Identity,
  type Keyward,
  keepFields,
  peerOfFetch,
  type RequestContext,
  type RouteOptions,
  readFetchBody,
  receiveOnce,
  withFetchHeaders,
} from '../src/index.ts'

/** A fetch handler. What a runtime hands over beside the request (`env`, `info`, `server`) goes through as it is. */
export type FetchHandler<Rest extends unknown[]> = (request: Request, ...rest: Rest) => Response | Promise<Response>

/** Makes a handler of a handler, for the same runtime. */
export type FetchWrapper = <Rest extends unknown[]>(
  handler: FetchHandler<Rest>,
) => (request: Request, ...rest: Rest) => Promise<Response>

/**
 * Demands an API key: `requireKey(keyward)(handler)`. What has none that is good is answered, and the handler does
 * not run. CORS preflights have none: answer them before. Pass on the same `Request` object, not a copy, so that it
 * stays one request. On a route with credits or idempotency it also answers what the handler throws, as
 * {@link errorHandler} does: what is kept is what was sent.
 *
 * @throws {ConfigError} When an option is wrong.
 */
export function requireKey(keyward: Keyward, options?: RouteOptions): FetchWrapper {
  const route = keyward.route(options)
  return (handler) =>
    (request, ...rest) => {
      const context = receive(keyward, request, rest)
      const answer = async () => {
        const decision = await keyward.admit(context, route)
        keepFields(request, decision)
        if (decision.denied) return answerFetch(decision, request.method)
        const answered = await keyward.begin(context, route, (mostBytes) => readFetchBody(request, mostBytes))
        if (answered !== undefined) return withFetchHeaders(answerFetch(answered, request.method), fieldsToSet(request))
        if (context.exchange === undefined)
          return withFetchHeaders(await handler(request, ...rest), fieldsToSet(request))
        abandonOn(request.signal, context)
        const response = await errorHandler(keyward)(handler)(request, ...rest)
        return withFetchHeaders(await finishFetch(context, response), fieldsToSet(request))
      }
      return countFetch(context, answer, (response) => response.status)
    }
}

/** Says who a request comes from. @throws {Error} When no {@link requireKey} has admitted it. */
export function getIdentity(request: Request): Identity {
  return attachedIdentity(request)
}

/** Answers with an error of the host's own in the profile's envelope: `return sendError(request, 'validation_failed', { issues: error.issues })`. */
export function sendError(request: Request, code: DenialCode, details?: ErrorDetails): Response {
  return answerFetch(attachedDenial(request, code, details), request.method)
}

/** Gives every response its request id: `requestId(keyward)(handler)` around all else. */
export function requestId(keyward: Keyward): FetchWrapper {
  return (handler) =>
    async (request, ...rest) => {
      receive(keyward, request, rest)
      return withFetchHeaders(await handler(request, ...rest), fieldsToSet(request))
    }
}

/** Answers what the handler throws: `errorHandler(keyward)(handler)`, around all but {@link requestId}. */
export function errorHandler(keyward: Keyward): FetchWrapper {
  return (handler) =>
    async (request, ...rest) => {
      try {
        return await handler(request, ...rest)
      } catch (error) {
        const denial = keyward.denyError(receive(keyward, request, rest), error)
        return withFetchHeaders(answerFetch(denial, request.method), fieldsToSet(request))
      }
    }
}

function receive(keyward: Keyward, request: Request, [native]: readonly unknown[]): RequestContext {
  return receiveOnce(keyward, request, headOfFetch(request, peerOfFetch(request, native)))
}
