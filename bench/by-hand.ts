import { createHash, hash, randomUUID } from 'node:crypto'

/** Header fields of a request that is let in. */
export type HandChecked = readonly (readonly [name: string, value: string])[]

const NO_FIELDS: HandChecked = []

interface Ring {
  readonly times: Float64Array
  head: number
  count: number
}

const digestOf = hash
  ? (key: string) => hash('sha256', key, 'base64url')
  : (key: string) => createHash('sha256').update(key).digest('base64url')

/**
 * Creates the least that checks a key and one exact window: a digest, a map, a ring of instants, and, with fields, four
 * texts. It has no scopes, no expiry, no revocation, no cost, no store and no answer worth the name.
 *
 * @returns A function from the Authorization header to the fields of the response; `undefined` refuses.
 */
export function createHandCheck(
  keys: readonly string[],
  limit: number,
  windowMs: number,
  withFields: boolean,
): (authorization: string | undefined) => HandChecked | undefined {
  const rings = new Map<string, Ring>()
  for (const key of keys) rings.set(digestOf(key), { times: new Float64Array(limit), head: 0, count: 0 })
  const limitText = String(limit)
  return (authorization) => {
    if (authorization?.startsWith('Bearer ') !== true) return undefined
    const ring = rings.get(digestOf(authorization.slice(7)))
    if (ring === undefined) return undefined
    const now = performance.now()
    const { times } = ring
    while (ring.count > 0 && now - times[ring.head]! > windowMs) {
      ring.head = ring.head + 1 === limit ? 0 : ring.head + 1
      ring.count -= 1
    }
    if (ring.count === limit) return undefined
    times[(ring.head + ring.count) % limit] = now
    ring.count += 1
    if (!withFields) return NO_FIELDS
    const resetMs = Date.now() + windowMs - (now - times[ring.head]!)
    return [
      ['X-Request-Id', `req_${randomUUID()}`],
      ['X-RateLimit-Limit', limitText],
      ['X-RateLimit-Remaining', String(limit - ring.count)],
      ['X-RateLimit-Reset', String(Math.ceil(resetMs / 1_000))],
    ]
  }
}
