import type { RequestHead } from '../credential/request-head.ts'
import type { MaybePromise } from '../model/maybe-promise.ts'
import { sha256, sha256OfBytes } from '../model/sha256.ts'

/** Names the record of a client's key: nobody else's key has the same, and the key itself is not stored. */
export function claimIdOf(owner: string, lineage: string, key: string): MaybePromise<string> {
  return sha256(JSON.stringify([owner, lineage, key]), 'base64url')
}

/**
 * Tells one request from another: SHA-256 over method, path and query as sent, media type without its parameters, content
 * coding, and the bytes of the body. Two texts of one JSON value are two requests.
 */
export function fingerprintOf(head: RequestHead, body: Uint8Array): MaybePromise<string> {
  const mediaType = (head.header('content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase()
  // The head ends with the only line feed that JSON leaves unescaped, so no part can pass for another.
  const first = `${JSON.stringify([head.method, head.target, mediaType, head.header('content-encoding') ?? ''])}\n`
  return sha256OfBytes([new TextEncoder().encode(first), body])
}
