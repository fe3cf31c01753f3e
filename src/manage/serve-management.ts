import { type RequestContext, receiveOnce } from '../index.ts'
import { refuse, refuseError } from './answer.ts'
import type { Arrival } from './arrival.ts'
import { type Authorize, findActor } from './authorize.ts'
import type { ManageRouter } from './manage-router.ts'

/** Answers a management request, whatever framework it came through. Never rejects. */
export type Serve = (arrival: Arrival) => Promise<Response>

const DISPATCHED = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])

/**
 * Joins actor and routes. Who sends the request is asked first: what is not there, or has another method, is nobody's
 * business without an actor.
 */
export function serveManagement({ app, keyward }: ManageRouter, authorize: Authorize): Serve {
  app.onError((error, { env }) => refuseError(keyward, env.received, error))
  app.notFound(({ env }) => refuseMissing(env.arrival, env.received))

  function refuseMissing({ target }: Arrival, received: RequestContext): Response {
    const allow = allowedMethods(app.routes, target.split('?')[0] ?? '')
    return allow.length === 0
      ? refuse(keyward, received, 'not_found')
      : refuse(keyward, received, 'method_not_allowed', { allow })
  }

  return async (arrival) => {
    const { request, head, native, subject } = arrival
    const received = receiveOnce(keyward, subject, head)
    try {
      // Asked before whoever the host lets in: no rule of its own about bearer tokens can be met by one of these.
      if (await keyward.showsSession(received)) return refuse(keyward, received, 'forbidden')
      const actor = await findActor(authorize, request, native)
      if (actor === undefined) {
        const isMissing = head.header('authorization') === undefined
        return refuse(keyward, received, isMissing ? 'missing_authorization_header' : 'invalid_api_key')
      }
      if (!DISPATCHED.has(head.method)) return refuseMissing(arrival, received)
      const inner = new Request(`http://manage${arrival.target}`, { method: head.method })
      return await app.fetch(inner, { arrival, received, actor })
    } catch (error) {
      return refuseError(keyward, received, error)
    }
  }
}

function allowedMethods(routes: readonly { readonly method: string; readonly path: string }[], path: string): string[] {
  const methods = routes
    .filter((route) => new RegExp(`^${route.path.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+')}$`).test(path))
    .map(({ method }) => method)
  return methods.includes('GET') ? [...methods, 'HEAD'] : methods
}
