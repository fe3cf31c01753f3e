/** How requests are named. */
export interface RequestIdOptions {
  /** Begins every id that is made here: at most 64 characters of letters, digits, `.`, `_` and `-`. */
  readonly prefix: string
  /** Whether the id that a request brings is kept, if it has 1 to 128 of the same characters. */
  readonly keepIncoming: boolean
}

const WELL_FORMED = /^[A-Za-z0-9._-]{1,128}$/

/**
 * Makes a source of request ids: the prefix and a random UUID (RFC 9562 section 5.4).
 *
 * @returns A function from the request's own id header, where there is one, to the id to use.
 */
export function createRequestIds({ prefix, keepIncoming }: RequestIdOptions): (incoming: string | undefined) => string {
  if (!keepIncoming) return () => prefix + crypto.randomUUID()
  return (incoming) => (incoming !== undefined && WELL_FORMED.test(incoming) ? incoming : prefix + crypto.randomUUID())
}
