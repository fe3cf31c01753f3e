import { createHmac, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import type { KeywardOptions } from 'keyward'
import { type SessionsOptions, sessions } from 'keyward/sessions'
import type { TestClock } from '../../src/testing/test-clock.ts'
import { createTestKeyward } from '../../src/testing/test-keyward.ts'

/** The secret that tests sign with. */
export const SECRET = 'a secret of thirty-two bytes, ok'

/** An Ed25519 pair that tests sign with. */
export const pair = generateKeyPairSync('ed25519')

/** Both ways to sign, each as the only signing key. */
export const signingKeys = {
  HS256: { kid: 'hs-1', secret: SECRET },
  EdDSA: { kid: 'ed-1', privateKey: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string },
}

/** Creates a keyward in memory with session tokens. */
export function sessionKeyward(
  options: Partial<SessionsOptions> = {},
  more: Partial<KeywardOptions> = {},
  clock?: TestClock,
) {
  const signer = sessions({
    issuer: 'https://api.test',
    audience: 'api.test',
    signingKeys: [signingKeys.HS256],
    ...options,
  })
  return createTestKeyward({ ...more, sessions: signer }, clock)
}

/** The parts of a token, as objects. */
export interface TokenParts {
  readonly header: Readonly<Record<string, unknown>>
  readonly payload: Readonly<Record<string, unknown>>
  readonly signature: string
}

/** Takes a token apart, whoever signed it. */
export function takeApart(token: string): TokenParts {
  const [header = '', payload = '', signature = ''] = token.split('.')
  return { header: JSON.parse(decode(header)), payload: JSON.parse(decode(payload)), signature }
}

/** Puts a token together of parts that are texts or objects, signed by whatever makes a signature. */
export function forge(header: unknown, payload: unknown, signer: (input: string) => string): string {
  const input = `${encode(header)}.${encode(payload)}`
  return `${input}.${signer(input)}`
}

/** Signs as HS256 does, with any secret. */
export function hmac(secret: string | Buffer): (input: string) => string {
  return (input) => createHmac('sha256', secret).update(input).digest('base64url')
}

/** Signs as EdDSA does, with any private key. */
export function ed25519(privateKey: KeyObject): (input: string) => string {
  return (input) => sign(null, Buffer.from(input), privateKey).toString('base64url')
}

/** Writes a part of a token: text as it is, else JSON. */
export function encode(part: unknown): string {
  return Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url')
}

function decode(part: string): string {
  return Buffer.from(part, 'base64url').toString()
}
