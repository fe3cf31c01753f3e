/**
 * What moves a cursor, changes a terminal, or shows text in another order than it has: control characters (C0, DEL, C1),
 * formatting ones (bidirectional overrides, zero-width ones among them), line separators and lone surrogates.
 */
const INVISIBLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu

/** Writes what a terminal would act upon as an escape that can be seen: whatever a name holds, it stays one line of text. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, escaped)
}

/** Writes JSON of which no character does anything to a terminal: what is not printable is escaped, and means the same. */
export function jsonText(value: unknown, indent = 2): string {
  const text = JSON.stringify(value, undefined, indent) ?? 'null'
  return text.replace(INVISIBLE, (character) => (character === '\n' ? character : unitsOf(character)))
}

/** Shortens a text to so many characters as people count them, with an ellipsis for what is left out. */
export function shortened(text: string, maxCharacters: number): string {
  if (text.length <= maxCharacters) return text
  const characters = Array.from(segmenter.segment(text), ({ segment }) => segment)
  return characters.length <= maxCharacters ? text : `${characters.slice(0, maxCharacters - 1).join('')}…`
}

const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })

function escaped(character: string): string {
  if (character === '\n') return '\\n'
  if (character === '\r') return '\\r'
  if (character === '\t') return '\\t'
  const code = character.codePointAt(0) ?? 0
  return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`
}

function unitsOf(character: string): string {
  const units = Array.from({ length: character.length }, (_, at) => character.charCodeAt(at))
  return units.map((unit) => `\\u${unit.toString(16).padStart(4, '0')}`).join('')
}
