import { LRUCache } from 'lru-cache'
import type { Plan } from '../limits/plan.ts'
import { withinDeadline } from '../model/deadline.ts'
import { StoreUnavailableError } from '../model/errors.ts'
import type { KeyRecord } from '../model/key-record.ts'
import type { KeyStore } from '../model/key-store.ts'
import { isKeyRecord } from './record-shape.ts'
import { USE_INTERVAL_MS } from './uses.ts'

/** How long a copy may be used, counted from the start of its read (`fence.md`, rule 9). */
const COPY_AGE_MS = 60_000
/** How long a digest that the store did not know is remembered as unknown. */
const UNKNOWN_AGE_MS = 5_000
/** How long a read of the store may take before the request that waits for it is answered with 503. */
const READ_DEADLINE_MS = 1_000
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
}

/** Bounds of the copies. */
export interface CopyBounds {
  /** Copies of key records: a whole number from 1 to 10,000,000; default 100,000. The least recently used goes first. */
  readonly maxCopies?: number | undefined
  /** Digests remembered as unknown: a whole number from 1 to 10,000,000; default 10,000. */
  readonly maxUnknown?: number | undefined
}

/** Copies of key records by digest, in this process. They are never judged here, and never trusted without the gate. */
export interface Copies {
  /** The copy under a digest, unless it is too old. */
  get(digest: string, monotonic: number): Copy | undefined
  /** Whether the store lately did not know this digest. */
  isUnknown(digest: string, monotonic: number): boolean
  /**
   * Reads the record from the store, together with whoever asks for the same digest meanwhile.
   *
   * @param digest - Digest under which the copy is kept.
   * @param digests - Digests under which the key may be stored.
   * @param notBefore - Only a read numbered higher than this {@link Copies.mark} may be joined (`fence.md`, rule 4).
   * @throws {StoreUnavailableError} When the store fails, takes longer than a second, or returns what is no record.
   */
  read(digest: string, digests: readonly string[], notBefore: number): Promise<Copy | undefined>
  /** Whether a read of this digest is in flight that may be joined. */
  isReading(digest: string): boolean
  /** Number of the latest read that was begun. */
  mark(): number
  /** Drops one copy. */
  drop(digest: string): void
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
export function createCopies(store: KeyStore, bounds: CopyBounds): Copies {
  const copies = new LRUCache<string, Copy>({ max: bounds.maxCopies ?? 100_000 })
  const unknown = new LRUCache<string, number>({ max: bounds.maxUnknown ?? 10_000 })
  const reads = new Map<string, Read>()
  let lastRead = 0
  let lastPoll = Number.NEGATIVE_INFINITY
  /** Raised by every invalidation: what a read of an older epoch brings is neither kept, nor used, nor joined. */
  let epoch = 0
  /** Raised by every import: a read that began before may be used by those who wait for it, but its miss is not kept. */
  let additions = 0

  async function readOnce(digest: string, digests: readonly string[]): Promise<Copy | undefined> {
    const begunIn = epoch
    const addedBefore = additions
    const readAt = store.clock.monotonic()
    const record = await findByDigest(store, digests)
    if (begunIn !== epoch) return read(digest, digests, lastRead)
    if (store.clock.monotonic() - readAt > COPY_AGE_MS) throw new StoreUnavailableError('The key was read too slowly.')
    if (record === undefined) {
      copies.delete(digest)
      if (addedBefore === additions) unknown.set(digest, readAt)
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

  function read(digest: string, digests: readonly string[], notBefore: number): Promise<Copy | undefined> {
    const running = readToJoin(digest, notBefore)
    if (running !== undefined) return running.result
    lastRead += 1
    const number = lastRead
    const result = readOnce(digest, digests).finally(() => {
      if (reads.get(digest)?.number === number) reads.delete(digest)
    })
    reads.set(digest, { number, epoch, additions, result })
    return result
  }

  return {
    get(digest, monotonic) {
      const copy = copies.get(digest)
      return copy !== undefined && monotonic - copy.readAt <= COPY_AGE_MS ? copy : undefined
    },
    isUnknown(digest, monotonic) {
      const readAt = unknown.get(digest)
      return readAt !== undefined && monotonic - readAt <= UNKNOWN_AGE_MS
    },
    read,
    isReading: (digest) => readToJoin(digest, 0) !== undefined,
    mark: () => lastRead,
    drop: (digest) => void copies.delete(digest),
    forgetUnknown() {
      additions += 1
      unknown.clear()
    },
    poll(monotonic) {
      if (store.changedElsewhere === undefined || monotonic - lastPoll < POLL_INTERVAL_MS) return false
      lastPoll = monotonic
      if (!store.changedElsewhere()) return false
      epoch += 1
      copies.clear()
      unknown.clear()
      return true
    },
    async idle() {
      await Promise.allSettled(Array.from(reads.values(), (running) => running.result))
    },
  }
}

/** Whatever a store fails with, to those who wait it is away. */
async function findByDigest(store: KeyStore, digests: readonly string[]): Promise<KeyRecord | undefined> {
  try {
    return await withinDeadline(store.findByDigest(digests), READ_DEADLINE_MS)
  } catch (cause) {
    throw cause instanceof StoreUnavailableError ? cause : new StoreUnavailableError('The store failed.', { cause })
  }
}

/** Handlers are given parts of a copy: what one of them could change, the next request would be judged by. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  Object.freeze(value)
  for (const inner of Object.values(value)) frozen(inner)
  return value
}
