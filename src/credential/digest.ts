import { ConfigError } from '../model/errors.ts'
import { andThen, type MaybePromise } from '../model/maybe-promise.ts'
import { sha256 } from '../model/sha256.ts'

/** A secret, kept outside the store, that digests are keyed with. */
export interface Pepper {
  /** A whole number from 1. Stored beside each digest; never used again for another secret. */
  readonly version: number
  /** At least 32 bytes in UTF-8, without white space at either end. */
  readonly secret: string
}

/** Turns API keys into the digests under which they are stored. It shows no pepper to whoever prints it. */
export interface Digester {
  /** Version of the pepper that new digests are made with; 0 without one. */
  readonly pepperVersion: number
  /** Digest for a key that is about to be stored. */
  digest(apiKey: string): MaybePromise<string>
  /** Digests under which a key may be stored, the current one first: one without peppers, else two. */
  candidates(apiKey: string): MaybePromise<readonly string[]>
  /** Keys an unpeppered digest, an imported one say, with the current pepper. */
  pepperDigest(digest: string): MaybePromise<string>
}

/**
 * Digests an API key: its SHA-256, as base64url without padding (43 characters), keyed if a pepper is given.
 *
 * A peppered digest is SHA-256(secret ‖ d), where d is the unpeppered digest. That is a sound keyed hash here, at
 * half the price of HMAC (RFC 2104): d always has 43 characters, so under one secret every input has the same
 * length and none is the beginning of another, and the extension of one input is never itself an input. Since it
 * starts from d, a pepper can be put on digests whose keys nobody has any more.
 */
export function digestApiKey(apiKey: string, pepper?: Pepper): MaybePromise<string> {
  const digest = sha256(apiKey, 'base64url')
  return pepper === undefined ? digest : andThen(digest, (plain) => keyed(plain, pepper))
}

/**
 * Makes a digester. The pepper of the highest version is the current one; the one before it is still looked up,
 * so that keys work while they are moved. With a single pepper, digests without any are looked up too.
 *
 * @param peppers - At most two; none by default.
 * @throws {ConfigError} When a pepper breaks a rule. The message holds no secret.
 */
export function createDigester(peppers: readonly Pepper[] = []): Digester {
  checkPeppers(peppers)
  const [current, previous] = peppers.toSorted((one, other) => other.version - one.version)
  if (current === undefined) {
    return {
      pepperVersion: 0,
      digest: (apiKey) => digestApiKey(apiKey),
      candidates: (apiKey) => andThen(digestApiKey(apiKey), (digest) => [digest]),
      pepperDigest: (digest) => digest,
    }
  }
  return {
    pepperVersion: current.version,
    digest: (apiKey) => digestApiKey(apiKey, current),
    candidates: (apiKey) =>
      andThen(digestApiKey(apiKey), (plain) =>
        andThen(keyed(plain, current), (newer) =>
          andThen(previous === undefined ? plain : keyed(plain, previous), (older) => [newer, older]),
        ),
      ),
    pepperDigest: (digest) => keyed(digest, current),
  }
}

/**
 * Reads the SHA-256 of an API key as another system stored it: 64 characters of hex in either case, or base64 or
 * base64url with or without its `=`.
 *
 * @returns The digest as it is stored here (base64url, 43 characters), or `undefined` when the text is none, or
 * is not the one way to write it (bits set after the 256th).
 */
export function importDigest(text: string): string | undefined {
  if (HEX.test(text)) return base64url(text)
  return BASE64.test(text) || BASE64URL.test(text)
    ? text.slice(0, 43).replaceAll('+', '-').replaceAll('/', '_')
    : undefined
}

const HEX = /^[0-9A-Fa-f]{64}$/
// 256 bits are 42 characters and 4 bits: the last character must end in two zero bits.
const BASE64 = /^[0-9A-Za-z+/]{42}[AEIMQUYcgkosw048]=?$/
const BASE64URL = /^[0-9A-Za-z_-]{42}[AEIMQUYcgkosw048]=?$/

function keyed(digest: string, pepper: Pepper): MaybePromise<string> {
  return sha256(pepper.secret + digest, 'base64url')
}

function checkPeppers(peppers: readonly Pepper[]): void {
  if (peppers.length > 2) {
    throw new ConfigError('peppers has more than 2 members: it must hold the current one and at most the one before.')
  }
  const encoder = new TextEncoder()
  for (const { version, secret } of peppers) {
    if (!Number.isSafeInteger(version) || version < 1) {
      throw new ConfigError(`peppers has version ${version}: it must be a whole number from 1.`)
    }
    if (peppers.filter((other) => other.version === version).length > 1) {
      throw new ConfigError(`peppers has version ${version} twice: each version must be there once.`)
    }
    if (typeof secret !== 'string' || encoder.encode(secret).length < 32) {
      throw new ConfigError(`peppers version ${version}: the secret must have at least 32 bytes.`)
    }
    if (secret !== secret.trim()) {
      throw new ConfigError(
        `peppers version ${version}: the secret must not begin or end with white space or a newline.`,
      )
    }
  }
}

function base64url(hex: string): string {
  const bytes = Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16))
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
