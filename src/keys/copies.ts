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
  /** Where the last request came from, as far as its connection and headers say: who comes again is not looked at again. */
  source: string | undefined
}

/** Bounds of the copies. */
export interface CopyBounds {
  /** Copies of key records: a whole number from 1 to 10,000,000; default 100,000. The least recently used goes first. */
  readonly maxCopies?: number | undefined
  /** Digests, and ids of keys, remembered as unknown: a whole number from 1 to 10,000,000; default 10,000. */
  readonly maxUnknown?: number | undefined
}

/** How long things may be used in a deployment. */
export interface CopyAges {
  /** A copy, counted from the start of its read (`docs/fence.md`, rule 9): milliseconds. */
  readonly copyMs: number
  /** A copy, while the store is away: milliseconds, at least `copyMs`. */
  readonly staleMs: number
  /** A key that the store did not know: milliseconds; 0 where another process may add keys without being heard. */
  readonly unknownMs: number
}

/** What a key is looked for by: the digests under which it may be stored, or its id. */
export type Sought = { readonly digests: readonly string[] } | { readonly keyId: string }

/** The name that the copy of a key is kept under which is known by its id. No digest has a `#`. */
export function nameOfKey(keyId: string): string {
  return `#${keyId}`
}

/**
 * Copies of key records in this process, each under a name: a digest of its API key, or {@link nameOfKey}. They are
 * never judged here, and never trusted without the gate.
 */
export interface Copies {
  /** The copy under a name, unless it is too old. */
  get(name: string, monotonic: number): Copy | undefined
  /** The copy under a name that is too old to be used, but may be while the store is away. */
  getStale(name: string, monotonic: number): Copy | undefined
  /** Whether the store lately did not know the key of this name. */
  isUnknown(name: string, monotonic: number): boolean
  /**
   * Reads the record from the store, together with whoever asks for the same name meanwhile.
   *
   * @param name - Name under which the copy is kept.
   * @param sought - What the store is asked for.
   * @param notBefore - Only a read numbered higher than this {@link Copies.mark} may be joined (`fence.md`, rule 4).
   * A key that is not found was looked for in a read that began after the call: another process may just have added it.
   *
   * @throws {StoreUnavailableError} When the store fails, is too slow, or returns what is no record.
   */
  read(name: string, sought: Sought, notBefore: number): Promise<Copy | undefined>
  /** Whether a read for this name is in flight that may be joined. */
  isReading(name: string): boolean
  /** Number of the latest read that was begun. */
  mark(): number
  /** Drops one copy. */
  drop(name: string): void
  /** Drops all copies, and what reads in flight bring is not used: some change may have been missed. */
  dropAll(): void
  /** Makes copies of a lineage that are older than a version useless, those in flight too. */
  raise(lineage: string, version: number): void
  /** Drops the memory of unknown keys, that of reads in flight too: a key was added that somebody may have tried before. */
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

  async function readOnce(number: number, name: string, sought: Sought): Promise<Copy | undefined> {
    const begunIn = epoch
    const addedBefore = additions
    const readAt = store.clock.monotonic()
    const record = await find(store, sought)
    if (begunIn !== epoch) return read(name, sought, lastRead)
    const floor = floorAbove(record)
    if (floor !== undefined && number > floor.after) throw new StoreUnavailableError('The store is behind its changes.')
    if (floor !== undefined) return read(name, sought, lastRead)
    if (store.clock.monotonic() - readAt > ages.copyMs) throw new StoreUnavailableError('The key was read too slowly.')
    if (record === undefined) {
      copies.delete(name)
      if (addedBefore === additions && ages.unknownMs > 0) unknown.set(name, readAt)
      return undefined
    }
    if (!isKeyRecord(record) || !isSought(record, sought))
      throw new StoreUnavailableError('The store returned what is not the record of the key that was asked for.')
    const sinceUse = record.lastUsedAt === null ? USE_INTERVAL_MS : store.clock.now() - record.lastUsedAt.getTime()
    const copy: Copy = {
      record: frozen(record),
      readAt,
      plan: undefined,
      nextUseAt: readAt + Math.max(0, USE_INTERVAL_MS - sinceUse),
      refusal: undefined,
      source: undefined,
    }
    copies.set(name, copy)
    unknown.delete(name)
    return copy
  }

  function readToJoin(name: string, notBefore: number): Read | undefined {
    const running = reads.get(name)
    const isCurrent = running?.epoch === epoch && running.additions === additions
    return isCurrent && running.number > notBefore ? running : undefined
  }

  async function join(running: Read, name: string, sought: Sought): Promise<Copy | undefined> {
    const begunBefore = lastRead
    return (await running.result) ?? read(name, sought, begunBefore)
  }

  function read(name: string, sought: Sought, notBefore: number): Promise<Copy | undefined> {
    const running = readToJoin(name, notBefore)
    if (running !== undefined) return join(running, name, sought)
    lastRead += 1
    const number = lastRead
    const result = readOnce(number, name, sought).finally(() => {
      if (reads.get(name)?.number === number) reads.delete(name)
    })
    reads.set(name, { number, epoch, additions, result })
    return result
  }

  function floorAbove(record: KeyRecord | undefined) {
    if (floors.size === 0 || record === undefined) return undefined
    const floor = floors.get(record.lineage)
    return floor !== undefined && record.version < floor.version ? floor : undefined
  }

  function getWithin(name: string, monotonic: number, ageMs: number): Copy | undefined {
    const copy = copies.get(name)
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
    get: (name, monotonic) => getWithin(name, monotonic, ages.copyMs),
    getStale: (name, monotonic) => getWithin(name, monotonic, ages.staleMs),
    isUnknown(name, monotonic) {
      const readAt = unknown.get(name)
      return readAt !== undefined && monotonic - readAt <= ages.unknownMs
    },
    read,
    isReading: (name) => readToJoin(name, 0) !== undefined,
    mark: () => lastRead,
    drop: (name) => void copies.delete(name),
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

function find(store: KeyStore, sought: Sought): Promise<KeyRecord | undefined> {
  return 'keyId' in sought ? store.findById(sought.keyId) : store.findByDigest(sought.digests)
}

function isSought(record: KeyRecord, sought: Sought): boolean {
  return 'keyId' in sought ? record.id === sought.keyId : sought.digests.includes(record.digest)
}

/** Handlers are given parts of a copy: what one of them could change, the next request would be judged by. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const inner of Object.values(value)) frozen(inner)
  return value
}
