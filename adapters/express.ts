import type { ErrorRequestHandler, Request, RequestHandler } from 'express'
import {
  andThen,
  answerNode,
  attachedDenial,
  attachedIdentity,
  beginNode,
  countNode,
  type DenialCode,
  type ErrorDetails,
  type FinishedAnswer,
  headOfNode,
  type Identity,
  idField,
  type Keyward,
  type NodeBodyLike,
  type NodeRequestLike,
  type NodeResponseLike,
  NotFoundError,
  type RequestContext,
  type RouteOptions,
  type RoutePattern,
  receiveOnce,
  setNodeHeaders,
  type WatchedResponse,
} from '../src/index.ts'

/** Middleware for Express 4 and 5. It asks for the Node part of a request only, so a route's own types stay as they are. */
export type KeyHandler = (
  request: NodeRequestLike & NodeBodyLike,
  response: WatchedResponse,
  next: (error?: unknown) => void,
) => void

/**
 * Demands an API key, before a route or a whole router: what has none that is good is answered, and goes no further.
 * CORS preflights have none: mount what answers those before it.
 *
 * @throws {ConfigError} When an option is wrong.
 */
export function requireKey(keyward: Keyward, options?: RouteOptions): KeyHandler {
  const route = keyward.route(options)
  return (request, response, next) => {
    const context = receive(keyward, request, response)
    const answered = andThen(keyward.admit(context, route), (decision) => {
      countNode(context, response, patternOf(request))
      if (decision.denied) return decision
      setNodeHeaders(response, decision.headers)
      return beginNode(keyward, context, route, request, response)
    })
    const conclude = (answer: FinishedAnswer | undefined) =>
      answer === undefined ? next() : answerNode(response, answer)
    if (answered instanceof Promise) answered.then(conclude, next)
    else conclude(answered)
  }
}

/** Says who a request comes from. @throws {Error} When no {@link requireKey} has admitted it. */
export function getIdentity(request: NodeRequestLike): Identity {
  return attachedIdentity(request)
}

/** Answers with an error of the host's own in the profile's envelope: `sendError(response, 'validation_failed', { issues: error.issues })`. */
export function sendError(
  response: NodeResponseLike & { readonly req: NodeRequestLike },
  code: DenialCode,
  details?: ErrorDetails,
): void {
  answerNode(response, attachedDenial(response.req, code, details))
}

/** Gives every response its request id, 404 and errors too: `app.use(requestId(keyward))` before all else. */
export function requestId(keyward: Keyward): KeyHandler {
  return (request, response, next) => {
    receive(keyward, request, response)
    next()
  }
}

/**
 * Answers what no route answered, and what was thrown or could not be parsed: `app.use(errorHandler(keyward))` after
 * all else. A response that has begun is left to Express, which ends the connection.
 */
export function errorHandler(keyward: Keyward): [RequestHandler, ErrorRequestHandler] {
  return [
    (_request, _response, next) => next(new NotFoundError('No route answers this request.')),
    (error, request, response, next) => {
      if (response.headersSent && !response.writableEnded) return next(error)
      // Of what was thrown after the answer, nobody but the observer is told.
      const answer = keyward.denyError(receive(keyward, request, response), error)
      if (!response.writableEnded) answerNode(response, answer)
    },
  ]
}

/** At the end, where no route has been found yet: then the handler's has. */
function patternOf(request: NodeRequestLike): RoutePattern | (() => RoutePattern) {
  const { baseUrl: mount, route } = request as Partial<Pick<Request, 'baseUrl' | 'route'>>
  if (route !== undefined) return { mount, path: route.path }
  return () => {
    const { baseUrl: mount, route } = request as Partial<Pick<Request, 'baseUrl' | 'route'>>
    return { mount, path: route?.path }
  }
}

function receive(keyward: Keyward, request: NodeRequestLike, response: NodeResponseLike): RequestContext {
  const context = receiveOnce(keyward, request, headOfNode(request))
  setNodeHeaders(response, [idField(context)])
  return context
}
