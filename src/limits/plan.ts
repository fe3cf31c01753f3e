import type { Bucket } from '../model/gate.ts'
import type { KeyRecord } from '../model/key-record.ts'
import type { Window } from '../model/policy.ts'
import type { PolicyBook } from './policies.ts'

/** What a route counts. Made once, when the route is declared; its identity is its name. */
export interface Charge {
  /** Units per request: a whole number from 0 to 1,000,000,000. */
  readonly cost: number
  /** Policies that the route adds to the key's own, each counted apart under its name. */
  readonly policies: readonly string[]
}

/** What the gate is asked for one key on one route. Good as long as charge and policies are the same. */
export interface Plan {
  readonly charge: Charge
  /** Generation of the policies that it was made from: counts up from 0 in this process. */
  readonly generation: number
  readonly buckets: readonly Bucket[]
  /** Policy of each window, in order of the buckets and their windows. */
  readonly labels: readonly string[]
}

/** What an earlier `requireKey` on the same request has counted already. */
export interface Counted {
  /** Units in the windows of the key's own policies. */
  readonly cost: number
  /** Units in the windows of each policy that a route named. */
  readonly policies: ReadonlyMap<string, number>
}

/**
 * Works out which windows a request of a key faces: those of the key's own policies, on logs of the lineage and
 * of the owner, and those of the route's policies, on logs of their own under the policy's name.
 *
 * The four kinds of log begin with different letters and the free part of each name stands last, so that no two
 * of them can be called the same.
 *
 * @returns The plan; `undefined` when a policy that the key or route names does not exist.
 */
export function planRequest(book: PolicyBook, record: KeyRecord, charge: Charge, counted?: Counted): Plan | undefined {
  const buckets: Bucket[] = []
  const labels: string[] = []

  const add = (id: string, windows: readonly Window[], names: readonly string[], cost: number) => {
    if (windows.length === 0 || (counted !== undefined && cost === 0)) return
    buckets.push({ id, windows, cost })
    labels.push(...names)
  }

  const own = book.resolve(record.policies)
  if (own === undefined) return undefined
  const ownCost = Math.max(0, charge.cost - (counted?.cost ?? 0))
  add(`K:${record.lineage}`, own.perKey, own.labels.slice(0, own.perKey.length), ownCost)
  add(`O:${record.owner}`, own.perOwner, own.labels.slice(own.perKey.length), ownCost)
  for (const name of charge.policies) {
    const policy = book.resolve([name])
    if (policy === undefined) return undefined
    const cost = Math.max(0, charge.cost - (counted?.policies.get(name) ?? 0))
    add(`k:${name}:${record.lineage}`, policy.perKey, policy.labels.slice(0, policy.perKey.length), cost)
    add(`o:${name}:${record.owner}`, policy.perOwner, policy.labels.slice(policy.perKey.length), cost)
  }
  return { charge, generation: book.generation(), buckets, labels }
}
