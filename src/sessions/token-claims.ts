import type { SessionClaims } from '../model/session-signer.ts'

/** The last second that a `Date` can tell. */
const LAST_SECOND = 8_640_000_000_000

/** Reads the claims of a token whose signature is good. @returns `undefined` where one is missing, or is not of its kind. */
export function readClaims(payload: Readonly<Record<string, unknown>>): SessionClaims | undefined {
  const { sub: owner, jti: id, key: keyId, scope, exp } = payload
  if (!isText(owner) || !isText(id) || !isText(keyId) || typeof scope !== 'string') return undefined
  if (!Number.isInteger(exp) || Math.abs(exp as number) > LAST_SECOND) return undefined
  const scopes = scope === '' ? [] : scope.split(' ')
  return { id, owner, keyId, scopes, expiresAt: new Date((exp as number) * 1_000) }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}
