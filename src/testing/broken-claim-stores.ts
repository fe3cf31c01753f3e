import type { ClaimStore } from '../model/claim-store.ts'
import type { Clock } from '../model/clock.ts'
import type { Ledger } from '../model/ledger.ts'
import { memory } from '../stores/memory/memory-store.ts'
import type { BrokenStore } from './broken-stores.ts'

const LATER = 'lets another attempt through when a lease has ended, and counts it'
const BYTES = 'returns a response byte for byte, or says that there is none'

/**
 * Stores whose idempotency records are broken on purpose, each with the sentence that finds it out: of `claimStoreContract`,
 * or of `ledgerContract` where a debit is concerned.
 */
export const brokenClaimStores: readonly BrokenStore[] = [
  broken('lets everybody through', 'lets the first claim through, and nobody else while its lease lasts', (claims) => ({
    async claim(request) {
      const outcome = await claims.claim(request)
      return outcome.outcome === 'in_progress' ? { outcome: 'claimed', attempt: 1 } : outcome
    },
  })),

  broken('hides a mismatch', 'refuses another fingerprint, in progress, lapsed or done', (claims) => ({
    async claim(request) {
      const outcome = await claims.claim(request)
      return outcome.outcome === 'mismatch' ? { outcome: 'in_progress' } : outcome
    },
  })),

  broken('holds a claim until it expires', LATER, (claims) => ({
    claim: (request) => claims.claim({ ...request, leaseUntil: request.expiresAt }),
  })),

  broken('counts no attempts', LATER, (claims) => ({
    async claim(request) {
      const outcome = await claims.claim(request)
      return outcome.outcome === 'claimed' ? { ...outcome, attempt: 1 } : outcome
    },
  })),

  broken('completes for an old token', LATER, (claims) => {
    const tokens = newTokens(claims)
    return {
      claim: tokens.claim,
      complete: (completion, closing) =>
        claims.complete({ ...completion, token: tokens.of(completion.id) ?? completion.token }, closing),
    }
  }),

  broken('renews for anybody', 'renews the lease of a claim in progress, for whoever has its token', (claims) => {
    const tokens = newTokens(claims)
    return {
      claim: tokens.claim,
      renew: (id, token, ...instants) => claims.renew(id, tokens.of(id) ?? token, ...instants),
    }
  }),

  broken('renews what is done', 'renews nothing that is done', (claims) => ({
    async renew(...renewal) {
      await claims.renew(...renewal)
      return true
    },
  })),

  broken('never forgets', 'takes a record that has expired for one that is absent', (claims) => {
    let first: Date | undefined
    return {
      claim(request) {
        first ??= request.at
        return claims.claim({ ...request, at: first })
      },
    }
  }),

  broken('keeps what is released', 'forgets a claim that is released, as if it had never been', (claims) => ({
    release(id, token, closing) {
      const [at, expiresAt] = [new Date(0), new Date(8.64e15)]
      return claims.complete({ id, token, answer: null, at, expiresAt }, closing)
    },
  })),

  broken('takes ids whatever their case', 'tells ids apart by their exact text', (claims) => ({
    claim: (request) => claims.claim({ ...request, id: request.id.toLowerCase() }),
  })),

  broken('looks, then claims', 'lets one of 20 claims at once through', (claims) => {
    const known = new Set<string>()
    return {
      async claim(request) {
        const isFree = !known.has(request.id)
        await nextTurn()
        known.add(request.id)
        const outcome = await claims.claim(request)
        return isFree ? { outcome: 'claimed', attempt: 1 } : outcome
      },
    }
  }),

  broken('cuts long responses', BYTES, (claims) => ({
    complete: (completion, closing) =>
      claims.complete({ ...completion, answer: completion.answer?.slice(0, 65_536) ?? null }, closing),
  })),

  broken('takes an empty response for none', BYTES, (claims) => ({
    complete: (completion, closing) =>
      claims.complete({ ...completion, answer: completion.answer?.length === 0 ? null : completion.answer }, closing),
  })),

  broken('reads responses as text', BYTES, (claims) => ({
    complete(completion, closing) {
      const text = completion.answer && new TextDecoder().decode(completion.answer)
      return claims.complete({ ...completion, answer: text === null ? null : new TextEncoder().encode(text) }, closing)
    },
  })),

  broken('keeps responses up to 4 MiB', 'keeps a response of 9 MiB', (claims) => ({
    complete: (completion, closing) =>
      claims.complete({ ...completion, answer: completion.answer?.slice(0, 4_194_304) ?? null }, closing),
  })),

  broken('returns live bytes', 'returns and takes copies of responses', (claims) => {
    const live = new Map<string, Uint8Array | null>()
    return {
      async claim(request) {
        const outcome = await claims.claim(request)
        return outcome.outcome === 'done' ? { ...outcome, answer: live.get(request.id) ?? null } : outcome
      },
      complete(completion, closing) {
        live.set(completion.id, completion.answer)
        return claims.complete(completion, closing)
      },
    }
  }),

  broken('says yes to whoever completes', 'stores a response once, and only for whoever has the token', (claims) => ({
    async complete(completion, closing) {
      await claims.complete(completion, closing)
      return true
    },
  })),

  broken(
    'refuses what comes late',
    'completes a claim whose lease has ended, while nobody else has taken it',
    (claims) => {
      const leases = new Map<string, Date>()
      return {
        claim(request) {
          leases.set(request.id, request.leaseUntil)
          return claims.claim(request)
        },
        complete: async (completion, closing) =>
          completion.at < (leases.get(completion.id) ?? 0) && claims.complete(completion, closing),
      }
    },
  ),

  broken('leaves debits open', 'closes a debit with the claim that it belongs to', (claims) => ({
    complete: (completion) => claims.complete(completion),
  })),

  broken('closes a debit first', 'closes no debit for a token that is not the claim’s own', (claims, ledger) => ({
    async complete(completion, closing) {
      if (closing !== undefined) await ledger.close(closing)
      return claims.complete(completion)
    },
  })),

  broken('rests on the debit', 'completes and releases claims whose debit may not be closed', (claims, ledger) => ({
    async complete(completion, closing) {
      if (closing !== undefined && (await ledger.close(closing)).outcome === 'refused') return false
      return claims.complete(completion)
    },
  })),

  broken(
    'knows nothing of leases of debits',
    'voids the token of a claim whose debit has lapsed; another attempt goes on',
    (_, ledger) => {
      const apart = methodsOf(memory({ losesDataOnExit: true }).claims as ClaimStore)
      return {
        ...apart,
        async complete(completion, closing) {
          const isDone = await apart.complete(completion)
          if (isDone && closing !== undefined) await ledger.close(closing)
          return isDone
        },
      }
    },
  ),

  broken(
    'counts what has expired',
    'counts the records of one owner that have not expired, up to a number',
    (claims) => ({
      countLive: (owner, _, atMost) => claims.countLive(owner, new Date(0), atMost),
    }),
  ),

  broken('removes too early', 'removes records that have expired, so many at a time, and no others', (claims) => ({
    removeExpired: (at, limit) => claims.removeExpired(new Date(at.getTime() + 1), limit),
  })),

  broken('removes all at once', 'removes records that have expired, so many at a time, and no others', (claims) => ({
    removeExpired: (at) => claims.removeExpired(at, 1_000),
  })),

  broken(
    'removes by the first attempt’s end',
    'removes a record that another attempt has prolonged only when that one expires',
    (claims) => {
      const ends = new Map<string, Date>()
      return {
        claim(request) {
          if (!ends.has(request.id)) ends.set(request.id, request.expiresAt)
          return claims.claim({ ...request, expiresAt: ends.get(request.id) ?? request.expiresAt })
        },
      }
    },
  ),
]

