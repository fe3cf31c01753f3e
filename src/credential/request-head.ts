/** What the core needs to read of a request: header fields and the peer's address. Adapters bring it. */
export interface RequestHead {
  /** Method as sent, in upper case for every method that HTTP defines. */
  readonly method: string
  /** Path and query as sent; the empty string for what is no HTTP request. */
  readonly target: string
  /** Address of the peer that the connection comes from, where the runtime tells. */
  readonly peerAddress: string | undefined

  /**
   * Value of a field's first line, as sent; `undefined` where there is none. A runtime that joins repeated lines
   * before anybody can see them (fetch) gives the joined value.
   *
   * @param name - Field name in lower case.
   */
  header(name: string): string | undefined

  /**
   * Values of all lines of a field, in order, as sent: for what must not be repeated. A runtime that joins
   * repeated lines gives one value with commas.
   *
   * @param name - Field name in lower case.
   */
  headerLines(name: string): readonly string[]

  /**
   * All lines of some fields as one text, the same for the same lines: what was worked out of them can be remembered
   * by it. The empty string where there is none.
   */
  linesOf(fields: FieldNames): string
}

/** Names of header fields, to be looked for all at once. */
export class FieldNames {
  /** In lower case. */
  readonly names: readonly string[]
  /** A bit for each length and for each first letter of a name: no other field of most requests has both. */
  readonly #lengths: number
  readonly #letters: number

  /** @param names - In lower case. */
  constructor(names: Iterable<string>) {
    this.names = [...new Set(names)]
    this.#lengths = this.names.reduce((bits, { length }) => bits | (1 << length), 0)
    this.#letters = this.names.reduce((bits, name) => bits | (1 << name.charCodeAt(0)), 0)
  }

  /** Whether a name, in any case, is one of them. */
  includes(name: string): boolean {
    // A shift takes five bits of its number: those of a letter are the same in either case.
    if ((this.#lengths & (1 << name.length)) === 0 || (this.#letters & (1 << name.charCodeAt(0))) === 0) return false
    return this.names.includes(name.toLowerCase())
  }
}
