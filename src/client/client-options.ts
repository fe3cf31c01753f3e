import { asHeaderValue } from './header-value.ts'
import { type Runtime, thisRuntime } from './runtime.ts'

/** What an API is told of the app that calls it, for its rankings. */
export interface AppNames {
  /** Sent as `X-Application-Name`. */
  readonly name?: string | undefined
  /** Sent as `X-Title`: what rankings show. */
  readonly title?: string | undefined
  /** Sent as `HTTP-Referer`: an http or https address, by which rankings tell apps apart. */
  readonly url?: string | undefined
}

/** How long a client goes on. */
export interface RetryOptions {
  /** How many times a call is repeated at most: a whole number from 0 to 10; default 4. */
  readonly maxRetries?: number | undefined
  /**
   * Seconds that one call waits between its attempts, all waits together: a whole number from 0 to 3,600; default 60. A
   * `Retry-After` that does not fit is not waited for: the error is thrown at once.
   */
  readonly maxWaitSeconds?: number | undefined
}

/** Everything that a client is made of. Only `baseUrl` is required. */
export interface ClientOptions {
  /** Where the API is: an http or https address without query and user info. Paths are put behind its own. */
  readonly baseUrl: string | URL
  /** The key. Default: that of the environment. */
  readonly apiKey?: string | undefined
  /** Name of the environment variable with the key, read when the client is made. Default `API_KEY`. */
  readonly apiKeyVariable?: string | undefined
  /** Names of the calling app. Default: none are sent. */
  readonly app?: AppNames | undefined
  /** Bounds of retries. */
  readonly retry?: RetryOptions | undefined
  /**
   * Whether POST and PATCH carry an `Idempotency-Key` that the client makes, and so are repeated. Default true. Set false for an
   * API that ignores the header: a repeated POST would be carried out twice.
   */
  readonly idempotencyKeys?: boolean | undefined
  /** Seconds that an attempt may take until its response begins: a whole number from 1 to 3,600; default 60. */
  readonly timeoutSeconds?: number | undefined
  /** Parts of the runtime to replace, for tests and for service bindings. */
  readonly runtime?: Partial<Runtime> | undefined
}

/** Options, checked and ready. */
export interface ClientTerms {
  /** Ends in a slash. */
  readonly baseUrl: URL
  readonly apiKeyVariable: string
  readonly appHeaders: readonly (readonly [name: string, value: string])[]
  readonly maxRetries: number
  readonly maxWaitMs: number
  readonly idempotencyKeys: boolean
  readonly timeoutSeconds: number
  readonly runtime: Runtime
}

const NAMES = {
  client: 'baseUrl apiKey apiKeyVariable app retry idempotencyKeys timeoutSeconds runtime'.split(' '),
  app: ['name', 'title', 'url'],
  retry: ['maxRetries', 'maxWaitSeconds'],
}

/** Checks the options of a client. @throws {TypeError} Quoting the option and the rule, never a value. */
export function checkClientOptions(options: ClientOptions): ClientTerms {
  checkNames('options', options, NAMES.client)
  const { apiKeyVariable = 'API_KEY', app = {}, retry = {}, idempotencyKeys = true, runtime = {} } = options
  checkNames('app', app, NAMES.app)
  checkNames('retry', retry, NAMES.retry)
  demand(typeof apiKeyVariable === 'string' && /^\w{1,256}$/.test(apiKeyVariable), 'apiKeyVariable: must be a name')
  demand(typeof idempotencyKeys === 'boolean', 'idempotencyKeys: must be true or false')
  for (const name of ['fetch', 'now', 'random', 'sleep', 'startTimeout'] as const)
    demand(['undefined', 'function'].includes(typeof runtime[name]), `runtime.${name}: must be a function`)
  return {
    baseUrl: readBaseUrl(options.baseUrl),
    apiKeyVariable,
    appHeaders: readApp(app),
    maxRetries: readNumber('retry.maxRetries', retry.maxRetries ?? 4, 0, 10),
    maxWaitMs: readNumber('retry.maxWaitSeconds', retry.maxWaitSeconds ?? 60, 0, 3_600) * 1_000,
    idempotencyKeys,
    timeoutSeconds: readTimeoutSeconds(options.timeoutSeconds ?? 60),
    runtime: {
      fetch: runtime.fetch ?? thisRuntime.fetch,
      now: runtime.now ?? thisRuntime.now,
      random: runtime.random ?? thisRuntime.random,
      sleep: runtime.sleep ?? thisRuntime.sleep,
      startTimeout: runtime.startTimeout ?? thisRuntime.startTimeout,
    },
  }
}

/** Checks a timeout. @throws {TypeError} When it is none. */
export function readTimeoutSeconds(timeoutSeconds: number): number {
  return readNumber('timeoutSeconds', timeoutSeconds, 1, 3_600)
}

function readNumber(option: string, value: number, least: number, most: number): number {
  const isIn = Number.isInteger(value) && value >= least && value <= most
  demand(isIn, `${option}: must be a whole number from ${least} to ${most}`)
  return value
}

function readBaseUrl(given: string | URL): URL {
  const url = URL.canParse(String(given)) ? new URL(given) : undefined
  demand(url !== undefined && /^https?:$/.test(url.protocol), 'baseUrl: must be an http or https address')
  demand(`${url.search}${url.hash}${url.username}${url.password}` === '', 'baseUrl: must have no query or user info')
  if (!url.pathname.endsWith('/')) url.pathname += '/'
  return url
}

function readApp({ name, title, url }: AppNames): ClientTerms['appHeaders'] {
  demand(url === undefined || (/^https?:/i.test(url) && URL.canParse(url)), 'app.url: must be an http or https address')
  const headers: (readonly [string, string])[] = []
  if (name !== undefined) headers.push(['X-Application-Name', asHeaderValue('app.name', name)])
  if (title !== undefined) headers.push(['X-Title', asHeaderValue('app.title', title)])
  if (url !== undefined) headers.push(['HTTP-Referer', asHeaderValue('app.url', url)])
  return headers
}

function checkNames(what: string, given: unknown, names: readonly string[]): void {
  demand(typeof given === 'object' && given !== null, `${what}: must be an object`)
  for (const name of Object.keys(given)) demand(names.includes(name), `${what}: has no ${name}`)
}

function demand(holds: boolean, message: string): asserts holds {
  if (!holds) throw new TypeError(message)
}
