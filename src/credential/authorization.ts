/** What an Authorization header holds: an API key to be judged, or the reason why there is none. */
export type ParsedAuthorization =
  | { readonly apiKey: string }
  | { readonly refused: 'missing_authorization_header' | 'malformed_authorization_header' }

const MISSING: ParsedAuthorization = { refused: 'missing_authorization_header' }
const MALFORMED: ParsedAuthorization = { refused: 'malformed_authorization_header' }

/**
 * Reads the API key out of `Authorization: Bearer <key>` (RFC 6750 section 2.1; the scheme in any case and one or
 * more spaces after it, RFC 9110 sections 11.1 and 11.4).
 *
 * Nothing, `Bearer` alone, or one word (a key without a scheme) is `missing_authorization_header`. Another
 * scheme, repeated lines, a comma anywhere (how runtimes join repeated lines), a tab, or a space within the
 * credential is `malformed_authorization_header`. What the credential is made of is not judged here but by the
 * key's format. Takes time linear in the length and never throws.
 *
 * @param lines - Value of every Authorization line, raw and in order.
 */
export function parseAuthorization(lines: readonly string[]): ParsedAuthorization {
  if (lines.length > 1) return MALFORMED
  const value = lines[0]
  if (value === undefined) return MISSING
  if (value.length > 7 && value.startsWith('Bearer ') && isOneWord(value, 7)) return { apiKey: value.slice(7) }
  return parseUnusual(withoutOuterSpace(value))
}

/** Reads a value that is not simply `Bearer`, one space, and one word. */
function parseUnusual(value: string): ParsedAuthorization {
  if (isOneWord(value, 0)) return MISSING
  if (value.indexOf(' ') !== 6 || value.slice(0, 6).toLowerCase() !== 'bearer') return MALFORMED
  let start = 7
  while (value.charCodeAt(start) === 0x20) start++
  return isOneWord(value, start) ? { apiKey: value.slice(start) } : MALFORMED
}

/** Whether a text has no space, tab or comma from an index on. */
function isOneWord(text: string, from: number): boolean {
  return text.indexOf(' ', from) < 0 && text.indexOf(',', from) < 0 && text.indexOf('\t', from) < 0
}

/** Removes optional white space around a field value (RFC 9110 section 5.5): spaces and tabs, and no other. */
function withoutOuterSpace(value: string): string {
  let start = 0
  let end = value.length
  while (start < end && isSpace(value.charCodeAt(start))) start++
  while (end > start && isSpace(value.charCodeAt(end - 1))) end--
  return value.slice(start, end)
}

function isSpace(unit: number): boolean {
  return unit === 0x20 || unit === 0x09
}
