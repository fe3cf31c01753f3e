import { LRUCache } from 'lru-cache'
import type { Plan } from '../limits/plan.ts'
import type { Refusal } from '../limits/remembered-refusal.ts'
import { StoreUnavailableError } from '../model/errors.ts'
import type { KeyRecord } from '../model/key-record.ts'
import type { KeyStore } from '../model/key-store.ts'
import { isKeyRecord } from './record-shape.ts'
import { USE_INTERVAL_MS } from './uses.ts'

/** The most versions that are remembered so that older copies are not used; above it all copies are dropped instead. */
const MAX_FLOORS = 10_000
/** How often a store that other processes may change is asked whether they did. */
const POLL_INTERVAL_MS = 5

/** A copy of a key record, with what was worked out from it. */
export interface Copy {
  readonly record: KeyRecord
  /** Start of the read that it came from, on the monotonic clock. */
  readonly readAt: number
  /** What the gate is asked for this key; rebuilt when the route or a policy is another one. */
  plan: Plan | undefined
  /** Monotonic instant from which a use is worth noting again. */
  nextUseAt: number
  /** The last refusal of a gate on a server, while asking again is no use. */
  refusal: Refusal | undefined
}

/** Bounds of the copies. */
export interface CopyBounds {
  /** Copies of key records: a whole number from 1 to 10,000,000; default 100,000. The least recently used goes first. */
  readonly maxCopies?: number | undefined
  /** Digests remembered as unknown: a whole number from 1 to 10,000,000; default 10,000. */
  readonly maxUnknown?: number | undefined
}

/** How long things may be used in a deployment. */
export interface CopyAges {
  /** A copy, counted from the start of its read (`docs/fence.md`, rule 9): milliseconds. */
  readonly copyMs: number
  /** A copy, while the store is away: milliseconds, at least `copyMs`. */
  readonly staleMs: number
  /** A digest that the store did not know: milliseconds; 0 where another process may add keys without being heard. */
  readonly unknownMs: number
}

/** Copies of key records by digest, in this process. They are never judged here, and never trusted without the gate. */
export interface Copies {
  /** The copy under a digest, unless it is too old. */
  get(digest: string, monotonic: number): Copy | undefined
  /** The copy under a digest that is too old to be used, but may be while the store is away. */
  getStale(digest: string, monotonic: number): Copy | undefined
  /** Whether the store lately did not know this digest. */
  isUnknown(digest: string, monotonic: number): boolean
  /**
   * Reads the record from the store, together with whoever asks for the same digest meanwhile.
   *
   * @param digest - Digest under which the copy is kept.
   * @param digests - Digests under which the key may be stored.
   * @param notBefore - Only a read numbered higher than this {@link Copies.mark} may be joined (`fence.md`, rule 4).
   * A key that is not found was looked for in a read that began after the call: another process may just have added it.
   *
   * @throws {StoreUnavailableError} When the store fails, is too slow, or returns what is no record.
   */
  read(digest: string, digests: readonly string[], notBefore: number): Promise<Copy | undefined>
  /** Whether a read of this digest is in flight that may be joined. */
  isReading(digest: string): boolean
  /** Number of the latest read that was begun. */
  mark(): number
  /** Drops one copy. */
  drop(digest: string): void
  /** Drops all copies, and what reads in flight bring is not used: some change may have been missed. */
  dropAll(): void
  /** Makes copies of a lineage that are older than a version useless, those in flight too. */
  raise(lineage: string, version: number): void
  /** Drops the memory of unknown digests, that of reads in flight too: a key was added that somebody may have tried before. */
  forgetUnknown(): void
  /** Drops everything when another process has changed the store. @returns Whether it did. */
  poll(monotonic: number): boolean
  /** Resolves when no read is in flight. */
  idle(): Promise<void>
}

interface Read {
  readonly number: number
  readonly epoch: number
  readonly additions: number
  readonly result: Promise<Copy | undefined>
}

