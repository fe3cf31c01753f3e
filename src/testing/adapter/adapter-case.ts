import type {
  CreatedKey,
  DenialCode,
  ErrorDetails,
  Identity,
  Keyward,
  KeywardOptions,
  NewKey,
  RouteOptions,
} from '../../index.ts'
import { expectEqual, expectThat } from '../expectations.ts'
import { createTestClock, type TestClock } from '../test-clock.ts'
import { createTestKeyward, type TestKeyward } from '../test-keyward.ts'
import { exchange, type RawExchange, type RawResponse } from './raw-http.ts'

/** What an adapter brings so that the contract can be run against it: a server of its framework. */
export interface AdapterHarness {
  /**
   * Serves the routes at a free port of 127.0.0.1: `requestId(keyward)` before everything, `errorHandler(keyward)`
   * for what is thrown, cannot be parsed, or has no route, and JSON bodies of at most 10,000 bytes read by the
   * framework's own parser, after the guards. A framework that can tell so answers 415 to other media types.
   */
  listen(
    keyward: Keyward,
    routes: readonly ContractRoute[],
  ): Promise<{
    /** TCP port at 127.0.0.1. */
    readonly port: number
    close(): Promise<void>
  }>
}

/** A route that a harness makes of its framework's parts. */
export interface ContractRoute {
  readonly method: 'GET' | 'POST'
  /** Path without parameters. */
  readonly path: string
  /** Options of each `requireKey` in front of the handler, in order; none, and the route is open. */
  readonly guards: readonly RouteOptions[]
  /** Is called with the parsed body (POST) and what `getIdentity` returns. What it throws is thrown by the handler. */
  handle(body: unknown, identity: () => Identity): ContractReply | Promise<ContractReply>
}

/** What a handler answers, to be sent as the framework does: JSON, a redirect, a stream, or by `sendError`. */
export type ContractReply =
  | { readonly json: unknown }
  | { readonly redirect: string }
  | { readonly chunks: readonly string[] }
  | { readonly error: DenialCode; readonly details?: ErrorDetails | undefined }

/** A sentence of the contract and the proof of it. */
export interface AdapterCase {
  readonly name: string
  /** Rejects when the adapter breaks the sentence. */
  run(harness: AdapterHarness): Promise<void>
}

/** What a case begins with. */
export interface SiteOptions extends Partial<Omit<KeywardOptions, 'store'>> {
  /** The store, by the clock that it must tell the time by. Default: one in memory. */
  readonly makeStore?: (clock: TestClock) => KeywardOptions['store']
  /** Puts something of a case's own in the place of parts of the keyward that is served. */
  readonly alter?: (keyward: Keyward) => Keyward
  /** Guards of the route `GET /`; default one that demands nothing but a key. */
  readonly guards?: readonly RouteOptions[]
  /** What the handler of `GET /` does; default it answers the identity. */
  readonly handle?: ContractRoute['handle']
  /** Further routes. */
  readonly routes?: readonly ContractRoute[]
  /** What the key is made of besides the defaults. */
  readonly key?: Partial<NewKey>
}

/** A server with one key, and what a case does with it. */
export interface Site extends TestKeyward {
  readonly key: CreatedKey
  /** Sends `GET /` with header lines as they stand, without line ends; `Host` is added. */
  get(...lines: readonly string[]): Promise<RawResponse>
  /** Sends `GET /` with the key as bearer. */
  getWithKey(...lines: readonly string[]): Promise<RawResponse>
  /** Sends a request with a body, or to another path; `Host` and, for a body, `Content-Length` are added. */
  send(method: string, path: string, lines: readonly string[], body?: string): Promise<RawResponse>
  /** Sends bytes as they are, one character each. One response is awaited for each method. */
  exchange(bytes: string, methods: readonly string[]): Promise<RawExchange>
  /** Throws unless the handlers have run so often since the last question. */
  expectRuns(times: number): void
}

/** Makes a case of a body that is given a server. At its end the key must be nowhere in what came back, and in no event. */
export function adapterCase(name: string, options: SiteOptions, body: (site: Site) => Promise<void>): AdapterCase {
  return { name, run: (harness) => withSite(harness, options, body) }
}

