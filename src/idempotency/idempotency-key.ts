/** The longest key that a client may send, without its quotes. */
const MAX_CHARACTERS = 255

/**
 * Reads `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07, section 2): a quoted string of RFC 8941, or the
 * same characters without quotes. Both name the same key.
 *
 * @param lines - Values of all lines of the field, as sent.
 * @returns `undefined` where there is none; `invalid` for a key that is empty, longer than 255 characters or not printable
 * ASCII, and for more than one.
 */
export function readIdempotencyKey(
  lines: readonly string[],
): { readonly key: string } | { readonly invalid: true } | undefined {
  const [line] = lines
  if (line === undefined) return undefined
  const key = lines.length === 1 ? unquote(line.trim()) : undefined
  return key === undefined || key.length > MAX_CHARACTERS ? { invalid: true } : { key }
}

/** A key without quotes cannot hold a comma and a space: where a runtime joins lines, that is what joins them. */
function unquote(text: string): string | undefined {
  if (!text.startsWith('"')) return /^[\x20-\x7e]+$/.test(text) && !text.includes(', ') ? text : undefined
  const inner = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])+)"$/.exec(text)?.[1]
  return inner?.replaceAll(/\\(["\\])/g, '$1')
}
