import type { MaybePromise } from './maybe-promise.ts'

/** What a session token says. Holds no secret; safe to log. */
export interface SessionClaims {
  /** Id of the token (`jti`). */
  readonly id: string
  /** Owner of the key that it was minted from (`sub`). */
  readonly owner: string
  /** Id of the key that it was minted from, and dies with (`key`). */
  readonly keyId: string
  /** Scopes that it was narrowed to; of these the key must still have those that a route demands. */
  readonly scopes: readonly string[]
  /** Instant from which it is no longer good; whole seconds. */
  readonly expiresAt: Date
}

/** A public key of a JSON Web Key Set (RFC 7517, and RFC 8037 section 2 for Ed25519). */
export interface PublicJwk {
  readonly kty: 'OKP'
  readonly crv: 'Ed25519'
  /** The public key in base64url: 43 characters. */
  readonly x: string
  readonly kid: string
  readonly alg: 'EdDSA'
  readonly use: 'sig'
}

/** Public keys by which others check session tokens. */
export interface JsonWebKeySet {
  readonly keys: readonly PublicJwk[]
}

/**
 * Signs session tokens and checks them: `sessions(…)` of `keyward/sessions`. Knows no key record, and makes no request to
 * anybody.
 */
export interface SessionSigner {
  /** The longest that a token may be good for, in seconds: a whole number from 1 to 2,592,000. */
  readonly maxTtlSeconds: number

  /** Makes a token. @param issuedAt - Instant that it is minted at. */
  sign(claims: SessionClaims, issuedAt: Date): Promise<string>

  /**
   * Checks everything that a token alone can tell: signature, type, issuer, audience, times.
   *
   * @param now - Instant to judge against, in milliseconds since the Unix epoch.
   * @returns `undefined` for a token that is not good, whatever is wrong with it.
   */
  verify(token: string, now: number): MaybePromise<SessionClaims | undefined>

  /** The public keys, none of which can sign. Secrets of HS256 are never among them. */
  jwks(): Promise<JsonWebKeySet>
}