async function withSite(
  harness: AdapterHarness,
  options: SiteOptions,
  body: (site: Site) => Promise<void>,
): Promise<void> {
  const { makeStore, alter, guards, handle, routes: more = [], key: input, ...rest } = options
  const clock = createTestClock()
  const test = createTestKeyward(makeStore === undefined ? rest : { ...rest, store: makeStore(clock) }, clock)
  const key = await test.createKey(input)
  const root: ContractRoute = { method: 'GET', path: '/', guards: guards ?? [{}], handle: handle ?? showIdentity }
  let runs = 0
  const routes = [root, ...more].map(
    (route): ContractRoute => ({
      ...route,
      handle(received, identity) {
        runs += 1
        return route.handle(received, identity)
      },
    }),
  )
  const server = await harness.listen(alter === undefined ? test.keyward : alter(test.keyward), routes)
  let output = ''
  const talk: Site['exchange'] = async (bytes, methods) => {
    const answer = await exchange(server.port, bytes, methods)
    output += answer.text
    return answer
  }
  const send: Site['send'] = async (method, path, lines, sent) => {
    const length = sent === undefined ? [] : [`Content-Length: ${sent.length}`]
    const head = [`${method} ${path} HTTP/1.1`, 'Host: localhost', ...lines, ...length].join('\r\n')
    const [response] = (await talk(`${head}\r\n\r\n${sent ?? ''}`, [method])).responses
    expectThat(response !== undefined, `${method} ${path} got no answer`)
    return response
  }
  try {
    await body({
      ...test,
      key,
      exchange: talk,
      send,
      get: (...lines) => send('GET', '/', lines),
      getWithKey: (...lines) => send('GET', '/', [`Authorization: Bearer ${key.apiKey}`, ...lines]),
      expectRuns(times) {
        expectEqual(runs, times, 'runs of the handler')
        runs = 0
      },
    })
    expectThat(!output.includes(key.apiKey), 'the API key is in a response')
    expectThat(!JSON.stringify(test.events).includes(key.apiKey), 'the API key is in an event')
  } finally {
    await server.close()
    await test.keyward.close()
  }
}

/** Answers what the handler knows of the caller. */
function showIdentity(_body: unknown, identity: () => Identity): ContractReply {
  const { keyId, owner, name, scopes, requestId, attribution, limits } = identity()
  return { json: { keyId, owner, name, scopes, requestId, attribution, limits } }
}

/** A guarded route that answers with the body it was given. */
export const echo: ContractRoute = { method: 'POST', path: '/echo', guards: [{}], handle: (body) => ({ json: body }) }

/** One policy, of 100 requests a minute, for every key. */
export const hundredAMinute: SiteOptions = {
  limits: { policies: { default: [{ limit: 100, windowSeconds: 60 }] } },
}

/** Throws unless a response is a refusal: status, code in the default envelope, request id in header and body, not stored. */
export function expectRefusal(response: RawResponse, status: number, code: string): void {
  expectEqual(response.status, status, `status instead of ${code}`)
  expectEqual(response.field('content-type'), 'application/json; charset=utf-8', 'Content-Type')
  expectEqual(response.field('cache-control'), 'no-store', 'Cache-Control')
  expectEqual(response.field('x-content-type-options'), 'nosniff', 'X-Content-Type-Options')
  const { error } = response.json() as { readonly error: Readonly<Record<string, unknown>> }
  expectEqual(error['code'], code, 'code')
  expectEqual(error['request_id'], response.field('x-request-id'), 'request id in the body')
  expectRequestId(response)
  if (status === 401)
    expectThat(/^Bearer realm="api"/.test(response.field('www-authenticate') ?? ''), 'a 401 without its challenge')
}

/** Throws unless a response names its request. */
export function expectRequestId(response: RawResponse): void {
  const id = response.field('x-request-id') ?? ''
  expectThat(/^req_[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id), `request id "${id}"`)
}
