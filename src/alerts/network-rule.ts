import { parseAddress } from '../credential/ip-address.ts'
import type { KeyRecord } from '../model/key-record.ts'
import type { AlertDraft } from './alert-book.ts'

/** Networks that are remembered of a lineage. */
export const MOST_NETWORKS = 256

/** How long an alert about a new network stands before it ends by itself: 7 days, in milliseconds. */
export const NETWORK_ALERT_MS = 7 * 86_400_000

const DOTTED_BITS = 24
const COLON_PARTS = 3

/** Names the network that an address lies in: an IPv4 /24, or an IPv6 /48. `undefined` for what is no address. */
export function networkOf(address: string): string | undefined {
  const parsed = parseAddress(address)
  if (parsed === undefined) return undefined
  if (!('parts' in parsed)) return `${parsed.octets.slice(0, 3).join('.')}.0/${DOTTED_BITS}`
  const parts = parsed.parts.slice(0, COLON_PARTS).map((part) => part.toString(16))
  return `${parts.join(':')}::/${COLON_PARTS * 16}`
}

/** What an alert about a new network says. */
export function draftNewNetwork(record: KeyRecord, network: string): AlertDraft {
  return about(record, network, `The key was used for the first time from the network ${network}.`, { network })
}

/** What is said, once, of a key that is used from more networks than are remembered. */
export function draftManyNetworks(record: KeyRecord): AlertDraft {
  const reason = `The key has been used from ${MOST_NETWORKS} networks: further ones are not told apart.`
  return about(record, '*', reason, { networks: MOST_NETWORKS })
}

function about({ owner, id, lineage }: KeyRecord, network: string, reason: string, details: object): AlertDraft {
  const subject = `${lineage} ${network}`
  return { owner, keyId: id, kind: 'new_network', subject, reason, details: { ...details } }
}
