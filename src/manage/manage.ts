import type { Hono } from 'hono'
import { ConfigError, type Keyward } from '../index.ts'
import type { Authorize } from './authorize.ts'
import { type ExpressMount, mountOnExpress } from './express-mount.ts'
import { type FastifyMount, mountOnFastify } from './fastify-mount.ts'
import { checkBasePath, mountOnFetch } from './fetch-mount.ts'
import { mountOnHono } from './hono-mount.ts'
import { openRooms } from './rooms.ts'
import { serveManagement } from './serve-management.ts'

export { adminToken } from './admin-token.ts'
export type { Authorize } from './authorize.ts'
export { type GithubPublicKeysOptions, githubPublicKeys } from './github-public-keys.ts'
export { type LeakReports, type LeakReportsOptions, leakReports } from './leak-reports.ts'
export type { ManageScope } from './manage-scope.ts'
export type { ScannerKey, ScannerKeySource } from './scanner-keys.ts'

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

/**
 * Creates the management API of a keyward: JSON over HTTP, described by `/openapi.json` below the mount, and for people by `/docs`.
 *
 * @throws {ConfigError} Without `authorize`, or when `basePath` is no path.
 */
export function manage(keyward: Keyward, options: ManageOptions): Management {
  const { authorize, basePath = '/manage' } = options ?? {}
  if (typeof authorize !== 'function')
    throw new ConfigError('manage.authorize: must be a function that says who sends a request, such as adminToken(…)')
  checkBasePath('manage.basePath', basePath)
  const router = openRooms(keyward)
  const serve = serveManagement(router, authorize)
  return {
    fetch: mountOnFetch(serve, basePath),
    express: () => mountOnExpress(serve),
    fastify: mountOnFastify(serve),
    hono: () => mountOnHono(serve),
    routes: router.app.routes.map(({ method, path }) => ({ method, path })),
  }
}
