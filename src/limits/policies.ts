import * as z from 'zod'
import type { AuditDraft } from '../model/audit-entry.ts'
import {
  ConfigError,
  type InputIssue,
  InvalidInputError,
  NotFoundError,
  StoreConflictError,
  StoreUnavailableError,
} from '../model/errors.ts'
import type { KeyStore } from '../model/key-store.ts'
import type { Policy, Window } from '../model/policy.ts'

const MAX_LIMIT = 1_000_000_000
const MAX_WINDOW_SECONDS = 24 * 86_400

/** The rule for a policy's name. */
export const policyName = z
  .string()
  .regex(
    /^[a-z][a-z0-9._-]{0,63}$/,
    'must be 1 to 64 characters of a-z, 0-9, ".", "_" and "-", beginning with a letter',
  )

/** The rule for a policy's windows: 1 to 8 of them. */
const policyWindows = z
  .array(
    z.strictObject({
      limit: z
        .int('must be a whole number')
        .min(0, 'must be at least 0')
        .max(MAX_LIMIT, `must be at most ${MAX_LIMIT}`),
      windowSeconds: z
        .int('must be a whole number of seconds')
        .min(1, 'must be at least 1 second')
        .max(MAX_WINDOW_SECONDS, `must be at most ${MAX_WINDOW_SECONDS} seconds (24 days)`),
      per: z.enum(['key', 'owner']).optional(),
    }),
  )
  .min(1, 'must name at least one window')
  .max(8, 'must name at most 8 windows')

/** What a set of policies comes to: their windows by who shares the count, and each one's policy, in the same order. */
export interface ResolvedPolicies {
  readonly perKey: readonly Window[]
  readonly perOwner: readonly Window[]
  /** Policy of each window: those of `perKey`, then those of `perOwner`. */
  readonly labels: readonly string[]
}

/** The policies of a deployment: those of the code, and over them those that were stored. */
export interface PolicyBook {
  /** Changes whenever any policy does. */
  generation(): number
  /** All policies, in order of name. */
  list(): readonly Policy[]
  get(name: string): Policy | undefined
  /** The windows of several policies; the same value, by identity, until a policy changes. `undefined` when a name is unknown. */
  resolve(names: readonly string[]): ResolvedPolicies | undefined
  /**
   * Reads the stored policies again. What an older read brings later is not used.
   *
   * @throws {StoreUnavailableError} When the store fails, or returns what is no policy; the policies stay as they were.
   */
  load(): Promise<void>
  /** Reads the stored policies again if one of the names is unknown: another process may have stored it. */
  learn(names: readonly string[]): Promise<void>
  /**
   * Stores a policy over whatever had the name.
   *
   * @param expectedVersion - Version that the policy must have; `undefined` replaces any.
   * @throws {InvalidInputError} When a window breaks a rule.
   * @throws {StoreConflictError} When the version is another one.
   */
  set(name: string, windows: readonly Window[], expectedVersion: number | undefined, audit: Authorship): Promise<Policy>
}

/** Who edits a policy, as the audit entry has it. */
export type Authorship = Pick<AuditDraft, 'actor' | 'address' | 'requestId'>

