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
}
