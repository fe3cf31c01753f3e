import type { Profile } from './answers/profile.ts'
import type { AccountMode } from './credits/account.ts'
import { type ClaimTerms, createClaims } from './idempotency/claims.ts'
import { ConfigError } from './model/errors.ts'
import type { KeyStore } from './model/key-store.ts'
import type { Ledger } from './model/ledger.ts'
import type { IdempotencyTerms, KeywardOptions } from './options.ts'
import type { Refusals } from './refuse.ts'
import type { Route } from './route.ts'
import { createSecondHalf, type SecondHalf } from './second-half.ts'
import { holdsToken } from './sessions/session-reader.ts'
import { createSweep } from './sweep.ts'

/** Everything about what requests claim and take. */
export interface Exchanges {
  readonly secondHalf: SecondHalf
  /**
   * Makes ready for a route that was declared.
   *
   * @throws {ConfigError} When it takes what the store does not keep.
   */
  expect(route: Route): void
  /** Resolves when what responses came to is written. */
  close(): Promise<void>
}

/** What the composition has already. */
export interface ExchangesRooms {
  readonly options: KeywardOptions
  readonly profile: Profile
  readonly store: KeyStore
  readonly accountMode: AccountMode
  readonly refusals: Refusals
  readonly isServing: () => boolean
  /** Makes a ledger that notices what requests leave. */
  readonly watchLedger: (ledger: Ledger) => Ledger
  /** Name of the field that carries the request id, in lower case. */
  readonly requestIdField: string
}

/** Composes the second half, and the sweep behind it. */
export function composeExchanges(rooms: ExchangesRooms): Exchanges {
  const { options, store, accountMode, refusals } = rooms
  const { credits, idempotency = {} } = options
  const { clock, ledger } = store
  const claimStore = idempotency.store ?? store.claims
  const now = () => clock.now()
  const writes = new Set<Promise<unknown>>()
  const sweep = createSweep(ledger, claimStore, clock, rooms.isServing)
  const freshFields = new Set([rooms.requestIdField])
  if (credits?.header !== undefined) freshFields.add(credits.header.toLowerCase())
  const claims = claimStore && createClaims({ store: claimStore, terms: claimTerms(idempotency), now, freshFields })
  const secondHalf = createSecondHalf({
    refusals,
    claims,
    spending: ledger && { ledger: rooms.watchLedger(ledger), mode: accountMode, now },
    docsUrl: idempotency.docsUrl,
    exchange: {
      observer: options.onEvent,
      isOneDatabase: idempotency.store === undefined,
      creditsHeader: credits?.header,
      showsKey: (text) => rooms.profile.keyFormat.pattern.test(text) || holdsToken(text),
      writes,
    },
  })

  return {
    secondHalf,
    expect(route) {
      if (route.credits !== undefined && ledger === undefined)
        throw new ConfigError('requireKey.credits: takes a store that keeps credits, such as sqlite(…) or postgres(…)')
      if (route.idempotency !== undefined && claims === undefined)
        throw new ConfigError('requireKey.idempotency: takes createKeyward({ idempotency: { store } }) with this store')
      if (route.credits?.leaseMs !== undefined || route.idempotency !== undefined) sweep.start()
    },
    async close() {
      await sweep.close()
      await Promise.allSettled(writes)
    },
  }
}

/** @throws {ConfigError} When a route claims or takes something where no response tells what came of it. */
export function withoutExchange(route: Route): Route {
  if (route.credits === undefined && route.idempotency === undefined) return route
  throw new ConfigError('credits and idempotency take requireKey of an adapter, which sees the response')
}

function claimTerms({ leaseSeconds = 60, ttlSeconds = 86_400, maxPerOwner = 1_000_000 }: IdempotencyTerms): ClaimTerms {
  return { leaseMs: leaseSeconds * 1_000, ttlMs: ttlSeconds * 1_000, maxPerOwner }
}
