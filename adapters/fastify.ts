import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  andThen,
  answerNode,
  attachedDenial,
  attachedIdentity,
  beginNode,
  countNode,
  type Denial,
  type DenialCode,
  type ErrorDetails,
  type FinishedAnswer,
  headOfNode,
  type Identity,
  idField,
  type Keyward,
  NotFoundError,
  type RequestContext,
  type RouteOptions,
  receiveOnce,
} from '../src/index.ts'

/** A Fastify request of any route: its Node part is all that is read. */
type AnyRequest = Pick<FastifyRequest, 'raw'>

/** The same, and its route. */
type RoutedRequest = AnyRequest & { readonly routeOptions: { readonly url?: string | undefined } }

/** A hook for `onRequest`, of a route or of the instance. */
export type KeyHook = (request: RoutedRequest, reply: FastifyReply, done: (error?: Error) => void) => void

/** A handler for `setErrorHandler`, `setNotFoundHandler`, and the server's option `frameworkErrors`. */
export interface KeyErrorHandler {
  (error: unknown, request: AnyRequest, reply: FastifyReply): void
  (request: AnyRequest, reply: FastifyReply): void
}

/**
 * Demands an API key: `{ onRequest: requireKey(keyward) }`, or `addHook('onRequest', …)` for all routes of an
 * instance. What has none that is good is answered before its body is read. CORS preflights have none.
 *
 * @throws {ConfigError} When an option is wrong.
 */
export function requireKey(keyward: Keyward, options?: RouteOptions): KeyHook {
  const route = keyward.route(options)
  return (request, reply, done) => {
    const context = receive(keyward, request, reply)
    const answered = andThen(keyward.admit(context, route), (decision) => {
      countNode(context, reply.raw, { path: request.routeOptions.url })
      if (decision.denied) return decision
      for (const [name, value] of decision.headers) reply.header(name, value)
      return beginNode(keyward, context, route, request.raw, reply.raw)
    })
    const conclude = (answer: FinishedAnswer | undefined) => {
      if (answer === undefined) done()
      else if (typeof answer.body === 'string') send(reply, { ...answer, body: answer.body })
      else sendAgain(reply, answer)
    }
    if (answered instanceof Promise) answered.then(conclude, done)
    else conclude(answered)
  }
}

/** Says who a request comes from. @throws {Error} When no {@link requireKey} has admitted it. */
export function getIdentity(request: AnyRequest): Identity {
  return attachedIdentity(request.raw)
}

/** Answers with an error of the host's own in the profile's envelope: `sendError(reply, 'validation_failed', { issues: error.issues })`. */
export function sendError(reply: FastifyReply, code: DenialCode, details?: ErrorDetails): FastifyReply {
  return send(reply, attachedDenial(reply.request.raw, code, details))
}

/** Gives every response its request id, 404 and errors too: `app.addHook('onRequest', requestId(keyward))` before all else. */
export function requestId(keyward: Keyward): KeyHook {
  return (request, reply, done) => {
    receive(keyward, request, reply)
    done()
  }
}

/** Answers what was thrown or could not be parsed, and, as `setNotFoundHandler`, what no route answers. */
export function errorHandler(keyward: Keyward): KeyErrorHandler {
  return (...given: [unknown, AnyRequest, FastifyReply] | [AnyRequest, FastifyReply]) => {
    const [error, request, reply] =
      given.length === 3 ? given : ([new NotFoundError('No route answers this request.'), ...given] as const)
    send(reply, keyward.denyError(receive(keyward, request, reply), error))
  }
}

function receive(keyward: Keyward, { raw }: AnyRequest, reply: FastifyReply): RequestContext {
  const context = receiveOnce(keyward, raw, headOfNode(raw))
  reply.header(...idField(context))
  return context
}

function send(reply: FastifyReply, denial: Pick<Denial, 'status' | 'headers' | 'body'>): FastifyReply {
  // With a serializer, Fastify leaves the media type as it is.
  return reply.code(denial.status).headers(Object.fromEntries(denial.headers)).serializer(String).send(denial.body)
}

/** Byte by byte: Fastify would give bytes without a media type one of its own. */
function sendAgain(reply: FastifyReply, answer: FinishedAnswer): void {
  reply.hijack()
  for (const [name, value] of Object.entries(reply.getHeaders()))
    if (value !== undefined) reply.raw.setHeader(name, value)
  answerNode(reply.raw, answer)
}
