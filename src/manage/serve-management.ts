import { type DenialCode, type RequestContext, receiveOnce } from '../index.ts'
import { refuse, refuseError } from './answer.ts'
import type { Arrival } from './arrival.ts'
import { type Authorize, findActor } from './authorize.ts'
import type { ManageRouter, Visit } from './manage-router.ts'
import { refuseActor } from './refuse-actor.ts'

/** Answers a management request, whatever framework it came through. Never rejects. */
export type Serve = (arrival: Arrival) => Promise<Response>

const DISPATCHED = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'])

/** Answers a request whose actor is known. */
export type Dispatch = (visit: Visit) => Promise<Response>

/** Joins a known actor and routes: also the door for callers in this process, whose actor comes from elsewhere. */
export function dispatchVisits({ app, keyward }: ManageRouter): Dispatch {
  app.onError((error, { env }) => refuseError(keyward, env.received, error))
  app.notFound(({ env }) => refuseMissing(env))

  function refuseMissing(visit: Visit): Promise<Response> {
    const { arrival, received } = visit
    const routes = routesAt(app.routes, arrival.target.split('?')[0] ?? '')
    const route = routes[0]?.path.replaceAll(/:(\w+)/g, '{$1}') ?? null
    const denial =
      route === null
        ? keyward.deny(received, 'not_found')
        : keyward.deny(received, 'method_not_allowed', { allow: methodsOf(routes) })
    return refuseActor(keyward, visit, denial, { route, target: null })
  }

  return async (visit) => {
    const { method } = visit.arrival.head
    if (!DISPATCHED.has(method)) return refuseMissing(visit)
    return app.fetch(new Request(`http://manage${visit.arrival.target}`, { method }), visit)
  }
}

/**
 * Joins host, actor and routes. Who sends the request is asked first: what is not there, or has another method, is nobody's
 * business without an actor.
 */
export function serveManagement(router: ManageRouter, authorize: Authorize): Serve {
  const { keyward } = router
  const dispatch = dispatchVisits(router)

  /** A stranger is an event, and leaves nothing behind. */
  async function refuseStranger(received: RequestContext, code: DenialCode): Promise<Response> {
    const { address, requestId, head } = received
    await keyward.audit.noteRefusal({ code, method: head.method, route: null, target: null }, { address, requestId })
    return refuse(keyward, received, code)
  }

  return async (arrival) => {
    const { request, head, native, subject } = arrival
    const received = receiveOnce(keyward, subject, head)
    try {
      // Asked before whoever the host lets in: no rule of its own about bearer tokens can be met by one of these.
      if (await keyward.showsSession(received)) return await refuseStranger(received, 'forbidden')
      const actor = await findActor(authorize, request, native)
      if (actor === undefined) {
        const isMissing = head.header('authorization') === undefined
        return await refuseStranger(received, isMissing ? 'missing_authorization_header' : 'invalid_api_key')
      }
      return await dispatch({ arrival, received, actor })
    } catch (error) {
      return refuseError(keyward, received, error)
    }
  }
}

interface AddedRoute {
  readonly method: string
  readonly path: string
}

function routesAt(routes: readonly AddedRoute[], path: string): readonly AddedRoute[] {
  return routes.filter((route) =>
    new RegExp(`^${route.path.replaceAll('.', '\\.').replaceAll(/:\w+/g, '[^/]+')}$`).test(path),
  )
}

function methodsOf(routes: readonly AddedRoute[]): string[] {
  const methods = routes.map(({ method }) => method)
  return methods.includes('GET') ? [...methods, 'HEAD'] : methods
}
