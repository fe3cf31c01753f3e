import { type Observer, tell } from '../events.ts'
import type { GuardedGate } from '../fleet/guarded-gate.ts'
import type { Lease } from '../fleet/lease.ts'
import { type ManageContext, ownerOf } from '../model/actor.ts'
import { ForbiddenError, NotFoundError, StoreUnavailableError } from '../model/errors.ts'
import { findKey } from '../model/find-key.ts'
import type { KeyStore } from '../model/key-store.ts'
import type { Policy, Window } from '../model/policy.ts'
import { type LimitState, labelled } from './limit-state.ts'
import { planRequest } from './plan.ts'
import { knownPolicy, type PolicyBook } from './policies.ts'

/** A window of a key's own policies, and who shares its count. */
export interface KeyLimit extends LimitState {
  /** The keys of one lineage (`'key'`), or all keys of the owner. */
  readonly per: 'key' | 'owner'
}

/** The policies that keys refer to, and what is used of them. */
export interface Limits {
  /** All policies, in order of name. */
  policies(): Promise<readonly Policy[]>
  /** @throws {NotFoundError} When there is no such policy. */
  policy(name: string): Promise<Policy>
  /**
   * Stores a policy, over whatever had the name: every key that refers to it is judged by it from then on, without
   * losing what was counted.
   *
   * @throws {InvalidInputError} When a name or window breaks a rule.
   * @throws {ForbiddenError} When the actor acts for one owner only: a policy is everybody's.
   * @throws {StoreConflictError} When `context.ifVersion` is not the policy's version, or somebody else was first.
   */
  setPolicy(name: string, windows: readonly Window[], context?: ManageContext): Promise<Policy>
  /**
   * Reads what a key has left in each window of its own policies, without using any.
   *
   * @throws {NotFoundError} When there is no such key, or it is another owner's.
   */
  read(keyId: string, context?: ManageContext): Promise<readonly KeyLimit[]>
}

/** What the room is given by the composition. */
export interface LimitsRooms {
  readonly store: KeyStore
  readonly gate: GuardedGate
  /** Tells other processes of an edit, where there is a channel. */
  readonly lease: Lease | undefined
  readonly policies: PolicyBook
  readonly observer: Observer | undefined
  readonly ready: () => Promise<void>
}

/** How often a key is read for a gate that has no version of it, or a newer one. */
const MAX_READS = 4

/** Creates the room. */
export function createLimits({ store, gate, lease, policies, observer, ready }: LimitsRooms): Limits {
  return {
    async policies() {
      await ready()
      await policies.load()
      return policies.list()
    },
    async policy(name) {
      await ready()
      await policies.load()
      return knownPolicy(policies, name)
    },
    async setPolicy(name, windows, context) {
      await ready()
      if (ownerOf(context?.actor) !== undefined)
        throw new ForbiddenError('A policy is every owner’s: an actor of one owner cannot edit it.')
      const actor = context?.actor?.id ?? null
      const authorship = { actor, address: context?.address ?? null, requestId: context?.requestId ?? null }
      const policy = await policies.set(name, windows, context?.ifVersion, authorship)
      lease?.tell({ type: 'policies' }).catch(() => {})
      tell(observer, {
        type: 'changed',
        action: 'policy.set',
        keyId: null,
        owner: '',
        actor,
        version: policy.version,
        fenced: true,
      })
      return policy
    },
    async read(keyId, context) {
      await ready()
      await policies.load()
      let nonce: string | undefined
      for (let attempt = 0; attempt < MAX_READS; attempt++) {
        const record = await findKey(store, keyId, context?.actor)
        const plan = planRequest(policies, record, { cost: 1, policies: [] })
        if (plan === undefined) throw new NotFoundError('A policy that the key names does not exist.')
        const { owner, lineage, version } = record
        const readAtMs = store.clock.monotonic()
        const answer = await gate.peek({ owner, lineage, version, nonce, buckets: plan.buckets }, readAtMs)
        if ('windows' in answer) {
          const asked = plan.buckets.flatMap(({ windows }) => windows)
          return labelled(answer.windows, plan.labels).map((limit, index) => ({
            ...limit,
            per: asked[index]?.per ?? 'key',
          }))
        }
        nonce = answer.outcome === 'unknown' ? answer.nonce : undefined
      }
      throw new StoreUnavailableError('The store is behind the gate.')
    },
  }
}
