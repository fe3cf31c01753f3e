/**
 * Draws characters uniformly and independently from an alphabet of 2 to 256, out of the runtime's cryptographic
 * random source. Bytes that would favour some characters are thrown away (rejection sampling), never folded in.
 *
 * @throws {Error} When the random source fails or is seen to repeat itself; nothing was drawn.
 */
export function randomCharacters(alphabet: string, count: number): string {
  const limit = 256 - (256 % alphabet.length)
  let text = ''
  for (;;) {
    for (const byte of randomBytes()) {
      if (byte >= limit) continue
      text += alphabet.charAt(byte % alphabet.length)
      if (text.length === count) return text
    }
  }
}

/** Draws 128 bytes in two halves that must differ: a source that is stuck (zeros, a constant) is found by the first key. */
function randomBytes(): Uint8Array {
  const bytes = new Uint8Array(128)
  const first = crypto.getRandomValues(bytes.subarray(0, 64))
  const second = crypto.getRandomValues(bytes.subarray(64))
  if (first.every((byte, at) => byte === second[at])) {
    throw new Error('The random source of this runtime repeats itself (crypto.getRandomValues): no key can be made.')
  }
  return bytes
}
