import type { IncomingMessage, ServerResponse } from 'node:http'
import * as kw from 'keyward'

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

/** Demands an API key in front of a handler. */
export function requireKey(keyward: kw.Keyward, options?: kw.RouteOptions): (handler: Handler) => Handler {
  const route = keyward.route(options)
  return (handler) => async (request, response) => {
    const context = kw.receiveOnce(keyward, request, kw.headOfNode(request))
    const decision = await keyward.admit(context, route)
    if (decision.denied) return kw.answerNode(response, decision)
    kw.setNodeHeaders(response, [...decision.headers, kw.idField(context)])
    const answer = await kw.beginNode(keyward, context, route, request, response)
    return answer === undefined ? handler(request, response) : kw.answerNode(response, answer)
  }
}

/** Gives every response its id, and answers what is thrown. */
export function errorHandler(keyward: kw.Keyward): (handler: Handler) => Handler {
  return (handler) => async (request, response) => {
    const context = kw.receiveOnce(keyward, request, kw.headOfNode(request))
    kw.setNodeHeaders(response, [kw.idField(context)])
    try {
      await handler(request, response)
    } catch (error) {
      kw.answerNode(response, keyward.denyError(context, error))
    }
  }
}

export const getIdentity = kw.attachedIdentity

export function sendError(response: ServerResponse, code: kw.DenialCode, details?: kw.ErrorDetails): void {
  kw.answerNode(response, kw.attachedDenial(response.req, code, details))
}
