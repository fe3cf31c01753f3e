import type { Hono } from 'hono'
import { ConfigError, type Keyward } from '../index.ts'
import type { Authorize } from '../manage/authorize.ts'
import { type ExpressMount, mountOnExpress } from '../manage/express-mount.ts'
import { type FastifyMount, mountOnFastify } from '../manage/fastify-mount.ts'
import { checkBasePath, mountOnFetch } from '../manage/fetch-mount.ts'
import { mountOnHono } from '../manage/hono-mount.ts'
import { openRooms } from '../manage/rooms.ts'
import type { SampleRequest } from './sample-request.ts'
import { serveDashboard } from './serve-dashboard.ts'

export { adminToken } from '../manage/admin-token.ts'
export type { Authorize } from '../manage/authorize.ts'
export type { SampleRequest } from './sample-request.ts'

/** Options of {@link dashboard}: one of `authorize` and `signIn` at least. */
export interface DashboardOptions {
  /** Says who looks at a page, by a session of the host's own. `undefined` is nobody, who is asked to sign in. */
  readonly authorize?: Authorize | undefined
  /**
   * Brings a page to sign in on: it is given the token that somebody types, as `Authorization: Bearer <token>`. Sessions last
   * 12 hours, are kept in the store by their SHA-256, and end everywhere at sign-out or when the admin token is replaced.
   */
  readonly signIn?: Authorize | undefined
  /** Where `fetch` finds the dashboard in a URL's path. Default `/keys`. The other mounts know where they are. */
  readonly basePath?: string | undefined
  /** A request of your API, which a new key is shown with. Default: `GET /` at the address of the dashboard. */
  readonly sampleRequest?: SampleRequest | undefined
}

/** The dashboard of a keyward, ready to be mounted. */
export interface Dashboard {
  /**
   * Answers a fetch request whose path begins with `basePath`; any other is not found. Never rejects.
   *
   * @param native - What the runtime hands over beside the request: `authorize` is given it, and on Bun and Deno it
   * tells the address for the audit entries.
   */
  fetch(request: Request, native?: unknown): Promise<Response>
  /** Makes a handler: `app.use('/keys', board.express())`. */
  express(): ExpressMount
  /** Is a plugin: `app.register(board.fastify, { prefix: '/keys' })`. It is encapsulated. */
  readonly fastify: FastifyMount
  /** Makes an app: `app.route('/keys', board.hono())`. */
  hono(): Hono
}

/**
 * Creates the dashboard of a keyward: pages for people, rendered on the server, that do what the management API does, by its
 * rules. Nobody sees any of it without an actor.
 *
 * @throws {ConfigError} Without `authorize` and `signIn`, or when an option breaks its rule.
 */
export function dashboard(keyward: Keyward, options: DashboardOptions): Dashboard {
  const { authorize, signIn, basePath = '/keys', sampleRequest = {} } = options ?? {}
  for (const [name, given] of Object.entries({ authorize, signIn }))
    if (given !== undefined && typeof given !== 'function')
      throw new ConfigError(
        `dashboard.${name}: must be a function that says who sends a request, such as adminToken(…)`,
      )
  if (authorize === undefined && signIn === undefined)
    throw new ConfigError('dashboard: authorize or signIn must be given, such as signIn: adminToken(…)')
  checkBasePath('dashboard.basePath', basePath)
  const serve = serveDashboard(openRooms(keyward), { authorize, signIn, sample: sampleRequest })
  return {
    fetch: mountOnFetch(serve, basePath),
    express: () => mountOnExpress(serve),
    fastify: mountOnFastify(serve),
    hono: () => mountOnHono(serve),
  }
}
