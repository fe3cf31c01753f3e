/** A framework whose requests are counted. */
export type Framework = 'express' | 'fastify' | 'hono'

/**
 * What stands in front of the handler: nothing; this library or the least by hand, with three rate headers and a
 * request id; and both once more as a check alone, which leaves nothing on the response.
 */
export type Variant = 'bare' | 'by hand' | 'keyward' | 'by hand, check alone' | 'keyward, check alone'

/** What a server is told when it is started, as JSON. */
export interface ServerOrder {
  readonly framework: Framework
  readonly variant: Variant
  readonly keys: readonly string[]
}

/** The greatest limit that is exact, so that what is measured is the exact window. */
export const LIMIT = 4_096
/** Short enough that all keys together are never limited. */
export const WINDOW_SECONDS = 1
