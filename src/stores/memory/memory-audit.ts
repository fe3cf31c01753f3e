import { AUDIT_CHAIN_START, type AuditDraft, type AuditEntry, auditPayload } from '../../model/audit-entry.ts'
import type { AuditEnd, AuditLink, AuditPlace, AuditQuery, AuditTrail, PlacedAudit } from '../../model/audit-trail.ts'
import { sha256 } from '../../model/sha256.ts'

const EMPTY: AuditEnd = { sequence: 0, hash: AUDIT_CHAIN_START, reachedAtMs: 0 }

/** An owner's chain: what is left of it, and the last entry that was purged. */
interface Chain {
  anchor: AuditEnd
  /** The latest `at` so far, in milliseconds. */
  reachedAtMs: number
  /** In order of sequence, without gaps; each follows the hash of the one before. */
  entries: Promise<PlacedAudit>[]
}

/** The audit chains of a store in memory. Listing entries of several owners sorts all of them. */
export class MemoryAudit implements AuditTrail {
  readonly #chains = new Map<string, Chain>()

  /** Gives an entry its place at once; its hash follows, because some runtimes hash only asynchronously. */
  append(draft: AuditDraft): void {
    const chain = this.#chains.get(draft.owner) ?? { anchor: EMPTY, reachedAtMs: 0, entries: [] }
    this.#chains.set(draft.owner, chain)
    chain.reachedAtMs = Math.max(chain.reachedAtMs, draft.at.getTime())
    const sequence = chain.anchor.sequence + chain.entries.length + 1
    const previous = chain.entries.at(-1) ?? Promise.resolve(chain.anchor)
    chain.entries.push(link({ ...structuredClone(draft), reachedAt: new Date(chain.reachedAtMs), sequence }, previous))
  }

  /** Resolves when the hashes of everything that was appended to these owners' chains are there. */
  async settled(owners: readonly string[]): Promise<void> {
    await Promise.all(owners.map((owner) => this.#chains.get(owner)?.entries.at(-1)))
  }

  async listAudit(owner: string, afterSequence: number, limit: number): Promise<readonly AuditEntry[]> {
    const entries = await this.#after(owner, afterSequence, limit)
    return entries.map(({ reachedAt: _, ...entry }) => structuredClone(entry))
  }

  async queryAudit(query: AuditQuery): Promise<readonly PlacedAudit[]> {
    const chains = Array.from(this.#chains).filter(([owner]) => query.owner === undefined || owner === query.owner)
    const entries = await Promise.all(chains.flatMap(([, chain]) => chain.entries))
    const found = entries.filter((entry) => fits(entry, query)).sort((one, other) => (isBefore(one, other) ? 1 : -1))
    return structuredClone(found.slice(0, query.limit))
  }

  async appendAudit(drafts: readonly AuditDraft[]): Promise<void> {
    for (const draft of drafts) this.append(draft)
    await this.settled(drafts.map(({ owner }) => owner))
  }

  async listAuditLinks(owner: string, afterSequence: number, limit: number): Promise<readonly AuditLink[]> {
    return (await this.#after(owner, afterSequence, limit)).map((entry) => ({
      sequence: entry.sequence,
      previousHash: entry.previousHash,
      hash: entry.hash,
      payload: auditPayload(entry, JSON.stringify(entry.details), entry.sequence, entry.previousHash),
      atMs: entry.at.getTime(),
      reachedAtMs: entry.reachedAt.getTime(),
    }))
  }

  async findAuditEnds(owner: string) {
    const { anchor = EMPTY, entries = [] } = this.#chains.get(owner) ?? {}
    const last = await entries.at(-1)
    return { anchor, head: last === undefined ? anchor : endAt(last) }
  }

  async listAuditOwners(before: Date, limit: number): Promise<readonly string[]> {
    const owners: string[] = []
    for (const [owner, { entries }] of this.#chains) {
      const oldest = await entries[0]
      if (oldest !== undefined && oldest.reachedAt < before) owners.push(owner)
      if (owners.length === limit) break
    }
    return owners
  }

  purgeAudit: AuditTrail['purgeAudit'] = async ({ owner, before, expectedAnchorSequence, limit }) => {
    const chain = this.#chains.get(owner)
    const oldest = await Promise.all((chain?.entries ?? []).slice(0, limit))
    // Nothing is awaited from here on: of several purges at once, one finds the anchor that it expects.
    const anchor = chain?.anchor ?? EMPTY
    if (anchor.sequence !== expectedAnchorSequence) return { outcome: 'superseded' }
    const young = oldest.findIndex(({ at, reachedAt }) => !(at < before && reachedAt < before))
    const entries = young < 0 ? oldest.length : young
    const last = oldest[entries - 1]
    if (chain === undefined || last === undefined) return { outcome: 'purged', entries: 0, anchor }
    chain.entries = chain.entries.slice(entries)
    chain.anchor = endAt(last)
    return { outcome: 'purged', entries, anchor: chain.anchor }
  }

  async #after(owner: string, afterSequence: number, limit: number): Promise<readonly PlacedAudit[]> {
    const { anchor = EMPTY, entries = [] } = this.#chains.get(owner) ?? {}
    const start = Math.max(0, afterSequence - anchor.sequence)
    return Promise.all(entries.slice(start, start + limit))
  }
}

type Unlinked = Omit<PlacedAudit, 'previousHash' | 'hash'>

async function link(draft: Unlinked, previous: Promise<{ readonly hash: string }>): Promise<PlacedAudit> {
  const { hash: previousHash } = await previous
  const payload = auditPayload(draft, JSON.stringify(draft.details), draft.sequence, previousHash)
  return { ...draft, previousHash, hash: await sha256(payload, 'hex') }
}

function endAt({ sequence, hash, reachedAt }: PlacedAudit): AuditEnd {
  return { sequence, hash, reachedAtMs: reachedAt.getTime() }
}

function fits(entry: PlacedAudit, { keyId, action, from, to, before }: AuditQuery): boolean {
  return (
    (keyId === undefined || entry.keyId === keyId) &&
    (action === undefined || entry.action === action) &&
    (from === undefined || entry.reachedAt >= from) &&
    (to === undefined || entry.reachedAt < to) &&
    (before === undefined || isBefore(entry, before))
  )
}

function isBefore(one: AuditPlace, other: AuditPlace): boolean {
  const [reached, otherReached] = [one.reachedAt.getTime(), other.reachedAt.getTime()]
  if (reached !== otherReached) return reached < otherReached
  return one.owner === other.owner ? one.sequence < other.sequence : one.owner < other.owner
}
