import { exportJWK, importJWK, importPKCS8 } from 'jose'
import { ConfigError } from '../model/errors.ts'
import type { PublicJwk } from '../model/session-signer.ts'
import type { CheckedKey } from './signing-key.ts'

/** A signing key, ready. */
export interface ImportedKey {
  /** `undefined` for one that only checks. */
  readonly signWith: CryptoKey | undefined
  readonly checkWith: CryptoKey
  /** `undefined` for a secret. */
  readonly publicJwk: PublicJwk | undefined
}

/** Imports a checked key. @throws {ConfigError} When the runtime cannot read it, or its two halves do not belong together. */
export async function importSigningKey(key: CheckedKey): Promise<ImportedKey> {
  if (key.alg === 'HS256') {
    const algorithm = { name: 'HMAC', hash: 'SHA-256' }
    const secret = await crypto.subtle.importKey('raw', key.secret, algorithm, false, ['sign', 'verify'])
    return { signWith: secret, checkWith: secret, publicJwk: undefined }
  }
  try {
    const { x, d } = 'pem' in key ? await readPrivatePem(key.pem) : key
    const publicJwk: PublicJwk = { kty: 'OKP', crv: 'Ed25519', x, kid: key.kid, alg: 'EdDSA', use: 'sig' }
    const checkWith = (await importJWK({ ...publicJwk }, 'EdDSA')) as CryptoKey
    if (d === undefined) return { signWith: undefined, checkWith, publicJwk }
    const signWith = (await importJWK({ kty: 'OKP', crv: 'Ed25519', x, d }, 'EdDSA')) as CryptoKey
    return { signWith, checkWith, publicJwk }
  } catch (cause) {
    throw new ConfigError(`sessions.signingKeys: "${key.kid}" cannot be read as an Ed25519 key.`, { cause })
  }
}

async function readPrivatePem(pem: string): Promise<{ readonly x: string; readonly d: string | undefined }> {
  const { x, d } = await exportJWK(await importPKCS8(pem, 'EdDSA', { extractable: true }))
  if (x === undefined) throw new TypeError('The public half is missing.')
  return { x, d }
}
