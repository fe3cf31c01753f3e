import type { RequestHead } from '../credential/request-head.ts'
import { cleanText, readUtf8 } from './header-text.ts'
import { isLocal, parseReferer, withoutUserInfoAndFragment } from './referer.ts'

/** Header names in lower case, in order of precedence. */
export interface AttributionHeaders {
  readonly referer: readonly string[]
  readonly title: readonly string[]
  readonly applicationName: readonly string[]
}

/**
 * What a request says of the app that sent it. Written by the client, so it is a claim: it is stored and shown,
 * escaped, and decides nothing.
 */
export interface Attribution {
  /** Address of the app, http or https, without user info and fragment; at most 2,048 characters. */
  readonly referer: string | null
  /** Display name of the app; 1 to 256 characters. */
  readonly title: string | null
  /** 1 to 256 characters. */
  readonly applicationName: string | null
}

const MAXIMUM_TEXT_CHARACTERS = 256
const MAXIMUM_REFERER_CHARACTERS = 2048

const NOTHING: Attribution = { referer: null, title: null, applicationName: null }

/**
 * Reads attribution headers: of each list the first header whose value is valid, `null` where none is.
 *
 * Values are read as UTF-8 where their bytes are, freed of control, bidirectional and zero-width characters and
 * of white space around them, and a title or application name is cut to 256 characters. A referer that is not an
 * http or https URL of at most 2,048 characters is dropped; one of the client's own machine (`localhost`,
 * `127.0.0.0/8`, `::1`) counts only together with a title. Characters are Unicode code points. Takes time linear
 * in the length of the values and never throws.
 *
 * @param names - In lower case; values of a repeated header are taken as joined with a comma (RFC 9110 section 5.3).
 */
export function sanitizeAttribution(
  head: Pick<RequestHead, 'header' | 'headerLines'>,
  names: AttributionHeaders,
): Attribution {
  const referer = firstValid(head, names.referer, readReferer)
  const title = firstValid(head, names.title, readText)
  const applicationName = firstValid(head, names.applicationName, readText)
  if (referer === null && title === null && applicationName === null) return NOTHING
  return { referer: referer !== null && title === null && isLocal(referer) ? null : referer, title, applicationName }
}

function firstValid(
  head: Pick<RequestHead, 'header' | 'headerLines'>,
  names: readonly string[],
  read: (value: string) => string | null,
): string | null {
  for (const name of names) {
    if (head.header(name) === undefined) continue
    const value = read(cleanText(readUtf8(head.headerLines(name).join(', '))))
    if (value !== null) return value
  }
  return null
}

function readText(value: string): string | null {
  return value === '' ? null : firstCharacters(value, MAXIMUM_TEXT_CHARACTERS)
}

function readReferer(value: string): string | null {
  if (firstCharacters(value, MAXIMUM_REFERER_CHARACTERS).length < value.length) return null
  return parseReferer(value) === undefined ? null : withoutUserInfoAndFragment(value)
}

/** The first code points of a text: never half a surrogate pair. */
function firstCharacters(text: string, most: number): string {
  if (text.length <= most) return text
  let end = 0
  for (let count = 0; count < most && end < text.length; count++) end += text.codePointAt(end)! > 0xffff ? 2 : 1
  return text.slice(0, end)
}
