import type { Hono } from 'hono'
import { ConfigError, type Keyward } from '../index.ts'
import { auditRoutes } from './audit-routes.ts'
import type { Authorize } from './authorize.ts'
import { creditRoutes } from './credit-routes.ts'
import { type ExpressMount, mountOnExpress } from './express-mount.ts'
import { type FastifyMount, mountOnFastify } from './fastify-mount.ts'
import { mountOnFetch } from './fetch-mount.ts'
import { mountOnHono } from './hono-mount.ts'
import { keyActionRoutes } from './key-action-routes.ts'
import { keyRoutes } from './key-routes.ts'
import { ManageRouter } from './manage-router.ts'
import { openapiRoute } from './openapi-route.ts'
import { policyRoutes } from './policy-routes.ts'
import { serveManagement } from './serve-management.ts'
import { verifyRoute } from './verify-route.ts'

export { adminToken } from './admin-token.ts'
export type { Authorize } from './authorize.ts'
export type { ManageScope } from './manage-scope.ts'

/** Options of {@link manage}. */
export interface ManageOptions {
  /** Says who sends a request: {@link adminToken}, or a function of the host's own. Nothing is reachable without. */
  readonly authorize: Authorize
  /** Where `fetch` finds the API in a URL's path. Default `/manage`. The other mounts know where they are. */
  readonly basePath?: string | undefined
}

/** The management API of a keyward, ready to be mounted. */
export interface Management {
  /**
   * Answers a fetch request whose path begins with `basePath`; any other is not found. Never rejects.
   *
   * @param native - What the runtime hands over beside the request: `authorize` is given it, and on Bun and Deno it
   * tells the address for the audit entries.
   */
  fetch(request: Request, native?: unknown): Promise<Response>
  /**
   * Makes a handler: `app.use('/manage', api.express())`. Mount it in front of `express.json()`, whose own rules about
   * size, encoding and media type else come first.
   */
  express(): ExpressMount
  /** Is a plugin: `app.register(api.fastify, { prefix: '/manage' })`. It is encapsulated, and brings its own body parser. */
  readonly fastify: FastifyMount
  /** Makes an app: `app.route('/manage', api.hono())`. */
  hono(): Hono
  /** Every route: method, and path below the mount with parameters as `:name`. */
  readonly routes: readonly { readonly method: string; readonly path: string }[]
}

const ROOMS = [keyRoutes, keyActionRoutes, creditRoutes, auditRoutes, policyRoutes, verifyRoute, openapiRoute]

/**
 * Creates the management API of a keyward: JSON over HTTP, described by `/openapi.json` below the mount.
 *
 * @throws {ConfigError} Without `authorize`, or when `basePath` is no path.
 */
export function manage(keyward: Keyward, options: ManageOptions): Management {
  const { authorize, basePath = '/manage' } = options ?? {}
  if (typeof authorize !== 'function')
    throw new ConfigError('manage.authorize: must be a function that says who sends a request, such as adminToken(…)')
  if (!/^(\/[\w.~-]+)*$/.test(basePath))
    throw new ConfigError("manage.basePath: must be a path such as '/manage', without a slash at its end, or ''")
  const router = new ManageRouter(keyward)
  for (const room of ROOMS) room(router)
  const serve = serveManagement(router, authorize)
  return {
    fetch: mountOnFetch(serve, basePath),
    express: () => mountOnExpress(serve),
    fastify: mountOnFastify(serve),
    hono: () => mountOnHono(serve),
    routes: router.app.routes.map(({ method, path }) => ({ method, path })),
  }
}
