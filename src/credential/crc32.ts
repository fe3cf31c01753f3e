const TABLE = Int32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte
  for (let bit = 0; bit < 8; bit++) remainder = remainder & 1 ? (remainder >>> 1) ^ 0xedb88320 : remainder >>> 1
  return remainder
})

/** State of a CRC-32 before its first byte. */
export const CRC32_START = -1

/**
 * Goes on with a CRC-32 (the one of IEEE 802.3, PNG and gzip: ISO 3309, RFC 1952 section 8) by one byte of 0 to
 * 255.
 */
export function crc32Step(state: number, byte: number): number {
  return TABLE[(state ^ byte) & 0xff]! ^ (state >>> 8)
}

/** Goes on with a CRC-32 by a text of ASCII characters. */
export function crc32Text(state: number, text: string): number {
  let next = state
  for (let at = 0; at < text.length; at++) next = crc32Step(next, text.charCodeAt(at))
  return next
}

/** Ends a CRC-32: a whole number from 0 to 4,294,967,295. */
export function crc32End(state: number): number {
  return ~state >>> 0
}
