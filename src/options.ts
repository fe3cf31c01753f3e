import * as z from 'zod'
import { isWebhookUrl, type WebhookOptions } from './alerts/webhook.ts'
import { isWebhookSecret } from './alerts/webhook-signature.ts'
import type { Profile } from './answers/profile.ts'
import { checkOptions } from './check-options.ts'
import type { ClientAddressOption } from './credential/client-address.ts'
import type { Pepper } from './credential/digest.ts'
import type { KeyFormat } from './credential/key-format.ts'
import type { AccountMode } from './credits/account.ts'
import type { Observer } from './events.ts'
import type { CopyAges, CopyBounds } from './keys/copies.ts'
import type { FailedAttemptsOptions } from './limits/failed-attempts.ts'
import { checkDefinedPolicies } from './limits/policies.ts'
import type { Channel } from './model/channel.ts'
import type { ClaimStore } from './model/claim-store.ts'
import { ConfigError } from './model/errors.ts'
import type { Gate } from './model/gate.ts'
import type { KeyStore } from './model/key-store.ts'
import { MAX_CREDITS } from './model/ledger.ts'
import type { Window } from './model/policy.ts'
import type { SessionSigner } from './model/session-signer.ts'

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

/** Whose credits are spent, and who is told what is left. */
export interface CreditsOptions {
  /**
   * Where a key's credits are: in the pool that all keys of its owner share (`'owner'`, default), or in an account of
   * its own (`'key'`), which it shares with what it was rotated from and to. Changing it moves no credits.
   */
  readonly account?: AccountMode | undefined
  /**
   * Credits that a key begins with where its input names none: a whole number from 0 to 2^53 - 1; default 0. Takes
   * `account: 'key'`.
   */
  readonly initial?: number | undefined
  /** Header field that tells what is left, on responses of routes that take credits. Default: none. */
  readonly header?: string | undefined
}

/** How requests with an `Idempotency-Key` are kept. */
export interface IdempotencyTerms {
  /** Where records live. Default: the store itself, where they end in one transaction with credits. */
  readonly store?: ClaimStore | undefined
  /** Seconds for which a response is given again: a whole number from 1 to 2,592,000; default 86,400, a day. */
  readonly ttlSeconds?: number | undefined
  /**
   * Seconds after which a request whose process has died may be run again: a whole number from 5 to 3,600; default 60. A
   * handler that is alive keeps its claim for as long as it runs.
   */
  readonly leaseSeconds?: number | undefined
  /** Records that one owner may have at once, kept within a hundredth: a whole number from 100 to 10,000,000; default 1,000,000. More is 429. */
  readonly maxPerOwner?: number | undefined
  /** Where your API explains the header: a 400 for a request without one says so in `Link`. Default: it does not. */
  readonly docsUrl?: string | undefined
}

/** How long what was done is remembered. */
export interface AuditOptions {
  /** Days after which audit entries are purged: a whole number from 1 to 3,650; default 90. */
  readonly retentionDays?: number | undefined
}

/** What is watched, and who is told of it. */
export interface AlertsOptions {
  /** Where alerts are sent when they are opened and resolved. Default: nowhere but to `onEvent`. */
  readonly webhook?: WebhookOptions | undefined
  /** Days after which a key should be rotated: a whole number from 1 to 3,650; default 90; `false` asks for none. */
  readonly rotationAgeDays?: number | false | undefined
  /** Days before its expiry from which a key is said to end: a whole number from 1 to 365; default 7; `false` says nothing. */
  readonly expiryWithinDays?: number | false | undefined
  /** Whether a key that is used from a new network is told of; works once `clientAddress` is set. Default true. */
  readonly newNetworks?: boolean | undefined
  /** Credits below which a balance is low: a whole number from 1 to 2^53 - 1. Default: nobody is told. */
  readonly creditsBelow?: number | undefined
  /** Requests of a key in 5 minutes at and below which its rate is no spike: a whole number from 1 to 1,000,000,000; default 300. */
  readonly minimumRequests?: number | undefined
  /** Errors of a key in 5 minutes at and below which they are no spike: a whole number from 1 to 1,000,000,000; default 20. */
  readonly minimumErrors?: number | undefined
}

