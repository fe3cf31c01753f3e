import { defaultProfile, headOfNode, type KeyRecord, type KeyStore, memory, type RequestHead } from 'keyward'

/** Makes API keys of the default format. */
export function makeKeys(count: number): string[] {
  return Array.from({ length: count }, () => defaultProfile.keyFormat.make())
}

/** A store that counts how often it is read. */
export interface CountingStore extends KeyStore {
  reads(): number
}

/** Creates a store that works out a record from any digest that it knows, so that a million keys need no import. */
export function generatedStore(knows: boolean): CountingStore {
  let reads = 0
  return {
    ...memory({ losesDataOnExit: true }),
    findByDigest: async ([digest = '']) => {
      reads += 1
      return knows ? recordOf(digest) : undefined
    },
    recordUses: async () => {},
    reads: () => reads,
  }
}

/** Makes the head of a request as Node's parser does. */
export function headOf(apiKey: string, peerAddress = '127.0.0.1'): RequestHead {
  const socket = { remoteAddress: peerAddress }
  return headOfNode({ method: 'POST', headers: {}, rawHeaders: rawHeadersOf(apiKey), socket })
}

/** Header fields as Node's parser gives them: the text of the key fresh and flat, six fields that clients send, it in the fourth. */
export function rawHeadersOf(apiKey: string, more: readonly string[] = []): string[] {
  const rawHeaders = ['Host', 'api.example.com', 'User-Agent', 'example/1.0', 'Accept', '*/*']
  rawHeaders.push('Authorization', flat(`Bearer ${apiKey}`), 'Content-Type', 'application/json', 'Connection', 'close')
  rawHeaders.push(...more)
  return rawHeaders
}

/** A text as it comes out of bytes: neither a slice of another one nor a rope. */
export function flat(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1')
}

function recordOf(digest: string): KeyRecord {
  const id = flat(`key_${digest.slice(0, 26)}`)
  const at = new Date(1_700_000_000_000)
  const never = { startsAt: null, expiresAt: null, disabledAt: null, revokedAt: null, deletedAt: null }
  return {
    id,
    lineage: id,
    digest,
    pepperVersion: 0,
    owner: flat(`org_${digest.slice(0, 26)}`),
    createdBy: null,
    name: 'Production',
    start: flat(`sk_${digest.slice(0, 9)}`),
    scopes: ['videos:read', 'videos:write'],
    policies: ['default'],
    audiences: [],
    addresses: [],
    metadata: {},
    createdAt: at,
    updatedAt: at,
    ...never,
    lastUsedAt: null,
    rotatedFrom: null,
    rotatedTo: null,
    version: 1,
  }
}
