import type { MaybePromise } from './maybe-promise.ts'

/** The part of `node:crypto` that is used: in Node.js, Bun, Deno, and Workers with `nodejs_compat`. */
interface NodeCrypto {
  readonly hash?: (algorithm: string, data: string, encoding: 'hex' | 'base64url') => string
  createHash(algorithm: string): { update(data: string): { digest(encoding: 'hex' | 'base64url'): string } }
}

const nodeCrypto = (
  globalThis as { process?: { getBuiltinModule?: (name: string) => NodeCrypto | undefined } }
).process?.getBuiltinModule?.('node:crypto')

/**
 * Hashes text, taken as UTF-8, with SHA-256 (FIPS 180-4). Answers at once where the runtime has `node:crypto`
 * (the one-shot `hash` costs 0.25 µs, `createHash` 0.6), and with a promise where there is only Web Crypto.
 */
export const sha256: (text: string, encoding: 'hex' | 'base64url') => MaybePromise<string> = chooseSha256(nodeCrypto)

function chooseSha256(
  crypto: NodeCrypto | undefined,
): (text: string, encoding: 'hex' | 'base64url') => MaybePromise<string> {
  if (crypto === undefined) return webSha256
  const oneShot = crypto.hash
  if (oneShot !== undefined) return (text, encoding) => oneShot('sha256', text, encoding)
  return (text, encoding) => crypto.createHash('sha256').update(text).digest(encoding)
}

async function webSha256(text: string, encoding: 'hex' | 'base64url'): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)))
  if (encoding === 'hex') return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
