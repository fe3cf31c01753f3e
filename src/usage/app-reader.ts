import { type AttributionHeaders, sanitizeAttribution } from '../attribution/attribution.ts'
import { rankingKey } from '../attribution/referer.ts'
import { FieldNames, type RequestHead } from '../credential/request-head.ts'
import { OTHER } from './other.ts'

/** An app that requests are counted under. */
export interface App {
  /** Origin and path of its referer; without one, its title. At most 1,024 bytes of UTF-8. */
  readonly name: string
  /** Its title, at most 256 characters. */
  readonly label: string | null
}

/** Names the app that a request says to come from; `undefined` where it says nothing that can be kept. */
export type AppReader = (head: RequestHead) => App | undefined

/** Apps that are remembered by what their headers say, so that they are not worked out for each request. */
const MAX_REMEMBERED = 1_000
/** What is longer is not remembered. */
const MAX_RAW_CHARACTERS = 2_048
/** A referer is ASCII, once its URL is normalised; of a longer one, the beginning counts. */
const MAX_NAME_CHARACTERS = 1_000

/**
 * Creates a reader of the app's headers.
 *
 * @param showsKey - Says whether a text has an API key or a token in it: such a text is not kept.
 */
export function createAppReader(names: AttributionHeaders, showsKey: (text: string) => boolean): AppReader {
  const fields = new FieldNames([...names.referer, ...names.title, ...names.applicationName])
  const remembered = new Map<string, App | null>()
  const kept = (text: string | null) => (text === null || showsKey(text) ? null : text)

  function workOut(head: RequestHead): App | null {
    const { referer, title, applicationName } = sanitizeAttribution(head, names)
    const label = kept(title) ?? kept(applicationName)
    const address = rankingKey(kept(referer))
    if (address !== null) return { name: address.slice(0, MAX_NAME_CHARACTERS), label }
    return label === null
      ? null
      : { name: isMisleading(label) ? `"${Array.from(label).slice(0, 250).join('')}"` : label, label }
  }

  return (head) => {
    const lines = head.linesOf(fields)
    if (lines === '') return undefined
    const known = remembered.get(lines)
    if (known !== undefined) return known ?? undefined
    const app = workOut(head)
    if (lines.length <= MAX_RAW_CHARACTERS) {
      if (remembered.size >= MAX_REMEMBERED) remembered.clear()
      remembered.set(lines, app)
    }
    return app ?? undefined
  }
}

/** A title that looks like another app's address, or like what is no app. */
function isMisleading(title: string): boolean {
  return title === OTHER || /^https?:/i.test(title)
}