/** What decides while the gate is away, instead of 503 for everybody. */
export interface LocalWindows {
  readonly mode: 'local'
  /** How many instances share each limit: a whole number from 1 to 10,000. Each admits its part, rounded down. */
  readonly instances: number
  /**
   * The oldest copy of a key that may be used meanwhile, in seconds: a whole number from 1 to 60. A key that was revoked
   * elsewhere may pass for so long.
   */
  readonly maxStaleSeconds: number
}

/** What decides while the store is away, for keys whose copy is more than a minute old. */
export interface StaleCopies {
  readonly mode: 'local'
  /** The oldest copy of a key that may be used meanwhile, in seconds: a whole number from 60 to 86,400. The gate still fences it. */
  readonly maxStaleSeconds: number
}

/** How several processes act as one. */
export interface FleetOptions {
  /**
   * Carries what changed from one process to the others at once: `redisChannel(…)` or `postgresChannel(…)`. Optional in
   * strict mode, where it only saves a second read after a change.
   */
  readonly channel?: Channel | undefined
  /**
   * `'strict'` (default): every request asks the gate, so that nothing passes once a change has resolved. `'leased'`: a
   * request that faces no window asks nobody, as long as the channel was heard within the last second; a change reaches
   * other processes in milliseconds, and within a second when the channel is cut.
   */
  readonly revocation?: 'strict' | 'leased' | undefined
  /** Default `'closed'`: 503 while the gate is away. */
  readonly whenGateAway?: 'closed' | LocalWindows | undefined
  /** Default `'closed'`: 503 while the store is away, for keys without a copy that is younger than a minute. */
  readonly whenStoreAway?: 'closed' | StaleCopies | undefined
}

