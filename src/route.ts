import * as z from 'zod'
import { checkOptions } from './check-options.ts'
import type { Asked } from './keys/judge.ts'
import { scopeName } from './keys/key-input.ts'
import type { Charge } from './limits/plan.ts'
import { policyName } from './limits/policies.ts'

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
}

/** A route's demands, checked and ready. */
export interface Route {
  readonly asked: Asked
  readonly charge: Charge
}

const rule = z.strictObject({
  scopes: z.array(scopeName).max(100).default([]),
  cost: z
    .int('must be a whole number')
    .min(0, 'must be at least 0')
    .max(1_000_000_000, 'must be at most 1000000000')
    .default(1),
  policies: z.array(policyName).max(8).default([]),
})

/**
 * Checks a route's options, once, when the route is declared.
 *
 * @throws {ConfigError} Quoting the option and the rule.
 */
export function compileRoute(options: RouteOptions, audience: string | undefined, owner?: string): Route {
  const { scopes, cost, policies } = checkOptions('requireKey', rule, options)
  return {
    asked: { scopes: [...new Set(scopes)], audience, address: undefined, owner },
    charge: { cost, policies: [...new Set(policies)] },
  }
}
