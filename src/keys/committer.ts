import { type Observer, tell } from '../events.ts'
import type { GuardedGate } from '../fleet/guarded-gate.ts'
import type { Lease } from '../fleet/lease.ts'
import type { ChangeOutcome, Fence, KeyChange, KeyStore } from '../model/key-store.ts'
import type { Copies } from './copies.ts'

/** How many fences of the outbox are written in one go. */
const DRAIN_BATCH = 500

/** What became of a change, and whether the gate knows it. */
export interface CommitOutcome {
  readonly result: ChangeOutcome
  readonly fenced: boolean
}

/** The one way in which keys change: commit, then fence, then tell. */
export interface Committer {
  /** Resolves when the store is open. */
  ready(): Promise<void>
  /** Commits changes in one transaction, and fences each before it resolves. */
  commit(changes: readonly KeyChange[]): Promise<readonly CommitOutcome[]>
  /** Fences what is stored already: its first commit may have lost its fence, or its answer. @returns Whether it is in place. */
  fence(stored: Fence): Promise<boolean>
  /** Writes the fences that are left in the outbox, this process's and others'. Never rejects: what is left waits for the next time. */
  drain(): Promise<void>
  /** Resolves when no commit is under way. */
  idle(): Promise<void>
}

/** What the committer is given by the composition. */
export interface CommitterRooms {
  readonly store: KeyStore
  readonly gate: GuardedGate
  readonly copies: Copies
  readonly ready: () => Promise<void>
  readonly observer: Observer | undefined
  /** Tells other processes, where there is a channel. */
  readonly lease: Lease | undefined
  /** Whether a change is in place only once the channel has taken it as well: other processes trust copies meanwhile. */
  readonly isLeased: boolean
}

/** Creates the committer. */
export function createCommitter(rooms: CommitterRooms): Committer {
  const { store, gate, copies, lease, observer } = rooms
  const running = new Set<Promise<unknown>>()
  /** Whether a fence can be lost: one in this process cannot, and one that is the commit itself cannot either. */
  const keepFences = gate.versions === 'gate' || rooms.isLeased

  function track<T>(work: Promise<T>): Promise<T> {
    running.add(work)
    const done = () => void running.delete(work)
    work.then(done, done)
    return work
  }

  /** @throws {StoreUnavailableError} When the gate, or a channel that others rely on, has not taken it. */
  async function place({ owner, lineage, version }: Fence): Promise<void> {
    if (gate.versions !== 'process') copies.raise(lineage, version)
    await gate.fence(owner, lineage, version)
    const told = lease?.tell({ type: 'key', lineage, version })
    if (rooms.isLeased) await told
    else told?.catch(() => {})
  }

  async function fence(stored: Fence): Promise<boolean> {
    try {
      await place(stored)
      return true
    } catch {
      return false
    }
  }

  async function conclude(change: KeyChange, result: ChangeOutcome): Promise<CommitOutcome> {
    if (result !== 'committed') return { result, fenced: false }
    const isAdded = !change.unseen && change.expectedVersion === 0
    if (isAdded) {
      copies.forgetUnknown()
      await lease?.tell({ type: 'added' }).catch(() => {})
    }
    const version = change.expectedVersion + 1
    const fenced = change.unseen || (await fence({ owner: change.owner, lineage: change.lineage, version }))
    const { action, keyId, owner, actor } = change.audit
    tell(observer, { type: 'changed', action, keyId, owner, actor, version, fenced })
    return { result, fenced }
  }

  async function commit(changes: readonly KeyChange[]): Promise<readonly CommitOutcome[]> {
    if (changes.length === 0) return []
    const committed = await store.commit(changes, { keepFences })
    const outcomes = await Promise.all(
      changes.map((change, index) => conclude(change, committed[index] ?? 'superseded')),
    )
    if (keepFences) {
      const placed = changes.filter(({ unseen }, index) => !unseen && outcomes[index]?.fenced)
      void track(
        forget(placed.map(({ owner, lineage, expectedVersion }) => ({ owner, lineage, version: expectedVersion + 1 }))),
      )
    }
    return outcomes
  }

  /** What could not be removed is placed once more by whoever drains next, which does no harm. */
  async function forget(placed: readonly Fence[]): Promise<void> {
    if (placed.length > 0) await store.removeFences(placed).catch(() => {})
  }

  async function drain(): Promise<void> {
    if (!keepFences) return
    try {
      for (;;) {
        const waiting = await store.listFences(DRAIN_BATCH)
        const placed = await Promise.all(waiting.map(fence))
        await forget(waiting.filter((_, index) => placed[index]))
        if (waiting.length < DRAIN_BATCH || placed.includes(false)) return
      }
    } catch {
      // The store is away, and said so: the next round finds what is left.
    }
  }

  return {
    ready: rooms.ready,
    fence,
    drain: () => track(drain()),
    commit: (changes) => track(commit(changes)),
    async idle() {
      await Promise.allSettled(running)
    },
  }
}
