import type { KeyRecord, KeyState } from '../model/key-record.ts'
import { stateOf } from './judge.ts'

/** A key as it is shown: everything of its record but the digest, and its state at this moment. Safe to log. */
export interface Key extends Omit<KeyRecord, 'digest' | 'pepperVersion'> {
  readonly state: KeyState
}

/** A key that was just made. The only place, and the only time, where the API key itself is. */
export interface CreatedKey extends Key {
  /** The whole API key. It is stored nowhere: who loses it needs another one. */
  readonly apiKey: string
}

/** A key that was just rotated: the new one, and what became of the old. */
export interface RotatedKey extends CreatedKey {
  readonly previous: Key
  /** Whether the gate has acknowledged the change. */
  readonly fenced: boolean
}

/** A key that was just changed. */
export interface ChangedKey extends Key {
  /**
   * Whether the gate has acknowledged the change: from then on, no request that begins anywhere is judged by what
   * was before. `false` means that the change is stored, and that the gate will follow.
   */
  readonly fenced: boolean
}

/** Shows a record as it is at an instant, in milliseconds since the Unix epoch. */
export function viewKey(record: KeyRecord, now: number): Key {
  const { digest: _digest, pepperVersion: _pepperVersion, ...rest } = record
  return { ...rest, state: stateOf(record, now) }
}