/** Everything that a keyward is made of. Only `store` is required. */
export interface KeywardOptions {
  /** Where key records live: `sqlite('keys.db')`, `postgres(pool)`, `mysql(pool)`, or `memory(…)`. */
  readonly store: KeyStore
  /**
   * Where windows and versions live: `redis(client)` for a fleet. Default: the store's own gate where it has one, as
   * Postgres has; else this process, for a store that one process serves on. MySQL needs one.
   */
  readonly gate?: Gate | undefined
  readonly fleet?: FleetOptions | undefined
  /** Wire format of answers, and the format of new keys. Default: `defaultProfile`. */
  readonly profile?: Profile | undefined
  readonly keys?: KeysOptions | undefined
  /** Signs session tokens and checks them: `sessions(…)` of `keyward/sessions`. Default: there are none. */
  readonly sessions?: SessionSigner | undefined
  readonly limits?: LimitsOptions | undefined
  readonly credits?: CreditsOptions | undefined
  readonly idempotency?: IdempotencyTerms | undefined
  readonly audit?: AuditOptions | undefined
  /** What is watched; `false` watches nothing, and leaves the alerts that are there. Default: all that needs no option. */
  readonly alerts?: AlertsOptions | false | undefined
  /** `false` counts no requests. Default: they are counted, where the store keeps counts. */
  readonly usage?: boolean | undefined
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
  sessions: z
    .custom<SessionSigner>((signer) => hasMethods(signer, ['sign', 'verify', 'jwks']), 'must be sessions(…)')
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
  credits: z
    .strictObject({
      account: z.enum(['owner', 'key'], "must be 'owner' or 'key'").optional(),
      initial: bound(MAX_CREDITS, 0).optional(),
      header: z
        .string()
        .regex(/^[\w!#$%&'*+.^`|~-]{1,64}$/, 'must be the name of a header field of at most 64 characters')
        .optional(),
    })
    .optional(),
  idempotency: z
    .strictObject({
      store: z
        .custom<ClaimStore>((store) => hasMethods(store, ['claim', 'complete', 'release', 'renew']), 'must keep claims')
        .optional(),
      ttlSeconds: bound(2_592_000).optional(),
      leaseSeconds: bound(3_600, 5).optional(),
      maxPerOwner: bound(10_000_000, 100).optional(),
      docsUrl: z
        .string()
        .regex(/^https?:\/\/[\x21-\x3b\x3d\x3f-\x7e]{1,2000}$/, 'must be an address, https://…, in printable ASCII')
        .optional(),
    })
    .optional(),
  fleet: z
    .strictObject({
      channel: z
        .custom<Channel>((channel) => hasMethods(channel, ['open', 'publish', 'close']), 'must be a channel')
        .optional(),
      revocation: z.enum(['strict', 'leased'], "must be 'strict' or 'leased'").optional(),
      whenGateAway: away({ instances: bound(10_000), maxStaleSeconds: bound(60) }),
      whenStoreAway: away({ maxStaleSeconds: bound(86_400, 60) }),
    })
    .refine((fleet) => fleet.revocation !== 'leased' || fleet.channel !== undefined, {
      path: ['channel'],
      message: "is required where revocation is 'leased'",
    })
    .optional(),
  audit: z.strictObject({ retentionDays: bound(3_650).optional() }).optional(),
  alerts: z
    .union([
      z.literal(false),
      z.strictObject({
        webhook: z
          .strictObject({
            url: z
              .string()
              .max(2_048)
              .refine(isWebhookUrl, 'must be https://…, or http://… on this machine, without a password in it'),
            secret: z.string().refine(isWebhookSecret, 'must be whsec_ and 24 to 64 bytes in base64'),
          })
          .optional(),
        rotationAgeDays: bound(3_650).or(z.literal(false)).optional(),
        expiryWithinDays: bound(365).or(z.literal(false)).optional(),
        newNetworks: z.boolean('must be true or false').optional(),
        creditsBelow: bound(MAX_CREDITS).optional(),
        minimumRequests: bound(1_000_000_000).optional(),
        minimumErrors: bound(1_000_000_000).optional(),
      }),
    ])
    .optional(),
  usage: z.boolean('must be true or false').optional(),
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
  if (options.credits?.initial && options.credits.account !== 'key')
    throw new ConfigError("createKeyward.credits.initial: takes account: 'key', because a pool is not a key's own")
  if (options.credits !== undefined && options.store.ledger === undefined)
    throw new ConfigError('createKeyward.credits: takes a store that keeps credits, such as sqlite(…) or postgres(…)')
  if (options.alerts && options.store.alerts === undefined)
    throw new ConfigError('createKeyward.alerts: takes a store that keeps alerts, such as sqlite(…) or postgres(…)')
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

/** The store's own gate, or one of this process, where no gate was given. @throws {ConfigError} When neither will do. */
export function chooseGate({ gate, store }: KeywardOptions, local: () => Gate): Gate {
  if (gate !== undefined) return gate
  if (store.createGate !== undefined) return store.createGate()
  if (store.sharing !== 'serve') return local()
  throw new ConfigError(
    'createKeyward.gate: must be given, because several processes may serve on this store: redis(client), or memoryGate() where one process does',
  )
}

/** How long copies may be used; nobody but a channel or the gate tells of changes that other processes make. */
export function chooseAges({ store, fleet }: KeywardOptions, versions: Gate['versions']): CopyAges {
  const isAlone = versions === 'process' && store.sharing === 'serve'
  const copyMs = isAlone ? UNHEARD_MS : COPY_MS
  const isHeard = fleet?.revocation === 'leased' || (versions === 'process' && !isAlone)
  const away = fleet?.whenStoreAway
  const staleMs = away === undefined || away === 'closed' ? copyMs : away.maxStaleSeconds * 1_000
  return { copyMs, staleMs, unknownMs: isHeard ? UNKNOWN_MS : 0 }
}

/** How long a copy may be used, counted from the start of its read. */
const COPY_MS = 60_000
/** The same where only a read tells of what other processes change: one process serves on a database server. */
const UNHEARD_MS = 1_000
/** How long a digest that the store did not know is remembered as unknown. */
const UNKNOWN_MS = 5_000

function away<T extends z.ZodRawShape>(shape: T) {
  return z
    .union(
      [z.literal('closed'), z.strictObject({ mode: z.literal('local'), ...shape })],
      `must be 'closed' or { mode: 'local', ${Object.keys(shape).join(', ')} } within their ranges`,
    )
    .optional()
}

function bound(max: number, min = 1) {
  return z.int('must be a whole number').min(min, `must be at least ${min}`).max(max, `must be at most ${max}`)
}

function hasMethods(value: unknown, names: readonly string[]): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
  )
}
