import { OpenAPIHono } from '@hono/zod-openapi'
import * as z from 'zod'
import type { Actor, Denial, DenialCode, Keyward, RequestContext } from '../index.ts'
import { answerReply } from './answer.ts'
import { answerDownload } from './answer-download.ts'
import { answerPage } from './answer-page.ts'
import type { Arrival } from './arrival.ts'
import { checkFields } from './check-fields.ts'
import { describeRoute } from './describe-route.ts'
import { readIfMatch } from './if-match.ts'
import { hasScope } from './manage-scope.ts'
import { readJson } from './read-json.ts'
import { refuseActor } from './refuse-actor.ts'
import type { Call, Handle, RouteRules } from './route-rules.ts'

/** A management request whose actor is known. */
export interface Visit {
  readonly arrival: Arrival
  /** Id of the request, and the profile of its answer. */
  readonly received: RequestContext
  readonly actor: Actor
  /** Is told why the request was refused, for who calls in this process: a profile's envelope need not say. */
  readonly onRefusal?: (denial: Denial, error: unknown) => void
}

/** The app that dispatches to routes. */
export type ManageApp = OpenAPIHono<{ Bindings: Visit }>

const NOTHING = z.strictObject({})

/** Adds routes to the app of a keyward: a room of this API is a function that is given one. */
export class ManageRouter {
  readonly keyward: Keyward
  readonly app: ManageApp = new OpenAPIHono<{ Bindings: Visit }>()

  constructor(keyward: Keyward) {
    this.keyward = keyward
  }

  /** Adds a route, which checks scope, condition, query and body, in this order, before it does anything. */
  add<Query extends z.ZodType = typeof NOTHING, Body extends z.ZodType = typeof NOTHING>(
    rules: RouteRules<Query, Body>,
    handle: Handle<z.output<Query>, z.output<Body>>,
  ): void {
    describeRoute(this.app.openAPIRegistry, rules)
    const [, first] = /\{(\w+)\}/.exec(rules.path) ?? []
    const path = rules.path.replaceAll(/\{(\w+)\}/g, ':$1')
    this.app.on(rules.method.toUpperCase(), path, async ({ env: visit, req }) => {
      const { received } = visit
      const subject = { route: rules.path, target: (first === undefined ? undefined : req.param(first)) ?? null }
      try {
        const call = await readCall(rules, visit, (name) => req.param(name) ?? '')
        const reply = 'refused' in call ? call : await handle(call)
        if ('refused' in reply)
          return refuseActor(this.keyward, visit, this.keyward.deny(received, reply.refused), subject)
        if ('page' in reply) return await answerPage(received, rules.success.status, reply.page)
        return 'download' in reply
          ? await answerDownload(received, rules.success.status, reply.download)
          : answerReply(received, rules.success.status, reply)
      } catch (error) {
        return refuseActor(this.keyward, visit, this.keyward.denyError(received, error), subject, error)
      }
    })
  }
}

async function readCall<Query extends z.ZodType, Body extends z.ZodType>(
  {
    method,
    scope,
    conditional,
    query = NOTHING as z.ZodType as Query,
    body = NOTHING as z.ZodType as Body,
  }: RouteRules<Query, Body>,
  { arrival, received, actor }: Visit,
  parameter: (name: string) => string,
): Promise<Call<z.output<Query>, z.output<Body>> | { readonly refused: DenialCode }> {
  const { headers } = arrival.request
  if (scope !== undefined && !hasScope(actor, scope)) return { refused: 'forbidden' }
  const condition = readIfMatch(conditional ? headers.get('if-match') : null)
  if ('refused' in condition) return condition
  const checkedQuery = checkFields(query, queryOf(arrival.target))
  const hasBody = method !== 'get' && method !== 'delete'
  const read = hasBody ? await readJson(headers.get('content-type'), arrival.readBody) : { json: {} }
  if ('refused' in read) return read
  return {
    query: checkedQuery,
    body: checkFields(body, read.json),
    actor,
    context: { actor, address: received.address, requestId: received.requestId, ...condition },
    now: new Date(received.now()),
    path: (resource) => arrival.basePath + resource,
    parameter,
  }
}

/** Reads a query; a name that comes twice has a list of values, which no rule takes. */
function queryOf(target: string): { readonly [name: string]: string | readonly string[] } {
  const at = target.indexOf('?')
  const parameters = new URLSearchParams(at < 0 ? '' : target.slice(at))
  return Object.fromEntries(
    [...new Set(parameters.keys())].map((name) => {
      const values = parameters.getAll(name)
      return [name, values.length === 1 ? (values[0] ?? '') : values]
    }),
  )
}
