import { type Observer, tell } from '../events.ts'
import type { Gate } from '../model/gate.ts'
import type { KeyRecord } from '../model/key-record.ts'
import type { ChangeOutcome, KeyChange, KeyStore } from '../model/key-store.ts'
import type { Copies } from './copies.ts'

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
  /** Fences what is stored already: its first commit may have lost its fence, or its answer. @returns Whether the gate has it. */
  fence(stored: Pick<KeyRecord, 'owner' | 'lineage' | 'version'>): Promise<boolean>
  /** Resolves when no commit is under way. */
  idle(): Promise<void>
}

/** Creates the committer. */
export function createCommitter(
  store: KeyStore,
  gate: Gate,
  copies: Copies,
  ready: () => Promise<void>,
  observer: Observer | undefined,
): Committer {
  const running = new Set<Promise<unknown>>()

  async function fence({ owner, lineage, version }: Pick<KeyRecord, 'owner' | 'lineage' | 'version'>) {
    try {
      await gate.fence(owner, lineage, version)
      return true
    } catch (cause) {
      tell(observer, { type: 'degraded', part: 'gate', cause })
      return false
    }
  }

  async function conclude(change: KeyChange, result: ChangeOutcome): Promise<CommitOutcome> {
    if (result !== 'committed') return { result, fenced: false }
    if (!change.unseen && change.expectedVersion === 0) copies.forgetUnknown()
    const version = change.expectedVersion + 1
    const fenced = change.unseen || (await fence({ owner: change.owner, lineage: change.lineage, version }))
    const { action, keyId, owner, actor } = change.audit
    tell(observer, { type: 'changed', action, keyId, owner, actor, version, fenced })
    return { result, fenced }
  }

  async function commit(changes: readonly KeyChange[]): Promise<readonly CommitOutcome[]> {
    if (changes.length === 0) return []
    const outcomes = await store.commit(changes)
    return Promise.all(changes.map((change, index) => conclude(change, outcomes[index] ?? 'superseded')))
  }

  return {
    ready,
    fence,
    commit(changes) {
      const work = commit(changes)
      running.add(work)
      const done = () => void running.delete(work)
      work.then(done, done)
      return work
    },
    async idle() {
      await Promise.allSettled(running)
    },
  }
}