/** Creates the copies over a store. */
export function createCopies(store: KeyStore, bounds: CopyBounds, ages: CopyAges): Copies {
  const copies = new LRUCache<string, Copy>({ max: bounds.maxCopies ?? 100_000 })
  const unknown = new LRUCache<string, number>({ max: bounds.maxUnknown ?? 10_000 })
  const reads = new Map<string, Read>()
  /** Versions below which copies are stale, by lineage, with the latest read that was begun before each was told. */
  let floors = new Map<string, { readonly version: number; readonly after: number }>()
  let lastRead = 0
  let lastPoll = Number.NEGATIVE_INFINITY
  /** Raised by every invalidation: what a read of an older epoch brings is neither kept, nor used, nor joined. */
  let epoch = 0
  /** Raised by every import: a read that began before may be used by those who wait for it, but its miss is not kept. */
  let additions = 0

  async function readOnce(number: number, digest: string, digests: readonly string[]): Promise<Copy | undefined> {
    const begunIn = epoch
    const addedBefore = additions
    const readAt = store.clock.monotonic()
    const record = await store.findByDigest(digests)
    if (begunIn !== epoch) return read(digest, digests, lastRead)
    const floor = floorAbove(record)
    if (floor !== undefined && number > floor.after) throw new StoreUnavailableError('The store is behind its changes.')
    if (floor !== undefined) return read(digest, digests, lastRead)
    if (store.clock.monotonic() - readAt > ages.copyMs) throw new StoreUnavailableError('The key was read too slowly.')
    if (record === undefined) {
      copies.delete(digest)
      if (addedBefore === additions && ages.unknownMs > 0) unknown.set(digest, readAt)
      return undefined
    }
    if (!isKeyRecord(record) || !digests.includes(record.digest))
      throw new StoreUnavailableError('The store returned what is not the record of the key that was asked for.')
    const sinceUse = record.lastUsedAt === null ? USE_INTERVAL_MS : store.clock.now() - record.lastUsedAt.getTime()
    const copy: Copy = {
      record: frozen(record),
      readAt,
      plan: undefined,
      nextUseAt: readAt + Math.max(0, USE_INTERVAL_MS - sinceUse),
      refusal: undefined,
    }
    copies.set(digest, copy)
    unknown.delete(digest)
    return copy
  }

  function readToJoin(digest: string, notBefore: number): Read | undefined {
    const running = reads.get(digest)
    const isCurrent = running?.epoch === epoch && running.additions === additions
    return isCurrent && running.number > notBefore ? running : undefined
  }

  async function join(running: Read, digest: string, digests: readonly string[]): Promise<Copy | undefined> {
    const begunBefore = lastRead
    return (await running.result) ?? read(digest, digests, begunBefore)
  }

  function read(digest: string, digests: readonly string[], notBefore: number): Promise<Copy | undefined> {
    const running = readToJoin(digest, notBefore)
    if (running !== undefined) return join(running, digest, digests)
    lastRead += 1
    const number = lastRead
    const result = readOnce(number, digest, digests).finally(() => {
      if (reads.get(digest)?.number === number) reads.delete(digest)
    })
    reads.set(digest, { number, epoch, additions, result })
    return result
  }

  function floorAbove(record: KeyRecord | undefined) {
    if (floors.size === 0 || record === undefined) return undefined
    const floor = floors.get(record.lineage)
    return floor !== undefined && record.version < floor.version ? floor : undefined
  }

  function getWithin(digest: string, monotonic: number, ageMs: number): Copy | undefined {
    const copy = copies.get(digest)
    if (copy === undefined || monotonic - copy.readAt > ageMs || floorAbove(copy.record) !== undefined) return undefined
    return copy
  }

  function dropAll(): void {
    epoch += 1
    copies.clear()
    unknown.clear()
    floors = new Map()
  }

  return {
    get: (digest, monotonic) => getWithin(digest, monotonic, ages.copyMs),
    getStale: (digest, monotonic) => getWithin(digest, monotonic, ages.staleMs),
    isUnknown(digest, monotonic) {
      const readAt = unknown.get(digest)
      return readAt !== undefined && monotonic - readAt <= ages.unknownMs
    },
    read,
    isReading: (digest) => readToJoin(digest, 0) !== undefined,
    mark: () => lastRead,
    drop: (digest) => void copies.delete(digest),
    dropAll,
    raise(lineage, version) {
      if (floors.size >= MAX_FLOORS) dropAll()
      else if (version > (floors.get(lineage)?.version ?? 0)) floors.set(lineage, { version, after: lastRead })
    },
    forgetUnknown() {
      additions += 1
      unknown.clear()
    },
    poll(monotonic) {
      if (store.changedElsewhere === undefined || monotonic - lastPoll < POLL_INTERVAL_MS) return false
      lastPoll = monotonic
      if (!store.changedElsewhere()) return false
      dropAll()
      return true
    },
    async idle() {
      await Promise.allSettled(Array.from(reads.values(), (running) => running.result))
    },
  }
}

/** Handlers are given parts of a copy: what one of them could change, the next request would be judged by. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const inner of Object.values(value)) frozen(inner)
  return value
}
