import * as z from 'zod'
import type { ScannerKey } from './scanner-keys.ts'

const ADDRESS = 'https://api.github.com/meta/public_keys/secret_scanning'
const TIMEOUT_MS = 5_000

const listShape = z.object({
  public_keys: z.array(z.object({ key_identifier: z.string().min(1), key: z.string().min(1) })).min(1),
})

/** How GitHub is asked. */
export interface GithubPublicKeysOptions {
  /** A token of GitHub without any rights, which raises its rate limit. Default: none. */
  readonly token?: string | undefined
  /** Sends the request. Default: the runtime's own. */
  readonly fetch?: typeof fetch | undefined
}

/**
 * Creates a source of the public keys that GitHub signs its secret scanning reports with: one request to api.github.com
 * each time that it is called, which takes 5 seconds at most.
 */
export function githubPublicKeys(options: GithubPublicKeysOptions = {}): () => Promise<readonly ScannerKey[]> {
  const { token, fetch: send = fetch } = options
  return async () => {
    const response = await send(ADDRESS, {
      headers: {
        Accept: 'application/vnd.github+json',
        'User-Agent': 'keyward',
        ...(token !== undefined && { Authorization: `Bearer ${token}` }),
      },
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    if (!response.ok) throw new Error(`GitHub answered ${response.status} for its public keys.`)
    const { public_keys } = listShape.parse(await response.json())
    return public_keys.map(({ key_identifier, key }) => ({ identifier: key_identifier, publicKey: key }))
  }
}
