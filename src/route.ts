import * as z from 'zod'
import { checkOptions } from './check-options.ts'
import type { CreditsRule } from './credits/spending.ts'
import type { IdempotencyRule } from './idempotency/claims.ts'
import type { Asked } from './keys/judge.ts'
import { scopeName } from './keys/key-input.ts'
import type { Charge } from './limits/plan.ts'
import { policyName } from './limits/policies.ts'
import { MAX_CREDITS } from './model/ledger.ts'
import { OTHER } from './usage/other.ts'

/** Credits of a route whose cost is known only afterwards. */
export interface MeteredCredits {
  /** Credits that are taken before the handler runs: a whole number from 0 to 2^53 - 1. */
  readonly reserve: number
  /**
   * Seconds after which a request whose process has died is closed: a whole number from 5 to 86,400; default 60. A
   * handler that is alive renews it by itself.
   */
  readonly leaseSeconds?: number | undefined
  /** What a request costs whose lease ended: what was taken (`'charge'`, default), or nothing (`'refund'`). */
  readonly afterCrash?: 'charge' | 'refund' | undefined
  /**
   * What `settle` above the reserve comes to: the rest is taken as far as the balance goes, and what is missing is
   * recorded (`'charge'`, default); or no more than the reserve (`'cap'`).
   */
  readonly overshoot?: 'charge' | 'cap' | undefined
}

/** How a route answers a repeated request. */
export interface IdempotencyOptions {
  /** Whether a request without an `Idempotency-Key` is refused. Default false. */
  readonly required?: boolean | undefined
  /**
   * What a handler that fails comes to: its answer is kept and given again (`'store'`, default), because nobody knows what
   * it has done; or the next request runs it again (`'release'`), for handlers that are safe to repeat.
   */
  readonly on5xx?: 'store' | 'release' | undefined
  /**
   * The longest request body that is read, and the longest response body that is kept: a whole number of bytes from 1,024
   * to 8,388,608; default 1,048,576. A longer request is 413; a longer response is sent, and cannot be sent again.
   */
  readonly maxBodyBytes?: number | undefined
  /** Methods that the key counts for; default POST and PATCH. On others it is ignored. */
  readonly methods?: readonly ('POST' | 'PATCH' | 'PUT' | 'DELETE')[] | undefined
}

/** What a route demands of every request. */
export interface RouteOptions {
  /** Scopes that the key must have, all of them. Default none. */
  readonly scopes?: readonly string[] | undefined
  /** Units that a request counts in each window: a whole number from 0 to 1,000,000,000; default 1. */
  readonly cost?: number | undefined
  /**
   * Policies that requests to this route face besides the key's own. Each is counted apart, under its name: routes
   * that name the same policy share its windows.
   */
  readonly policies?: readonly string[] | undefined
  /**
   * Credentials that are good here: API keys, session tokens, or both. Default `['key']`. `'session'` takes a keyward
   * with `sessions`.
   */
  readonly accept?: readonly ('key' | 'session')[] | undefined
  /**
   * Credits that a request takes right before its handler: a number that it costs (0 to 2^53 - 1), or a reserve. A
   * handler that throws, answers 5xx or is left by its client before it has answered costs nothing. Default none.
   */
  readonly credits?: number | MeteredCredits | undefined
  /** Makes requests with an `Idempotency-Key` safe to repeat. Default: the header is ignored. */
  readonly idempotency?: IdempotencyOptions | undefined
  /**
   * How usage calls the route: 1 to 200 characters, none of them a control character, and not `other`. Default: the
   * framework's own pattern with the method, such as `POST /v1/videos/:id`; on fetch, and where there is no framework, none.
   */
  readonly name?: string | undefined
}

/** A route's demands, checked and ready. */
export interface Route {
  readonly asked: Asked
  readonly charge: Charge
  readonly acceptsKeys: boolean
  readonly acceptsSessions: boolean
  /** `undefined` where requests take no credits. */
  readonly credits: CreditsRule | undefined
  /** `undefined` where idempotency keys are ignored. */
  readonly idempotency: IdempotencyRule | undefined
  /** How usage calls it; `undefined` for the framework's own pattern. */
  readonly name: string | undefined
}

const credits = z
  .int('must be a whole number')
  .min(0, 'must be at least 0')
  .max(MAX_CREDITS, 'must be at most 2^53 - 1')

const FIXED = { leaseMs: undefined, afterCrash: 'charge', overshoot: 'charge' } as const

const rule = z.strictObject({
  scopes: z.array(scopeName).max(100).default([]),
  cost: z
    .int('must be a whole number')
    .min(0, 'must be at least 0')
    .max(1_000_000_000, 'must be at most 1000000000')
    .default(1),
  policies: z.array(policyName).max(8).default([]),
  accept: z
    .array(z.enum(['key', 'session'], "must be 'key' or 'session'"))
    .min(1, "must have 'key', 'session' or both")
    .max(2, "must have 'key', 'session' or both")
    .default(['key']),
  credits: z
    .union([
      credits.transform((reserve) => ({ ...FIXED, reserve })),
      z
        .strictObject({
          reserve: credits,
          leaseSeconds: z.int().min(5, 'must be at least 5').max(86_400, 'must be at most 86400').default(60),
          afterCrash: z.enum(['charge', 'refund']).default('charge'),
          overshoot: z.enum(['charge', 'cap']).default('charge'),
        })
        .transform(({ leaseSeconds, ...metered }) => ({ ...metered, leaseMs: leaseSeconds * 1_000 })),
    ])
    .optional(),
  idempotency: z
    .strictObject({
      required: z.boolean().default(false),
      on5xx: z.enum(['store', 'release'], "must be 'store' or 'release'").default('store'),
      maxBodyBytes: z
        .int('must be a whole number')
        .min(1_024, 'must be at least 1024')
        .max(8_388_608, 'must be at most 8388608')
        .default(1_048_576),
      methods: z
        .array(z.enum(['POST', 'PATCH', 'PUT', 'DELETE']))
        .min(1)
        .default(['POST', 'PATCH']),
    })
    .transform((given) => ({ ...given, methods: new Set<string>(given.methods) }))
    .optional(),
  name: z
    .string()
    .regex(/^[^\p{Cc}\p{Cs}]{1,200}$/u, 'must have 1 to 200 characters, none of them a control character')
    .refine((name) => name !== OTHER, "must not be 'other', which is what usage counts together")
    .optional(),
})

/**
 * Checks a route's options, once, when the route is declared.
 *
 * @throws {ConfigError} Quoting the option and the rule.
 */
export function compileRoute(options: RouteOptions, audience: string | undefined, owner?: string): Route {
  const { scopes, cost, policies, accept, credits, idempotency, name } = checkOptions('requireKey', rule, options)
  return {
    asked: { scopes: [...new Set(scopes)], audience, address: undefined, owner, session: undefined },
    charge: { cost, policies: [...new Set(policies)] },
    acceptsKeys: accept.includes('key'),
    acceptsSessions: accept.includes('session'),
    credits,
    idempotency,
    name,
  }
}
