import { ApiError } from './api-error.ts'
import type { ApiKey } from './api-key.ts'
import { readEnvelope } from './envelope.ts'
import { mayPassLater } from './retry.ts'
import { readRetryAfter } from './retry-after.ts'

/** An attempt that did not succeed. */
export interface Failed {
  readonly error: ApiError
  /** Whether the same request may go better later. */
  readonly mayPass: boolean
}

/** How much of the body of an answer that is not good is kept. */
export const MOST_BODY_BYTES = 65_536
const MOST_ID_CHARACTERS = 256

/** Makes an error of a response that is not good. Reads a bounded part of its body; one that breaks off is read as far as it came. */
export async function readFailure(response: Response, url: URL, apiKey: ApiKey, now: number): Promise<Failed> {
  const { status, headers } = response
  const body = parse(await readStart(response, apiKey), apiKey)
  const found = readEnvelope(body)
  const redirect = describeRedirect(response, url)
  const error = new ApiError(redirect ?? found.message ?? `The server answered with status ${status}.`, {
    ...found,
    status,
    code: redirect === undefined ? found.code : 'redirected',
    requestId: requestIdOf(response, apiKey) ?? found.requestId,
    retryAfterSeconds: readRetryAfter(headers.get('Retry-After'), now),
    body,
  })
  // An answer that was kept for an idempotency key is given again each time.
  const isKept = headers.get('Idempotent-Replayed')?.toLowerCase() === 'true'
  return { error, mayPass: !isKept && mayPassLater(error) }
}

/** Names where a redirect leads by its origin alone: the rest may be a secret. */
function describeRedirect({ status, headers }: Response, url: URL): string | undefined {
  if (status < 300 || status >= 400) return undefined
  const location = headers.get('Location')
  const target = location !== null && URL.canParse(location, url) ? ` to ${new URL(location, url).origin}` : ''
  return `The server redirects${target} (${status}), and redirects are not followed.`
}

async function readStart(response: Response, apiKey: ApiKey): Promise<string> {
  const reader = response.body?.getReader()
  const decoder = new TextDecoder()
  let text = ''
  let bytesLeft = MOST_BODY_BYTES
  try {
    while (reader !== undefined) {
      const { done, value } = await reader.read()
      if (done) return text + decoder.decode()
      text += decoder.decode(value.subarray(0, bytesLeft), { stream: true })
      bytesLeft -= value.length
      if (bytesLeft < 0) break
    }
  } catch {
    // What came is enough to say what was refused.
  }
  reader?.cancel().catch(() => {})
  // A key that was cut in the middle could not be told from other text.
  return apiKey.hide(text).slice(0, text === '' ? 0 : -apiKey.length)
}

function parse(text: string, apiKey: ApiKey): unknown {
  const hidden = apiKey.hide(text)
  try {
    return JSON.parse(hidden, (_, value) => (typeof value === 'string' ? apiKey.hide(value) : value))
  } catch {
    return hidden
  }
}

/** The id that a response has in its header. */
export function requestIdOf(response: Response, apiKey: ApiKey): string | undefined {
  const id = response.headers.get('X-Request-Id')
  return id === null || id === '' ? undefined : apiKey.hide(id).slice(0, MOST_ID_CHARACTERS)
}
