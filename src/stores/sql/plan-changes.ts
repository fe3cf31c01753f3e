import type { AuditDraft } from '../../model/audit-entry.ts'
import type { ChangeOutcome, CommitOptions, Fence, KeyChange } from '../../model/key-store.ts'
import type { KeyRow } from './key-row.ts'
import type { TombstoneRow } from './tables.ts'

/** What is stored of the lineages that changes name, and of every key and tombstone that could stand in their way. */
export interface StoredKeys {
  readonly lineages: ReadonlyMap<string, Lineage>
  readonly keys: readonly StoredKey[]
  /** Ids of purged keys. */
  readonly purged: ReadonlySet<string>
}

export interface Lineage {
  readonly owner: string
  readonly version: number
}

/** What must be known of a key to replace or remove it. */
export type StoredKey = Pick<KeyRow, 'id' | 'lineage' | 'digest' | 'owner' | 'name' | 'start'>

/** What is to be written, and what became of each change, in order. */
export interface ChangePlan {
  readonly outcomes: readonly ChangeOutcome[]
  /** Lineages after the changes. */
  readonly lineages: ReadonlyMap<string, Lineage>
  /** Ids of stored rows that go, or make way for a new one. */
  readonly removed: readonly string[]
  readonly rows: readonly KeyRow[]
  readonly tombstones: readonly TombstoneRow[]
  readonly audit: readonly AuditDraft[]
  readonly fences: readonly Fence[]
}

/**
 * Works out what changes make of what is stored, one after the other: all of a change, or nothing of it. Pure; whoever
 * calls it holds the lineages, and lets the unique keys of the tables find out what was taken meanwhile.
 *
 * @param rows - The encoded rows of each change.
 */
export function planChanges(
  stored: StoredKeys,
  changes: readonly KeyChange[],
  rows: readonly (readonly KeyRow[])[],
  { keepFences = false }: CommitOptions,
): ChangePlan {
  const draft = new Draft(stored)
  const outcomes = changes.map((change, index) => draft.apply(change, rows[index] ?? [], keepFences))
  return draft.finish(outcomes)
}

class Draft {
  readonly #stored: ReadonlySet<string>
  readonly #lineages: Map<string, Lineage>
  readonly #raised = new Map<string, Lineage>()
  readonly #keys: Map<string, StoredKey | KeyRow>
  readonly #idsByDigest: Map<string, string>
  readonly #purged: Set<string>
  readonly #touched = new Set<string>()
  readonly #tombstones: TombstoneRow[] = []
  readonly #audit: AuditDraft[] = []
  readonly #fences = new Map<string, Fence>()

  constructor({ lineages, keys, purged }: StoredKeys) {
    this.#stored = new Set(keys.map(({ id }) => id))
    this.#lineages = new Map(lineages)
    this.#keys = new Map(keys.map((key) => [key.id, key]))
    this.#idsByDigest = new Map(keys.map(({ id, digest }) => [digest, id]))
    this.#purged = new Set(purged)
  }

  apply(change: KeyChange, rows: readonly KeyRow[], keepFences: boolean): ChangeOutcome {
    const { owner, lineage, expectedVersion } = change
    const found = this.#lineages.get(lineage) ?? { owner, version: 0 }
    if (found.version !== expectedVersion || found.owner !== owner) return 'superseded'
    const distinct = new Set(rows.map(({ digest }) => digest)).size
    if (distinct < rows.length || rows.some((row) => this.#isTaken(row, lineage))) return 'duplicate'
    const raised = { owner, version: expectedVersion + 1 }
    this.#lineages.set(lineage, raised)
    this.#raised.set(lineage, raised)
    for (const row of rows) this.#put(row)
    for (const id of change.remove) this.#remove(id, change)
    this.#audit.push(change.audit)
    if (keepFences && !change.unseen) this.#fences.set(lineage, { lineage, ...raised })
    return 'committed'
  }

  finish(outcomes: readonly ChangeOutcome[]): ChangePlan {
    const touched = Array.from(this.#touched)
    return {
      outcomes,
      lineages: this.#raised,
      removed: touched.filter((id) => this.#stored.has(id)),
      // What was touched and is there was put, and whole.
      rows: touched.flatMap((id) => (this.#keys.get(id) as KeyRow | undefined) ?? []),
      tombstones: this.#tombstones,
      audit: this.#audit,
      fences: Array.from(this.#fences.values()),
    }
  }

  #isTaken({ id, digest }: KeyRow, lineage: string): boolean {
    const holder = this.#keys.get(id)
    const isElsewhere = holder !== undefined && holder.lineage !== lineage
    return this.#purged.has(id) || isElsewhere || (this.#idsByDigest.get(digest) ?? id) !== id
  }

  #put(row: KeyRow): void {
    this.#forget(row.id)
    this.#keys.set(row.id, row)
    this.#idsByDigest.set(row.digest, row.id)
  }

  #remove(id: string, change: KeyChange): void {
    const key = this.#keys.get(id)
    if (key === undefined || key.lineage !== change.lineage) return
    this.#forget(id)
    this.#purged.add(id)
    const { owner, lineage, name, start } = key
    this.#tombstones.push({ id, owner, lineage, name, start, purged_at: change.audit.at.getTime() })
  }

  #forget(id: string): void {
    const key = this.#keys.get(id)
    if (key !== undefined) this.#idsByDigest.delete(key.digest)
    this.#keys.delete(id)
    this.#touched.add(id)
  }
}
