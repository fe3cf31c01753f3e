import { ConfigError } from '../model/errors.ts'

const MAX_KEYS = 16
const MIN_SECRET_BYTES = 32
/** The algorithm of an Ed25519 key in DER (RFC 8410 section 3). */
const ED25519_DER = '300506032b6570'

/** A secret for HS256: whoever checks tokens can make them too. */
export interface SecretSigningKey {
  /** Name of the key in the header of tokens: 1 to 64 printable ASCII characters without space. */
  readonly kid: string
  /** At least 32 random bytes; text is taken as UTF-8. */
  readonly secret: string | Uint8Array
}

/** A private key for EdDSA (Ed25519): it signs, and its public key checks. */
export interface PrivateSigningKey {
  /** Name of the key in the header of tokens: 1 to 64 printable ASCII characters without space. */
  readonly kid: string
  /** PKCS #8 in PEM (`openssl genpkey -algorithm ed25519`), or a JSON Web Key. */
  readonly privateKey: string | OkpKey
}

/** The public half of an EdDSA key whose private one is gone, or elsewhere: it checks and cannot sign. */
export interface PublicSigningKey {
  /** Name of the key in the header of tokens: 1 to 64 printable ASCII characters without space. */
  readonly kid: string
  /** SPKI in PEM (`openssl pkey -pubout`), or a JSON Web Key. */
  readonly publicKey: string | OkpKey
}

/** A key that signs session tokens, or checks those that it signed. */
export type SigningKey = SecretSigningKey | PrivateSigningKey | PublicSigningKey

/** An Ed25519 key as a JSON Web Key (RFC 8037 section 2). Further members are not looked at. */
export interface OkpKey {
  readonly kty?: string | undefined
  readonly crv?: string | undefined
  /** The public key in base64url: 43 characters. */
  readonly x?: string | undefined
  /** The private key in base64url: 43 characters. */
  readonly d?: string | undefined
}

/** A signing key that was checked, in the form in which it is imported. */
export type CheckedKey =
  | { readonly kid: string; readonly alg: 'HS256'; readonly secret: Uint8Array<ArrayBuffer> }
  | { readonly kid: string; readonly alg: 'EdDSA'; readonly x: string; readonly d: string | undefined }
  | { readonly kid: string; readonly alg: 'EdDSA'; readonly pem: string }

/**
 * Checks signing keys as far as that takes no waiting: their number, names, kinds and lengths.
 *
 * @throws {ConfigError} Naming the key by its place, and the rule. No message holds key material.
 */
export function checkSigningKeys(keys: readonly SigningKey[]): readonly CheckedKey[] {
  if (!Array.isArray(keys) || keys.length < 1 || keys.length > MAX_KEYS)
    throw new ConfigError(`sessions.signingKeys: must be a list of 1 to ${MAX_KEYS} keys`)
  const checked = keys.map(checkSigningKey)
  const kids = new Set(checked.map(({ kid }) => kid))
  if (kids.size < keys.length) throw new ConfigError('sessions.signingKeys: each must have its own kid')
  const [first] = keys
  if (first !== undefined && 'publicKey' in first && !('privateKey' in first))
    throw new ConfigError('sessions.signingKeys.0: must be a secret or a private key, for it is the one that signs')
  return checked
}

function checkSigningKey(key: SigningKey, index: number): CheckedKey {
  const at = `sessions.signingKeys.${index}`
  if (typeof key !== 'object' || key === null) throw new ConfigError(`${at}: must be a key`)
  const { kid, secret, privateKey, publicKey } = key as Partial<SecretSigningKey & PrivateSigningKey & PublicSigningKey>
  if (typeof kid !== 'string' || !/^[\x21-\x7e]{1,64}$/.test(kid))
    throw new ConfigError(`${at}.kid: must be 1 to 64 printable ASCII characters without space`)
  if ([secret, privateKey, publicKey].filter((given) => given !== undefined).length !== 1)
    throw new ConfigError(`${at}: must have one of secret, privateKey and publicKey`)
  if (secret !== undefined) return { kid, alg: 'HS256', secret: checkSecret(secret, at) }
  return { kid, alg: 'EdDSA', ...checkEd25519(privateKey ?? publicKey, privateKey !== undefined, at) }
}

function checkSecret(secret: unknown, at: string): Uint8Array<ArrayBuffer> {
  if (typeof secret === 'string' && secret !== secret.trim())
    throw new ConfigError(`${at}.secret: must not begin or end with white space or a newline`)
  const bytes = typeof secret === 'string' ? new TextEncoder().encode(secret) : secret
  if (!(bytes instanceof Uint8Array) || bytes.length < MIN_SECRET_BYTES)
    throw new ConfigError(`${at}.secret: must have at least ${MIN_SECRET_BYTES} bytes`)
  return new Uint8Array(bytes)
}

function checkEd25519(key: unknown, isPrivate: boolean, at: string) {
  const complaint = `${at}.${isPrivate ? 'privateKey' : 'publicKey'}: must be an Ed25519 key, ${
    isPrivate ? 'private, as PKCS #8' : 'public, as SPKI'
  } in PEM or as a JSON Web Key`
  if (typeof key === 'string') {
    const der = readPem(key, isPrivate ? 'PRIVATE KEY' : 'PUBLIC KEY')
    // An outer SEQUENCE, and for a private key its version, stand before the algorithm.
    if (der?.slice(isPrivate ? 10 : 4).startsWith(ED25519_DER) !== true) throw new ConfigError(complaint)
    if (isPrivate) return { pem: key.trim() }
    if (der.length !== 88) throw new ConfigError(complaint)
    return { x: base64urlOfHex(der.slice(24)), d: undefined }
  }
  const { kty, crv, x, d } = (key ?? {}) as OkpKey
  if (kty !== 'OKP' || crv !== 'Ed25519' || !is32Bytes(x)) throw new ConfigError(complaint)
  if (!isPrivate) return { x, d: undefined }
  if (!is32Bytes(d)) throw new ConfigError(complaint)
  return { x, d }
}

function is32Bytes(text: unknown): text is string {
  return typeof text === 'string' && /^[\w-]{42}[AEIMQUYcgkosw048]$/.test(text)
}

/** The bytes of a PEM text in hex; `undefined` where it is none with this label. */
function readPem(text: string, label: string): string | undefined {
  const body = new RegExp(`^\\s*-----BEGIN ${label}-----([\\w+/=\\s]+)-----END ${label}-----\\s*$`).exec(text)?.[1]
  if (body === undefined) return undefined
  try {
    return Array.from(atob(body.replaceAll(/\s/g, '')), (byte) =>
      byte.charCodeAt(0).toString(16).padStart(2, '0'),
    ).join('')
  } catch {
    return undefined
  }
}

function base64urlOfHex(hex: string): string {
  const bytes = Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(at * 2, at * 2 + 2), 16))
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
