import type { MaybePromise } from './maybe-promise.ts'

/** The part of `node:crypto` that is used: in Node.js, Bun, Deno, and Workers with `nodejs_compat`. */
interface NodeCrypto {
  readonly hash?: (algorithm: string, data: string, encoding: 'hex' | 'base64url') => string
  createHash(algorithm: string): NodeHash
}

interface NodeHash {
  update(data: string | Uint8Array): NodeHash
  digest(encoding: 'hex' | 'base64url'): string
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

/** Hashes bytes one after the other, as base64url, without putting them together where the runtime has `node:crypto`. */
export function sha256OfBytes(parts: readonly Uint8Array[]): MaybePromise<string> {
  if (nodeCrypto === undefined)
    return webDigest(new Blob(parts.map((part) => part as BlobPart)).arrayBuffer(), 'base64url')
  const hash = nodeCrypto.createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest('base64url')
}

function webSha256(text: string, encoding: 'hex' | 'base64url'): Promise<string> {
  return webDigest(new TextEncoder().encode(text), encoding)
}

async function webDigest(data: MaybePromise<ArrayBuffer | Uint8Array>, encoding: 'hex' | 'base64url'): Promise<string> {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', (await data) as BufferSource))
  if (encoding === 'hex') return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
}
