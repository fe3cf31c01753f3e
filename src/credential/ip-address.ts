import ipaddr from 'ipaddr.js'

/** An address as it can be compared: IPv4-mapped IPv6 has become IPv4, and there is no zone. */
export type IpAddress = ipaddr.IPv4 | ipaddr.IPv6

/** A CIDR range: all addresses that share `bits` leading bits with `network`. */
export interface AddressRange {
  readonly network: IpAddress
  readonly bits: number
}

const FOUR_DECIMALS = /^(?:.*:)?(?:(?:0|[1-9]\d{0,2})\.){3}(?:0|[1-9]\d{0,2})$/

/**
 * Reads an address in any spelling of RFC 4291 section 2.2, or IPv4 in four decimal parts; octal, hex and short
 * forms, which programs disagree on, are none. A zone (`%eth0`) is dropped.
 */
export function parseAddress(text: string): IpAddress | undefined {
  if (text.length > 64) return undefined
  const zone = text.indexOf('%')
  const address = zone < 0 ? text : text.slice(0, zone)
  const isSpelledOut = address.includes('.') ? FOUR_DECIMALS.test(address) : address.includes(':')
  return isSpelledOut && ipaddr.isValid(address) ? ipaddr.process(address) : undefined
}

/** Reads a CIDR range (RFC 4632, RFC 4291), or an address as the range of itself. */
export function parseRange(text: string): AddressRange | undefined {
  const slash = text.indexOf('/')
  const address = slash < 0 ? text : text.slice(0, slash)
  const network = address.includes('%') ? undefined : parseAddress(address)
  if (network === undefined) return undefined
  const most = network.kind() === 'ipv4' ? 32 : 128
  if (slash < 0) return { network, bits: most }
  const written = text.slice(slash + 1)
  if (!/^(?:0|[1-9]\d{0,2})$/.test(written)) return undefined
  // A mapped range (::ffff:10.0.0.0/104) counts the 96 bits in front of the IPv4 part.
  const bits = Number(written) - (most === 32 && address.includes(':') ? 96 : 0)
  return bits >= 0 && bits <= most ? { network, bits } : undefined
}

/** Says whether an address lies in a range; IPv4 and IPv6 never lie in each other's. */
export function isWithin(address: IpAddress, range: AddressRange): boolean {
  return range.network.kind() === address.kind() && address.match(range.network, range.bits)
}
