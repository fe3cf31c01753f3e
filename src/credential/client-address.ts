import { ConfigError } from '../model/errors.ts'
import { type AddressRange, type IpAddress, isWithin, parseAddress, parseRange } from './ip-address.ts'
import type { RequestHead } from './request-head.ts'

/**
 * Whom to believe about a client's address: the connection's peer, or a header that trusted proxies write.
 * `trustedProxies` lists their addresses and CIDR ranges; `header` is `x-forwarded-for` by default.
 */
export type ClientAddressOption =
  | 'peer'
  | { readonly trustedProxies: readonly string[]; readonly header?: string | undefined }

/** More proxies in a row than anybody has: the walk ends there, so that a long header costs no more. */
const MAXIMUM_HOPS = 32

/**
 * Makes a reader of the client's address: canonical text (IPv6 as in RFC 5952, without a zone; IPv4-mapped IPv6 as
 * IPv4), `undefined` where the peer's address is not known.
 *
 * With trusted proxies it begins at the peer and goes through the header from right to left while the address
 * reached is a trusted proxy's, so what a client writes in front changes nothing. A hop that is no address ends
 * the walk at the proxy that vouched for it.
 *
 * @param option - The peer when not given.
 * @throws {ConfigError} When a range, or the header's name, is none.
 */
export function createAddressReader(
  option: ClientAddressOption | undefined,
): (head: RequestHead) => string | undefined {
  if (option === undefined || option === 'peer') return (head) => peerOf(head)?.toString()
  const header = checkHeader(option.header ?? 'x-forwarded-for')
  const trusted = checkRanges(option.trustedProxies)
  const isTrusted = (address: IpAddress) => trusted.some((range) => isWithin(address, range))
  return (head) => {
    const peer = peerOf(head)
    if (peer === undefined || !isTrusted(peer)) return peer?.toString()
    return walk(peer, head.headerLines(header).join(','), isTrusted).toString()
  }
}

/** The header that says where clients are, in lower case; `undefined` where the peer is the client. */
export function addressHeader(option: ClientAddressOption): string | undefined {
  return option === 'peer' ? undefined : checkHeader(option.header ?? 'x-forwarded-for')
}

/**
 * Names the budget that an address draws on: an IPv4 address by itself, an IPv6 address with the rest of its /64,
 * since one client has all of that.
 *
 * @param address - Any spelling; what is no address shares one budget with all else that is none.
 */
export function addressBudgetKey(address: string): string {
  const parsed = parseAddress(address)
  if (parsed === undefined) return 'unreadable'
  if (!('parts' in parsed)) return parsed.toString()
  return `${parsed.parts
    .slice(0, 4)
    .map((part) => part.toString(16))
    .join(':')}::/64`
}

/** Says whether a text is an address or a CIDR range, v4 or v6: what a key's `addresses` may hold. */
export function isAddressRange(text: string): boolean {
  return parseRange(text) !== undefined
}

/**
 * Makes a test of membership in any of some addresses and CIDR ranges. IPv4 and IPv4-mapped IPv6 are one. An
 * empty list holds every address, known or not; any other holds no unknown one. What is no range holds nothing.
 *
 * @param ranges - As checked by {@link isAddressRange}.
 */
export function createAddressMatcher(ranges: readonly string[]): (address: string | undefined) => boolean {
  if (ranges.length === 0) return () => true
  const parsed = ranges.map(parseRange).filter((range) => range !== undefined)
  return (address) => {
    const known = address === undefined ? undefined : parseAddress(address)
    return known !== undefined && parsed.some((range) => isWithin(known, range))
  }
}

function peerOf(head: RequestHead): IpAddress | undefined {
  return head.peerAddress === undefined ? undefined : parseAddress(head.peerAddress)
}

function walk(peer: IpAddress, forwarded: string, isTrusted: (address: IpAddress) => boolean): IpAddress {
  let reached = peer
  let end = forwarded.length
  for (let hops = 0; hops < MAXIMUM_HOPS && end > 0; hops++) {
    const comma = forwarded.lastIndexOf(',', end - 1)
    const hop = parseHop(forwarded.slice(comma + 1, end))
    if (hop === undefined) return reached
    reached = hop
    if (!isTrusted(hop)) return reached
    end = comma
  }
  return reached
}

/** Reads one hop: an address, which some proxies write with a port (`1.2.3.4:80`, `[::1]:80`). */
function parseHop(text: string): IpAddress | undefined {
  if (text.length > 128) return undefined
  const hop = text.trim()
  const address = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(hop) ?? /^([\d.]+):\d{1,5}$/.exec(hop)
  return parseAddress(address?.[1] ?? hop)
}

function checkHeader(name: string): string {
  if (typeof name !== 'string' || !/^[A-Za-z0-9-]{1,64}$/.test(name)) {
    throw new ConfigError('clientAddress.header must be a header name of letters, digits and hyphens.')
  }
  if (name.toLowerCase() === 'forwarded') {
    throw new ConfigError('clientAddress.header must hold plain addresses: Forwarded (RFC 7239) is not read.')
  }
  return name.toLowerCase()
}

function checkRanges(texts: readonly string[]): readonly AddressRange[] {
  if (!Array.isArray(texts)) throw new ConfigError('clientAddress.trustedProxies must be a list of CIDR ranges.')
  return texts.map((text) => {
    const range = typeof text === 'string' ? parseRange(text) : undefined
    if (range !== undefined) return range
    throw new ConfigError(
      `clientAddress.trustedProxies has ${JSON.stringify(text)}: it must be an address or a CIDR range.`,
    )
  })
}
