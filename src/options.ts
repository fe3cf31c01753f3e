import * as z from 'zod'
import type { Profile } from './answers/profile.ts'
import { checkOptions } from './check-options.ts'
import type { ClientAddressOption } from './credential/client-address.ts'
import type { Pepper } from './credential/digest.ts'
import type { KeyFormat } from './credential/key-format.ts'
import type { Observer } from './events.ts'
import type { CopyBounds } from './keys/copies.ts'
import type { FailedAttemptsOptions } from './limits/failed-attempts.ts'
import { checkDefinedPolicies } from './limits/policies.ts'
import { ConfigError } from './model/errors.ts'
import type { Gate } from './model/gate.ts'
import type { KeyStore } from './model/key-store.ts'
import type { Window } from './model/policy.ts'

/** How keys are made, found and kept. */
export interface KeysOptions {
  /** Formats of keys that are good besides the profile's: older ones, or those of imported keys. At most 8. */
  readonly accept?: readonly Pick<KeyFormat, 'recognises'>[] | undefined
  /** The current pepper and at most the one before it. Default none: digests are plain SHA-256. */
  readonly peppers?: readonly Pepper[] | undefined
  /** Whether a key must have at least one scope, for every owner or as a function of the owner says. Default false. */
  readonly requireScopes?: boolean | ((owner: string) => boolean) | undefined
  /** What deleting a key does: `'soft'` (default) keeps the row for audit, `'purge'` removes it. */
  readonly onDelete?: 'soft' | 'purge' | undefined
  /** Audience that this deployment is: keys that name audiences are good only where this is one of them. */
  readonly audience?: string | undefined
  /** Bounds of the copies in this process. */
  readonly copies?: CopyBounds | undefined
}

/** What is limited. */
export interface LimitsOptions {
  /** Policies by name, each with 1 to 8 windows. A stored policy of the same name wins over one of the code. */
  readonly policies?: Readonly<Record<string, readonly Window[]>> | undefined
  /** Names of the policies of a new key that names none. Default: `default`, if the code has a policy of that name. */
  readonly default?: readonly string[] | undefined
  /** Budget of failed attempts per client address; works once `clientAddress` is set. */
  readonly failedAttempts?: FailedAttemptsOptions | undefined
}

/** Everything that a keyward is made of. Only `store` is required. */
export interface KeywardOptions {
  /** Where key records live: `sqlite('keys.db')` of `keyward/sqlite`, or `memory(…)`. */
  readonly store: KeyStore
  /** Where windows and versions live. Default: this process. */
  readonly gate?: Gate | undefined
  /** Wire format of answers, and the format of new keys. Default: `defaultProfile`. */
  readonly profile?: Profile | undefined
  readonly keys?: KeysOptions | undefined
  readonly limits?: LimitsOptions | undefined
  /**
   * Whose word counts for a client's address: `'peer'`, or a list of trusted proxies. Unset, the peer's address is
   * used where a key asks for one, and failed attempts are not counted.
   */
  readonly clientAddress?: ClientAddressOption | undefined
  /** Is told what happens. */
  readonly onEvent?: Observer | undefined
}

const optionsRule = z.strictObject({
  store: z.custom<KeyStore>(
    (store) => hasMethods(store, ['open', 'findByDigest', 'commit']),
    'must be a store, such as sqlite(…)',
  ),
  gate: z
    .custom<Gate>((gate) => hasMethods(gate, ['admit', 'peek', 'fence']), 'must be a gate, such as memoryGate()')
    .optional(),
  profile: z
    .custom<Profile>((profile) => hasMethods(profile, ['body']), 'must be a profile, such as defaultProfile')
    .optional(),
  keys: z
    .strictObject({
      accept: z
        .array(z.custom<KeyFormat>((format) => hasMethods(format, ['recognises']), 'must be a key format'))
        .max(8)
        .optional(),
      peppers: z.custom<readonly Pepper[]>((peppers) => Array.isArray(peppers), 'must be a list of peppers').optional(),
      requireScopes: z
        .union(
          [z.boolean(), z.custom<(owner: string) => boolean>((value) => typeof value === 'function')],
          'must be true, false or a function',
        )
        .optional(),
      onDelete: z.enum(['soft', 'purge'], "must be 'soft' or 'purge'").optional(),
      audience: z.string().min(1).max(256).optional(),
      copies: z
        .strictObject({ maxCopies: bound(10_000_000).optional(), maxUnknown: bound(10_000_000).optional() })
        .optional(),
    })
    .optional(),
  limits: z
    .strictObject({
      policies: z.record(z.string(), z.array(z.unknown(), 'must be a list of windows')).optional(),
      default: z.array(z.string(), 'must be a list of policy names').max(16).optional(),
      failedAttempts: z
        .strictObject({
          perMinute: bound(1_000_000).optional(),
          lookUpsPerSecond: bound(1_000_000).optional(),
          maxAddresses: bound(10_000_000).optional(),
        })
        .optional(),
    })
    .optional(),
  clientAddress: z.unknown().optional(),
  onEvent: z.custom<Observer>((observer) => typeof observer === 'function', 'must be a function').optional(),
})

/**
 * Checks everything about the options that can be known without I/O, but for what their own rooms check.
 *
 * @throws {ConfigError} Quoting the option and the rule.
 */
export function checkKeywardOptions(options: KeywardOptions): void {
  checkOptions('createKeyward', optionsRule, options)
  checkDefinedPolicies(options.limits?.policies ?? {})
}

/**
 * Names the policies of a key that names none.
 *
 * @throws {ConfigError} When `limits.default` names a policy that is not defined.
 */
export function defaultPolicies(
  names: readonly string[] | undefined,
  defined: Readonly<Record<string, readonly Window[]>>,
): readonly string[] {
  if (names === undefined) return 'default' in defined ? ['default'] : []
  const missing = names.find((name) => !Object.hasOwn(defined, name))
  if (missing !== undefined) throw new ConfigError(`limits.default: "${missing}" must be one of limits.policies`)
  return names
}

function bound(max: number) {
  return z.int('must be a whole number').min(1, 'must be at least 1').max(max, `must be at most ${max}`)
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
  )
}
