const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads a header value as UTF-8. Node and fetch give each byte as one character (RFC 9110 section 5.5 leaves bytes
 * above 0x7F without a meaning); a value that is not valid UTF-8, or is text already, stays as it is.
 */
export function readUtf8(value: string): string {
  const bytes = new Uint8Array(value.length)
  let highest = 0
  for (let at = 0; at < value.length; at++) {
    const unit = value.charCodeAt(at)
    bytes[at] = unit
    if (unit > highest) highest = unit
  }
  if (highest < 0x80 || highest > 0xff) return value
  try {
    return UTF8.decode(bytes)
  } catch {
    return value
  }
}

// Cc: controls. Cs: halves of pairs. Then bidirectional controls (UAX 9), zero-width and other invisible
// characters, the two separators that end a line, and tags, which spell text that nobody sees.
const UNSEEN = /[\p{Cc}\p{Cs}\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\u{e0000}-\u{e007f}]+/gu

/** Removes control, bidirectional and zero-width characters, and white space at both ends. */
export function cleanText(text: string): string {
  return text.replace(UNSEEN, '').trim()
}
