import { cleanText } from '../attribution/header-text.ts'

/** A text that looks like an API key, and where it was found. */
export interface LeakMatch {
  /** What was found: the whole key, and nothing around it. */
  readonly token: string
  /** The scanner's name for the kind of secret. */
  readonly type?: string | undefined
  /** Address at which it was found. */
  readonly url?: string | undefined
  /** In what: `content`, `commit`, `issue_comment` and so on. */
  readonly source?: string | undefined
}

/** Where a key was found, as it is kept: cut, and without anything that looks like a key or a token. `null` is unknown. */
export interface LeakPlace {
  readonly type: string | null
  /** An http or https address without user info and query. */
  readonly url: string | null
  readonly source: string | null
}

const MAX_URL_CHARACTERS = 512
const MAX_NAME_CHARACTERS = 64

/** Makes of what a scanner says what may be kept and shown. @param showsKey - Says whether a text has a key or token in it. */
export function cleanPlace({ token, type, url, source }: LeakMatch, showsKey: (text: string) => boolean): LeakPlace {
  const keep = (text: string | undefined, mostCharacters: number) => {
    if (text === undefined || text.includes(token) || showsKey(text)) return null
    return Array.from(cleanText(text)).slice(0, mostCharacters).join('') || null
  }
  return {
    type: keep(type, MAX_NAME_CHARACTERS),
    url: keep(readUrl(url), MAX_URL_CHARACTERS),
    source: keep(source, MAX_NAME_CHARACTERS),
  }
}

function readUrl(text: string | undefined): string | undefined {
  if (text === undefined || !URL.canParse(text)) return undefined
  const { protocol, origin, pathname, hash } = new URL(text)
  return /^https?:$/.test(protocol) ? origin + pathname + hash : undefined
}
