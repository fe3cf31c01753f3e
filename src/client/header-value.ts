/**
 * Writes a text as a header value that goes out as UTF-8. Control characters cannot be sent.
 *
 * @throws {TypeError} When it has such characters, is empty or has more than 2,048 characters. The message does not hold it.
 */
export function asHeaderValue(option: string, text: string): string {
  if (typeof text !== 'string' || !/^[^\p{Cc}\p{Cs}]{1,2048}$/u.test(text))
    throw new TypeError(`${option}: must have 1 to 2,048 characters, without control characters`)
  if (takesAnyText()) return text
  return Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte)).join('')
}

/** Whether the runtime writes header values as UTF-8 itself, as workerd does. Others take bytes, one character each (WHATWG Fetch). */
function takesAnyText(): boolean {
  try {
    new Headers({ 'X-Title': '\u{1f3ac}' })
    return true
  } catch {
    return false
  }
}
