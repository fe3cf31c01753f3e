import { ApiError } from './api-error.ts'
import type { ApiKey } from './api-key.ts'
import type { Answered } from './attempt.ts'
import { MOST_BODY_BYTES, requestIdOf } from './failure.ts'

/** Reads the body of a good answer as JSON; `undefined` where it is empty. @throws {ApiError} When it is none. */
export function readJson({ response, text }: Answered, apiKey: ApiKey): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    // What JSON.parse throws quotes the body, which may be a secret of the caller's: it is no cause.
    throw new ApiError('The body of the answer is not JSON.', {
      status: response.status,
      code: 'invalid_json',
      requestId: requestIdOf(response, apiKey),
      body: apiKey.hide(text).slice(0, MOST_BODY_BYTES),
    })
  }
}
