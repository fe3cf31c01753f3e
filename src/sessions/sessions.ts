import { base64url, errors, type JWTPayload, jwtVerify, SignJWT } from 'jose'
import { ConfigError } from '../model/errors.ts'
import type { SessionSigner } from '../model/session-signer.ts'
import { type ImportedKey, importSigningKey } from './import-signing-key.ts'
import { type CheckedKey, checkSigningKeys, type SigningKey } from './signing-key.ts'
import { readClaims } from './token-claims.ts'

export type { OkpKey, PrivateSigningKey, PublicSigningKey, SecretSigningKey, SigningKey } from './signing-key.ts'

const TYPE = 'keyward-session+jwt'
const DEFAULT_MAX_TTL_SECONDS = 86_400
const MOST_MAX_TTL_SECONDS = 2_592_000
/** Signatures of 32 and 64 bytes in base64url, each in its one spelling: the last character has bits to spare. */
const SIGNATURES = { HS256: /^[\w-]{42}[AEIMQUYcgkosw048]$/, EdDSA: /^[\w-]{85}[AQgw]$/ }

/** How session tokens are signed, and which are good. */
export interface SessionsOptions {
  /** Who signs, the `iss` of every token: 1 to 256 characters, such as the address of the API. */
  readonly issuer: string
  /** Whom tokens are for, their `aud`: 1 to 256 characters. Another one for each API and each environment. */
  readonly audience: string
  /**
   * The first one signs, all of them check: 1 to 16, each with its own `kid`. To rotate, put a new one in front, and
   * remove the old one once the last token that it signed has ended.
   */
  readonly signingKeys: readonly SigningKey[]
  /** The longest that a token is good for, in seconds: a whole number from 1 to 2,592,000; default 86,400. */
  readonly maxTtlSeconds?: number | undefined
}

/**
 * Signs and checks session tokens for `createKeyward({ sessions: sessions(…) })`: JSON Web Tokens with HS256 or EdDSA
 * (Ed25519), by jose. A token is good only with the very header that is written here, so that nothing in a header
 * chooses an algorithm, a key or an address. No request is made to anybody.
 *
 * Synchronous: keys are imported when the first token is signed or checked.
 *
 * @throws {ConfigError} When an option is wrong. The message holds no secret.
 */
export function sessions(options: SessionsOptions): SessionSigner {
  const { issuer, audience, signingKeys, maxTtlSeconds = DEFAULT_MAX_TTL_SECONDS } = options ?? {}
  checkName('issuer', issuer)
  checkName('audience', audience)
  if (!Number.isInteger(maxTtlSeconds) || maxTtlSeconds < 1 || maxTtlSeconds > MOST_MAX_TTL_SECONDS)
    throw new ConfigError(`sessions.maxTtlSeconds: must be a whole number from 1 to ${MOST_MAX_TTL_SECONDS}`)
  const keys = checkSigningKeys(signingKeys).map(prepare)
  const byHeader = new Map(keys.map((key) => [base64url.encode(JSON.stringify(key.header)), key]))
  const [first] = keys

  async function verifySigned(token: string, { header, ready }: PreparedKey, now: number) {
    const { checkWith } = await ready()
    const demands = { algorithms: [header.alg], typ: TYPE, issuer, audience, currentDate: new Date(now) }
    const requiredClaims = ['iat', 'exp']
    return jwtVerify(token, checkWith, { ...demands, requiredClaims }).then(({ payload }) => payload, unlessRefused)
  }

  return {
    maxTtlSeconds,
    async sign({ id, owner, keyId, scopes, expiresAt }, issuedAt) {
      const { signWith } = (await first?.ready()) ?? {}
      if (first === undefined || signWith === undefined) throw new ConfigError('sessions.signingKeys: none can sign')
      const claims = {
        ...{ iss: issuer, aud: audience, sub: owner, jti: id },
        ...{ iat: issuedAt.getTime() / 1_000, exp: expiresAt.getTime() / 1_000 },
        ...{ key: keyId, scope: scopes.join(' ') },
      }
      return new SignJWT(claims).setProtectedHeader(first.header).sign(signWith)
    },
    verify(token, now) {
      const [header = '', claims, signature = ''] = token.split('.', 3)
      const key = byHeader.get(header)
      if (key === undefined || !SIGNATURES[key.header.alg].test(signature)) return undefined
      return verifySigned(token, key, now).then((payload) => {
        // What is signed has one spelling: no name twice, and no bits that say nothing.
        const isOurs = payload !== undefined && base64url.encode(JSON.stringify(payload)) === claims
        return isOurs ? readClaims(payload) : undefined
      })
    },
    async jwks() {
      const imported = await Promise.all(keys.map(({ ready }) => ready()))
      return { keys: imported.flatMap(({ publicJwk }) => publicJwk ?? []) }
    },
  }
}

interface PreparedKey {
  readonly header: { readonly alg: CheckedKey['alg']; readonly typ: string; readonly kid: string }
  /** Imports the key, once. */
  ready(): Promise<ImportedKey>
}

function prepare(key: CheckedKey): PreparedKey {
  let imported: Promise<ImportedKey> | undefined
  return {
    header: { alg: key.alg, typ: TYPE, kid: key.kid },
    ready() {
      imported ??= importSigningKey(key)
      return imported
    },
  }
}

/** What jose refuses is a bad token; anything else that is thrown is a failure of ours. */
function unlessRefused(error: unknown): JWTPayload | undefined {
  if (!(error instanceof errors.JOSEError)) throw error
  return undefined
}

function checkName(option: string, name: unknown): void {
  if (typeof name !== 'string' || name === '' || name.length > 256)
    throw new ConfigError(`sessions.${option}: must be 1 to 256 characters`)
}
