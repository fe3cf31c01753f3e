import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseAuthorization } from '../../src/credential/authorization.ts'

const KEY = 'sk_4fTq9ZbK'
const missing = { refused: 'missing_authorization_header' }
const malformed = { refused: 'malformed_authorization_header' }

describe('an Authorization header', () => {
  it.each([
    ['1: no line', []],
    ['5: an empty value', ['']],
    ['5: white space alone', [' \t ']],
    ['5: the scheme alone', ['Bearer']],
    ['5: the scheme and a space', ['Bearer ']],
    ['5: the scheme and spaces', ['bearer   ']],
    ['10: a key without a scheme', [KEY]],
    ['10: a key stuck to the scheme', [`Bearer${KEY}`]],
  ])('counts as missing, row %s', (_, lines) => {
    expect(parseAuthorization(lines)).toEqual(missing)
  })

  it.each([
    ['4: a tab after the scheme', [`Bearer\t${KEY}`]],
    ['4: a space and a tab after the scheme', [`Bearer \t${KEY}`]],
    ['7: two lines', [`Bearer ${KEY}`, `Bearer ${KEY}`]],
    ['7: two lines of which one is empty', [`Bearer ${KEY}`, '']],
    ['7: two empty lines', ['', '']],
    ['8: a list on one line', [`Bearer ${KEY}, Bearer ${KEY}`]],
    ['8: a list of bare words', [`${KEY},${KEY}`]],
    ['8: a comma at the end', [`Bearer ${KEY},`]],
    ['8: two lines joined by the runtime, both empty', [', ']],
    ['another scheme', [`Basic ${KEY}`]],
    ['another scheme of six letters', [`Digest ${KEY}`]],
    ['a scheme that begins with Bearer', [`Bearers ${KEY}`]],
    ['a scheme with a colon', [`Bearer: ${KEY}`]],
    ['a space within the credential', [`Bearer ${KEY} ${KEY}`]],
    ['a tab within the credential', [`Bearer ${KEY}\t${KEY}`]],
    ['a key in place of the scheme', [`${KEY} ${KEY}`]],
  ])('counts as malformed, row %s', (_, lines) => {
    expect(parseAuthorization(lines)).toEqual(malformed)
  })

  it.each([
    ['the usual form', `Bearer ${KEY}`],
    ['2: a scheme in any case', `bEaReR ${KEY}`],
    ['3: three spaces', `Bearer   ${KEY}`],
    ['3: three spaces and a scheme in capitals', `BEARER   ${KEY}`],
    ['white space around the value', ` \tBearer ${KEY} \t`],
  ])('gives its key, row %s', (_, line) => {
    expect(parseAuthorization([line])).toEqual({ apiKey: KEY })
  })

  it.each([
    ['16: Cyrillic', 'sk_\u043a\u043b\u044e\u0447'],
    ['16: full width', '\uff53\uff4b\uff3f\uff11'],
    ['16: an emoji', 'sk_🔑'],
    ['16: obs-text bytes', 'sk_\x80\xff'],
    ['17: a key and U+00A0', `${KEY}\u00a0`],
    ['17: a key and an equals sign', `${KEY}=`],
    ['a NUL', `${KEY}\0`],
  ])('leaves what the credential is made of to the format, row %s', (_, apiKey) => {
    expect(parseAuthorization([`Bearer ${apiKey}`])).toEqual({ apiKey })
  })

  it('is read without throwing, whatever it holds, and never gives a key with a space, tab or comma', () => {
    const piece = fc.oneof(
      fc.constantFrom('Bearer', 'bearer', 'Basic', ' ', '\t', ',', ', ', '=', KEY, '\0', '\u00a0', '\ud800'),
      fc.string({ unit: 'binary' }),
    )
    const line = fc.array(piece, { maxLength: 8 }).map((pieces) => pieces.join(''))
    fc.assert(
      fc.property(fc.array(line, { maxLength: 3 }), (lines) => {
        const parsed = parseAuthorization(lines)
        if ('refused' in parsed) return
        expect(lines).toHaveLength(1)
        expect(parsed.apiKey).toMatch(/^[^ \t,]+$/)
        expect(lines[0]).toContain(parsed.apiKey)
      }),
      { numRuns: 5_000 },
    )
  })

  it.each([
    ['spaces', `Bearer ${' '.repeat(100_000)}x`, { apiKey: 'x' }],
    ['spaces and a tab', `Bearer ${' '.repeat(100_000)}\t`, missing],
    ['tabs', `Bearer ${'\t'.repeat(100_000)}x`, malformed],
    ['commas', `Bearer ${','.repeat(100_000)}`, malformed],
    ['one character', `Bearer ${'a'.repeat(100_000)}`, { apiKey: 'a'.repeat(100_000) }],
    ['words', 'Bearer a '.repeat(11_000), malformed],
  ])('235: is read in one pass when it holds 100 KB of %s', (_, line, expected) => {
    expect(parseAuthorization([line])).toEqual(expected)
  })
})
