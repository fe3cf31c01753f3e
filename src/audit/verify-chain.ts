import type { AuditEnd, AuditEnds, AuditLink } from '../model/audit-trail.ts'
import { StoreConflictError } from '../model/errors.ts'
import type { KeyStore } from '../model/key-store.ts'
import { sha256 } from '../model/sha256.ts'

/**
 * What is wrong with a link:
 *
 * - `missing`: there is no entry of this sequence, and there must be one.
 * - `edited`: its hash is not that of what is stored.
 * - `out_of_place`: it does not follow the entry before it: entries were reordered, or that one was replaced.
 * - `surplus`: it was purged, or never written, and is there all the same.
 * - `wrong_head`: the store remembers another newest entry than the one that is there.
 */
export type AuditFault = 'missing' | 'edited' | 'out_of_place' | 'surplus' | 'wrong_head'

/** What a verification of an owner's chain came to. */
export interface AuditVerification {
  readonly owner: string
  readonly isIntact: boolean
  /** Sequence of the last entry that was purged; the chain is checked from the next one. 0 where nothing was purged. */
  readonly anchorSequence: number
  /** Sequence of the last entry up to which every link holds. */
  readonly goodThroughSequence: number
  /** Sequence of the newest entry, as the store remembers it. */
  readonly headSequence: number
  /** Hash of the newest entry. Kept elsewhere, it tells a chain that was written anew as a whole from this one. */
  readonly headHash: string
  /** The first link that is broken; `null` where none is. */
  readonly broken: {
    /** Sequence of the entry. */
    readonly sequence: number
    readonly fault: AuditFault
  } | null
}

/** Links that are read at once. */
const BATCH = 500
/** How often a walk that a purge got in the way of begins anew: a purge ends. */
const MAX_ATTEMPTS = 20

/**
 * Walks an owner's chain from its anchor to its head, in batches. What is appended meanwhile is not looked at; a purge
 * under way makes it begin anew.
 *
 * @throws {StoreConflictError} When the chain is being purged all the time.
 */
export async function verifyChain(store: KeyStore, owner: string): Promise<AuditVerification> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const ends = await store.findAuditEnds(owner)
    const { goodThrough, broken } = await walk(store, owner, ends)
    const isMoved = (await store.findAuditEnds(owner)).anchor.sequence !== ends.anchor.sequence
    if (broken !== null && isMoved) continue
    return {
      owner,
      isIntact: broken === null,
      anchorSequence: ends.anchor.sequence,
      goodThroughSequence: goodThrough,
      headSequence: ends.head.sequence,
      headHash: ends.head.hash,
      broken,
    }
  }
  throw new StoreConflictError('The chain is being purged.')
}

interface Walked {
  readonly goodThrough: number
  readonly broken: AuditVerification['broken']
}

async function walk(store: KeyStore, owner: string, { anchor, head }: AuditEnds): Promise<Walked> {
  const fault = (sequence: number, fault: AuditFault): Walked => ({
    goodThrough: previous.sequence,
    broken: { sequence, fault },
  })
  let previous = anchor
  const [oldest] = await store.listAuditLinks(owner, 0, 1)
  if (oldest !== undefined && oldest.sequence <= anchor.sequence) return fault(oldest.sequence, 'surplus')
  while (previous.sequence < head.sequence) {
    const wanted = Math.min(BATCH, head.sequence - previous.sequence)
    const links = await store.listAuditLinks(owner, previous.sequence, wanted)
    if (links.length === 0) return fault(previous.sequence + 1, 'missing')
    for (const link of links) {
      const found = await faultOf(link, previous)
      if (found !== undefined) return fault(previous.sequence + 1, found)
      previous = link
    }
  }
  const isHead = previous.hash === head.hash && previous.reachedAtMs === head.reachedAtMs
  if (!isHead || previous.sequence !== head.sequence) return fault(head.sequence, 'wrong_head')
  return (await isBeyond(store, owner, head))
    ? fault(head.sequence + 1, 'surplus')
    : { goodThrough: head.sequence, broken: null }
}

async function faultOf(link: AuditLink, previous: AuditEnd): Promise<AuditFault | undefined> {
  if (link.sequence > previous.sequence + 1) return 'missing'
  if (link.previousHash !== previous.hash) return 'out_of_place'
  if (link.payload === undefined || (await sha256(link.payload, 'hex')) !== link.hash) return 'edited'
  return link.reachedAtMs === Math.max(link.atMs, previous.reachedAtMs) ? undefined : 'edited'
}

/** Whether there are entries after the newest, and the head did not move on meanwhile. */
async function isBeyond(store: KeyStore, owner: string, head: AuditEnd): Promise<boolean> {
  const [next] = await store.listAuditLinks(owner, head.sequence, 1)
  return next !== undefined && (await store.findAuditEnds(owner)).head.sequence <= head.sequence
}
