import { LRUCache } from 'lru-cache'
import { andThen, type MaybePromise } from '../model/maybe-promise.ts'
import type { SessionClaims, SessionSigner } from '../model/session-signer.ts'
import { sha256 } from '../model/sha256.ts'

/** No token is longer; what is, is refused before anything is worked out. */
export const MAX_TOKEN_CHARACTERS = 8_192
/** Tokens whose signature need not be checked again; the least recently used goes first. */
const MAX_VERIFIED = 10_000

/** Reads session tokens, each checked once and then remembered. */
export interface SessionReader {
  /**
   * Checks what a token alone can tell; of its key, nothing.
   *
   * @param now - Instant to judge against, in milliseconds since the Unix epoch.
   * @returns `undefined` for a token that is not good, whatever is wrong with it.
   */
  read(token: string, now: number): MaybePromise<SessionClaims | undefined>
  /**
   * Says whether any word of a header field is a good token, whatever scheme it came with, and however often.
   *
   * @param lines - Value of every line of the field.
   * @param now - Instant to judge against, in milliseconds since the Unix epoch.
   */
  isShown(lines: readonly string[], now: number): MaybePromise<boolean>
}

/**
 * Creates the reader. What is remembered of a token hangs on the SHA-256 of all of it, so that no token is taken for
 * another, and ends with it.
 *
 * @param signer - Without one, no token is good.
 */
export function createSessionReader(signer: SessionSigner | undefined): SessionReader {
  if (signer === undefined) return { read: () => undefined, isShown: () => false }
  const verified = new LRUCache<string, SessionClaims>({ max: MAX_VERIFIED })

  const read: SessionReader['read'] = (token, now) => {
    if (token.length > MAX_TOKEN_CHARACTERS) return undefined
    return andThen(sha256(token, 'base64url'), (digest) => {
      const known = verified.get(digest)
      if (known === undefined)
        return andThen(signer.verify(token, now), (claims) => {
          if (claims !== undefined) verified.set(digest, claims)
          return claims
        })
      if (now < known.expiresAt.getTime()) return known
      verified.delete(digest)
      return undefined
    })
  }

  return {
    read,
    isShown(lines, now) {
      const tokens = lines.flatMap((line) => line.split(/[\s,]+/)).filter(isTokenShaped)
      if (tokens.length === 0) return false
      return Promise.all(tokens.map((token) => read(token, now))).then((found) => found.some((claims) => claims))
    },
  }
}

/** Says whether a text holds a token, ours or anybody's, though its end be cut off: such a text is not kept. */
export function holdsToken(text: string): boolean {
  return /\beyJ[\w-]{8,}\.[\w-]{8,}/.test(text)
}

/**
 * Says whether a credential is meant as a session token: it begins as every JSON Web Token does, and has parts. Such a
 * one is never taken for an API key.
 */
export function isTokenShaped(credential: string): boolean {
  return credential.startsWith('eyJ') && credential.includes('.')
}
