import { type Actor, ConfigError, digestApiKey, parseAuthorization } from '../index.ts'
import type { Authorize } from './authorize.ts'

/** What tells tokens apart without telling what they are. */
const marks = new WeakMap<Authorize, () => Promise<string>>()

const ADMIN: Actor = { id: 'admin', owner: null, scopes: ['*'] }

/**
 * Creates an `authorize` that knows one actor: whoever sends `Authorization: Bearer <token>` is `admin`, who may do
 * everything for every owner. The comparison takes the same time whatever is sent.
 *
 * @param token - A secret of 16 to 512 printable ASCII characters without space and comma. Make it random: 32 bytes
 * as hex, say.
 * @throws {ConfigError} When the token breaks that rule. The message does not hold it.
 */
export function adminToken(token: string): Authorize {
  if (typeof token !== 'string' || !/^[\x21-\x2b\x2d-\x7e]{16,512}$/.test(token))
    throw new ConfigError('adminToken: token must have 16 to 512 printable ASCII characters without space and comma.')
  const expected = digestApiKey(token)
  const authorize: Authorize = async (request) => {
    const header = request.headers.get('authorization')
    const credential = parseAuthorization(header === null ? [] : [header])
    if ('refused' in credential) return undefined
    return areSame(await digestApiKey(credential.apiKey), await expected) ? ADMIN : undefined
  }
  marks.set(authorize, async () => (await digestApiKey(`mark:${await expected}`)).slice(0, 16))
  return authorize
}

/** Tells the token of an `authorize` from any other, so that a sign-in ends with its token; empty for a host's own function. */
export async function markOf(authorize: Authorize): Promise<string> {
  return (await marks.get(authorize)?.()) ?? ''
}

/** Compares two digests, which have one length, without stopping at the first difference. */
function areSame(one: string, other: string): boolean {
  let difference = one.length ^ other.length
  for (let at = 0; at < one.length; at++) difference |= one.charCodeAt(at) ^ other.charCodeAt(at)
  return difference === 0
}