function broken(
  name: string,
  caughtBy: string,
  breakIt: (claims: ClaimStore, ledger: Ledger) => Partial<ClaimStore>,
): BrokenStore {
  return {
    name,
    caughtBy,
    create(clock: Clock) {
      const store = memory({ losesDataOnExit: true, clock })
      const claims = methodsOf(store.claims as ClaimStore)
      return { ...store, claims: { ...claims, ...breakIt(claims, store.ledger as Ledger) } }
    },
  }
}

function methodsOf(claims: ClaimStore): ClaimStore {
  return {
    claim: (request) => claims.claim(request),
    renew: (...renewal) => claims.renew(...renewal),
    complete: (...completion) => claims.complete(...completion),
    release: (...release) => claims.release(...release),
    countLive: (...count) => claims.countLive(...count),
    removeExpired: (at, limit) => claims.removeExpired(at, limit),
  }
}

/** Remembers the token of whoever claimed an id last. */
function newTokens(claims: ClaimStore): Pick<ClaimStore, 'claim'> & { of(id: string): string | undefined } {
  const tokens = new Map<string, string>()
  return {
    async claim(request) {
      const outcome = await claims.claim(request)
      if (outcome.outcome === 'claimed') tokens.set(request.id, request.token)
      return outcome
    },
    of: (id) => tokens.get(id),
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}
