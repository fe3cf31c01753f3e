import { createHash } from 'node:crypto'

/** Owners whose hash is remembered. */
const REMEMBERED = 10_000

/** The names of Redis keys of an owner: all have one hash tag, so that a cluster keeps them in one slot. */
export class OwnerKeys {
  readonly #prefix: string
  #recent = new Map<string, string>()
  #older = new Map<string, string>()

  constructor(prefix: string) {
    this.#prefix = prefix
  }

  /**
   * What the owner's keys begin with: prefix and tag, 16 hexadecimal digits of the SHA-256 of the owner. So a name
   * says nothing of who the owner is and is safe to log, and two owners that share a tag share a slot, not a key:
   * what counts is named after it in full.
   */
  startOf(owner: string): string {
    const known = this.#recent.get(owner)
    if (known !== undefined) return known
    const start = this.#older.get(owner) ?? `${this.#prefix}{${hashOf(owner)}}`
    if (this.#recent.size >= REMEMBERED) {
      this.#older = this.#recent
      this.#recent = new Map()
    }
    this.#recent.set(owner, start)
    return start
  }
}

function hashOf(owner: string): string {
  return createHash('sha256').update(owner).digest('hex').slice(0, 16)
}
