import * as z from 'zod'
import { createKeyFormat, type KeyFormat } from './credential/key-format.ts'
import type { AccountMode } from './credits/account.ts'
import type { Gate } from './model/gate.ts'
import type { KeyStore } from './model/key-store.ts'
import type { Window } from './model/policy.ts'
import type { KeywardOptions } from './options.ts'

/**
 * What the servers on a store are configured as, as far as whoever manages keys elsewhere (a command line) must do the same.
 * Each serving process leaves it in the store; the last one to start is the one that is read. It holds no secret.
 */
export interface Deployment {
  /** Format of new keys. */
  readonly keyFormat: KeyFormat
  /** Policies that the code defines. */
  readonly policies: Readonly<Record<string, readonly Window[]>>
  /** Names of the policies of a new key that names none. */
  readonly defaultPolicies: readonly string[]
  readonly requireScopes: boolean
  readonly onDelete: 'soft' | 'purge'
  /** Where a key's credits are. */
  readonly account: AccountMode
  /** Credits that a key begins with where its input names none. */
  readonly initialCredits: number
  /** Days after which audit entries are purged: 1 to 3,650. */
  readonly retentionDays: number
  /** Where versions of keys live, and so where a change must be fenced. */
  readonly versions: Gate['versions']
}

const NOTE = 'deployment'

/** Leaves a note of what this process is configured as, unless it is there already. Does nothing in a store without notes. */
export async function noteDeployment(store: KeyStore, deployment: Deployment): Promise<void> {
  const { keyFormat, ...rest } = deployment
  const text = JSON.stringify({ ...rest, keyPrefix: keyFormat.prefix, keyPattern: keyFormat.patternSource })
  if (store.replaceNote !== undefined && (await store.findNote(NOTE)) !== text) await store.replaceNote(NOTE, text)
}

/**
 * Reads what the servers on an open store are configured as; `undefined` where none has served on it yet, or one of a version
 * that says it otherwise.
 */
export async function readDeployment(store: KeyStore): Promise<Deployment | undefined> {
  const read = noteRule.safeParse(await store.findNote(NOTE))
  if (!read.success) return undefined
  const { keyPrefix, keyPattern, ...rest } = read.data
  const keyFormat = formatOf(keyPrefix, keyPattern)
  return keyFormat && { ...rest, keyFormat }
}

/** What a composition comes to. */
export function deploymentOf(
  options: KeywardOptions,
  rest: Pick<Deployment, 'keyFormat' | 'defaultPolicies' | 'versions'>,
): Deployment {
  const { keys, credits } = options
  return {
    ...rest,
    policies: options.limits?.policies ?? {},
    // What a function says of each owner cannot be written down.
    requireScopes: keys?.requireScopes === true,
    onDelete: keys?.onDelete ?? 'soft',
    account: credits?.account ?? 'owner',
    initialCredits: credits?.initial ?? 0,
    retentionDays: options.audit?.retentionDays ?? 90,
  }
}

/** The one format, of the four that a prefix has, whose keys look like that. */
function formatOf(prefix: string, patternSource: string): KeyFormat | undefined {
  return [true, false]
    .flatMap((checksum) => (['base62', 'hex'] as const).map((alphabet) => ({ prefix, alphabet, checksum })))
    .map(createKeyFormat)
    .find((format) => format.patternSource === patternSource)
}

const windowRule = z.object({
  limit: z.int().min(0),
  windowSeconds: z.int().min(1),
  per: z.enum(['key', 'owner']).exactOptional(),
})

const noteRule = z
  .string()
  .max(1_000_000)
  .transform((text, context): unknown => {
    try {
      return JSON.parse(text)
    } catch {
      context.addIssue('is no JSON')
      return z.NEVER
    }
  })
  .pipe(
    z.object({
      keyPrefix: z.string().regex(/^[a-z][a-z0-9_]{0,30}_$/),
      keyPattern: z.string().max(200),
      policies: z.record(z.string(), z.array(windowRule)),
      defaultPolicies: z.array(z.string()),
      requireScopes: z.boolean(),
      onDelete: z.enum(['soft', 'purge']),
      account: z.enum(['owner', 'key']),
      initialCredits: z.int().min(0),
      retentionDays: z.int().min(1).max(3_650),
      versions: z.enum(['process', 'gate', 'store']),
    }),
  )
