/** Longest folded name, in bytes of UTF-8: an index row of every database holds it beside an owner and an id. */
const MAX_BYTES = 512

/**
 * Folds a key's name to what names are searched and sorted by: composed (NFC), in lower case as Unicode has it without
 * regard to a language, a final sigma as any other. Accents stay, and so does what has no single lower case: `ß` is not
 * `ss`. Cut to 512 bytes of UTF-8, which no name that is at most 128 characters long comes near.
 */
export function foldName(name: string): string {
  const folded = name.normalize('NFC').toLowerCase().replaceAll('ς', 'σ')
  return folded.length * 3 <= MAX_BYTES ? folded : cut(folded)
}

function cut(text: string): string {
  let bytes = 0
  let kept = ''
  for (const character of text) {
    bytes += bytesOf(character.codePointAt(0) ?? 0)
    if (bytes > MAX_BYTES) break
    kept += character
  }
  return kept
}

function bytesOf(codePoint: number): number {
  if (codePoint < 0x80) return 1
  if (codePoint < 0x800) return 2
  return codePoint < 0x10000 ? 3 : 4
}
