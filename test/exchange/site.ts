import type { ClaimStore, Clock, CreatedKey, KeyStore, KeywardOptions, Movement, RouteOptions } from 'keyward'
import { createTestClock, createTestKeyward, type TestKeyward } from 'keyward/testing'
import { onTestFinished } from 'vitest'
import type { ExchangeRoute, ExchangeServer, Framework, Received, Sent } from './framework.ts'

/** What a test begins with. */
export interface SiteOptions extends Partial<Omit<KeywardOptions, 'store'>> {
  /** Puts something in the place of parts of the store. */
  readonly alter?: (store: KeyStore) => KeyStore
  /** Credits that the owner has. Default 100. */
  readonly balance?: number
  /** Options of the route `/jobs`. Default idempotency, at 2 credits. */
  readonly route?: RouteOptions
  readonly guards?: readonly RouteOptions[]
  /** The handler of `/jobs`. Default: 201 with a number that counts its runs. */
  readonly handle?: ExchangeRoute['handle']
  readonly routes?: readonly ExchangeRoute[]
}

/** A server, a key, and what a test does with them. */
export interface Site extends TestKeyward {
  readonly key: CreatedKey
  readonly server: ExchangeServer
  /** How often the handlers have run. */
  runs(): number
  /** Posts JSON to `/jobs` with the key, and an idempotency key where one is given. */
  post(body: unknown, idempotencyKey?: string, more?: Partial<Sent> & { readonly apiKey?: string }): Promise<Received>
  balance(): Promise<number>
  /** What was moved, oldest first. */
  movements(): Promise<readonly Pick<Movement, 'kind' | 'amount' | 'shortfall'>[]>
}

/** Sets up a server whose clock the test moves. It is closed when the test has finished. */
export async function openSite(
  framework: Framework,
  createStore: (clock: Clock) => KeyStore,
  options: SiteOptions = {},
): Promise<Site> {
  const { alter, balance = 100, route, guards, handle, routes = [], ...rest } = options
  const clock = createTestClock()
  const store = createStore(clock)
  const test = createTestKeyward({ ...rest, store: alter?.(store) ?? store }, clock)
  const key = await test.createKey()
  if (store.ledger !== undefined && balance > 0)
    await test.keyward.credits.topUp({ owner: 'test' }, { amount: balance })
  let runs = 0
  const jobs: ExchangeRoute = {
    path: '/jobs',
    guards: guards ?? [route ?? { credits: 2, idempotency: {} }],
    handle: handle ?? (() => ({ status: 201, json: { run: runs }, headers: { Location: `/jobs/${runs}` } })),
  }
  const server = await framework.serve(
    test.keyward,
    [jobs, ...routes].map((each) => ({
      ...each,
      handle(body, identity) {
        runs += 1
        return each.handle(body, identity)
      },
    })),
  )
  onTestFinished(async () => {
    await server.close()
    await test.keyward.close()
  })
  return {
    ...test,
    key,
    server,
    runs: () => runs,
    post: (body, idempotencyKey, more = {}) => server.send(jobRequest(key.apiKey, body, idempotencyKey, more)),
    balance: async () => (await test.keyward.credits.get({ owner: 'test' })).balance,
    async movements() {
      const { items } = await test.keyward.credits.movements({ owner: 'test' })
      return items.map(({ kind, amount, shortfall }) => ({ kind, amount, shortfall })).reverse()
    },
  }
}

/** A request to `/jobs`, as JSON unless its headers say otherwise. */
export function jobRequest(
  apiKey: string,
  body: unknown,
  idempotencyKey: string | undefined,
  more: Partial<Sent> & { readonly apiKey?: string } = {},
): Sent {
  const { apiKey: other, headers = [], ...rest } = more
  const isTyped = headers.some(([name]) => name.toLowerCase() === 'content-type')
  const isBytes = typeof body === 'string' || body instanceof Uint8Array || body === undefined
  return {
    path: '/jobs',
    body: isBytes ? body : JSON.stringify(body),
    ...rest,
    headers: [
      ['Authorization', `Bearer ${other ?? apiKey}`],
      ...(isTyped || body === undefined ? [] : [['Content-Type', 'application/json'] as const]),
      ...(idempotencyKey === undefined ? [] : [['Idempotency-Key', idempotencyKey] as const]),
      ...headers,
    ],
  }
}

/** The code of a refusal, in the default profile. */
export function codeOf(response: Received): unknown {
  return (JSON.parse(response.body.toString()) as { readonly error?: { readonly code?: unknown } }).error?.code
}

/** Replaces methods of a store's claims. */
export function withClaims(store: KeyStore, change: (claims: ClaimStore) => Partial<ClaimStore>): KeyStore {
  return withPart(store, 'claims', change)
}

/** Replaces methods of a store's ledger. */
export function withLedger(
  store: KeyStore,
  change: (ledger: NonNullable<KeyStore['ledger']>) => Partial<NonNullable<KeyStore['ledger']>>,
): KeyStore {
  return withPart(store, 'ledger', change)
}

function withPart<Name extends 'claims' | 'ledger'>(
  store: KeyStore,
  name: Name,
  change: (part: NonNullable<KeyStore[Name]>) => Partial<NonNullable<KeyStore[Name]>>,
): KeyStore {
  const part = store[name]
  if (part === undefined) throw new Error(`The store has no ${name}.`)
  const changed = { ...change(part) }
  const altered = new Proxy(part, {
    get: (target, property) => {
      const value: unknown = Reflect.get(changed, property) ?? Reflect.get(target, property)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
  return new Proxy(store, {
    get: (target, property) => {
      if (property === name) return altered
      const value: unknown = Reflect.get(target, property)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
