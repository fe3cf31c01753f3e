import * as z from 'zod'
import type { Actor, MaybePromise } from '../index.ts'

/**
 * Says who sends a management request, or `undefined` for nobody (401). What it throws lets nobody in either: 503
 * for a `StoreUnavailableError`, else 500.
 *
 * @param request - Method, URL and header fields as they came, without the body.
 * @param native - The framework's own request: Express's or Fastify's request, Hono's context, or whatever was given
 * to `fetch`. A session that a middleware of the host has found is there.
 */
export type Authorize = (request: Request, native: unknown) => MaybePromise<Actor | undefined>

const actorShape = z.object({
  id: z.string().min(1),
  owner: z.string().min(1).nullable(),
  scopes: z.array(z.string()),
})

/**
 * Asks who sends a request.
 *
 * @throws {TypeError} When the answer is neither an actor nor `undefined`, such as `true`: nobody is let in by mistake.
 */
export async function findActor(authorize: Authorize, request: Request, native: unknown): Promise<Actor | undefined> {
  const actor = await authorize(request, native)
  if (actor !== undefined && !actorShape.safeParse(actor).success)
    throw new TypeError('authorize must return an actor { id, owner, scopes } or undefined.')
  return actor
}