/** Creates the book over the policies that the code defines. */
export function createPolicyBook(store: KeyStore, defined: Readonly<Record<string, readonly Window[]>>): PolicyBook {
  const fromCode = Object.entries(defined).map(
    ([name, windows]): Policy => ({ name, windows, version: 0, updatedAt: null }),
  )
  let current = byName(fromCode)
  let shown = ''
  let resolved = new Map<string, ResolvedPolicies>()
  let generation = 0
  let lastLoad = 0
  let shownLoad = 0

  async function load(): Promise<void> {
    lastLoad += 1
    const number = lastLoad
    const stored = await readPolicies(store)
    if (number < shownLoad) return
    shownLoad = number
    const read = JSON.stringify(stored)
    if (read === shown) return
    shown = read
    current = byName([...fromCode, ...stored])
    resolved = new Map()
    generation += 1
  }

  return {
    generation: () => generation,
    list: () => [...current.values()],
    get: (name) => current.get(name),
    resolve(names) {
      const key = names.join(' ')
      let found = resolved.get(key)
      if (found === undefined) {
        const policies = names.map((name) => current.get(name))
        if (!policies.every((policy) => policy !== undefined)) return undefined
        found = combine(policies)
        resolved.set(key, found)
      }
      return found
    },
    load,
    async learn(names) {
      if (names.some((name) => !current.has(name))) await load()
    },
    async set(name, windows, expectedVersion, authorship) {
      const issues = issuesOf(name, windows)
      if (issues.length > 0) throw new InvalidInputError(issues)
      await load()
      const before = current.get(name)
      if (expectedVersion !== undefined && expectedVersion !== (before?.version ?? 0))
        throw new StoreConflictError('The policy has been changed meanwhile.', 'precondition_failed')
      const at = new Date(store.clock.now())
      const policy: Policy = {
        name,
        windows: windows.map((window) => ({ ...window })),
        version: (before?.version ?? 0) + 1,
        updatedAt: at,
      }
      const details = { name, before: before?.windows ?? null, after: policy.windows }
      const audit: AuditDraft = { action: 'policy.set', owner: '', keyId: null, ...authorship, at, details }
      if (!(await store.setPolicy(policy, audit)))
        throw new StoreConflictError('The policy was changed at the same time.')
      await load()
      return policy
    },
  }
}

/** Checks the policies of the configuration. @throws {ConfigError} Quoting the option and the rule. */
export function checkDefinedPolicies(defined: Readonly<Record<string, readonly Window[]>>): void {
  for (const [name, windows] of Object.entries(defined)) {
    const [issue] = issuesOf(name, windows)
    if (issue !== undefined)
      throw new ConfigError(
        `createKeyward.limits.policies.${[name, ...issue.path.slice(1)].join('.')}: ${issue.message}`,
      )
  }
}

/** @throws {NotFoundError} When there is no such policy. */
export function knownPolicy(book: PolicyBook, name: string): Policy {
  const policy = book.get(name)
  if (policy === undefined) throw new NotFoundError('There is no such policy.')
  return policy
}

function issuesOf(name: string, windows: readonly Window[]): readonly InputIssue[] {
  const badName = policyName.safeParse(name).error?.issues ?? []
  const badWindows = policyWindows.safeParse(windows).error?.issues ?? []
  return [
    ...badName.map(({ message }) => ({ path: ['name'], message })),
    ...badWindows.map(({ path, message }) => ({ path: ['windows', ...path.map(segment)], message })),
  ]
}

function segment(part: PropertyKey): string | number {
  return typeof part === 'symbol' ? part.toString() : part
}

/** A store is somebody else's code: no policy without a window passes for one without a limit. */
async function readPolicies(store: KeyStore): Promise<readonly Policy[]> {
  let stored: readonly Policy[]
  try {
    stored = await store.listPolicies()
  } catch (cause) {
    throw cause instanceof StoreUnavailableError ? cause : new StoreUnavailableError('The store failed.', { cause })
  }
  if (Array.isArray(stored) && stored.every((policy) => issuesOf(policy?.name, policy?.windows).length === 0))
    return stored
  throw new StoreUnavailableError('The store returned what is no policy.')
}

function byName(policies: readonly Policy[]): Map<string, Policy> {
  const found = new Map(policies.map((policy) => [policy.name, policy]))
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

function combine(policies: readonly Policy[]): ResolvedPolicies {
  const windows = policies.flatMap((policy) => policy.windows.map((window) => ({ window, label: policy.name })))
  const perKey = windows.filter(({ window }) => window.per !== 'owner')
  const perOwner = windows.filter(({ window }) => window.per === 'owner')
  return {
    perKey: perKey.map(({ window }) => window),
    perOwner: perOwner.map(({ window }) => window),
    labels: [...perKey, ...perOwner].map(({ label }) => label),
  }
}
