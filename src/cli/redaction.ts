/** The part of an address between its scheme and its host. */
const USER_INFO = /([a-z][a-z0-9+.-]*:\/\/)[^\s/@'"]*@/gi
/** What looks like an API key of any profile: a prefix, and at least 43 random characters. */
const API_KEY = /\b[a-z][a-z0-9_]{0,31}_[0-9A-Za-z]{43,}\b/g
/** A shorter password is found in too many innocent words. */
const SHORTEST_SECRET_CHARACTERS = 4

/**
 * Makes what takes secrets out of a message: passwords of the addresses that were given, user names and passwords of any
 * address, and whatever looks like an API key.
 *
 * @param addresses - Addresses of servers, with their passwords.
 */
export function createRedaction(addresses: readonly (string | undefined)[]): (text: string) => string {
  const secrets = addresses.flatMap((address) => (address === undefined ? [] : secretsOf(address)))
  return (text) => {
    let clean = text.replace(USER_INFO, '$1***@').replace(API_KEY, '***')
    for (const secret of secrets) clean = clean.replaceAll(secret, '***')
    return clean
  }
}

function secretsOf(address: string): readonly string[] {
  const raw = /^[^:]+:\/\/[^:/@]*:(.*)@/.exec(address)?.[1]
  const query = Array.from(address.matchAll(/[?&](?:password|passwd|pwd|sslpassword)=([^&#]*)/gi), ([, value]) => value)
  return [raw, ...query]
    .flatMap((text) => (text === undefined ? [] : [text, decoded(text)]))
    .filter((text) => text.length >= SHORTEST_SECRET_CHARACTERS)
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
