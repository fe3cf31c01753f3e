import { ApiError } from './api-error.ts'
import type { ApiKey } from './api-key.ts'
import { type Failed, readFailure } from './failure.ts'
import type { Outgoing } from './outgoing.ts'
import type { Runtime } from './runtime.ts'

/** An answer that is good. */
export interface Answered {
  readonly response: Response
  /** The body; empty where it was not to be read. */
  readonly text: string
}

/**
 * Sends a call once. The timeout ends with the response's headers, or with its body where that is read: who is handed a
 * stream reads it for as long as it likes.
 *
 * @throws What the caller's signal was aborted with; nothing else.
 */
export async function attempt(
  { url, init, signal, timeoutSeconds, givesRedirects }: Outgoing,
  apiKey: ApiKey,
  { fetch, now, startTimeout }: Runtime,
  readsBody: boolean,
): Promise<Answered | Failed> {
  const timeout = new AbortController()
  const stopTimeout = startTimeout(timeoutSeconds * 1_000, () => timeout.abort())
  try {
    signal?.throwIfAborted()
    const either = signal === undefined ? timeout.signal : AbortSignal.any([timeout.signal, signal])
    const response = await fetch(url, { ...init, signal: either })
    const isRedirect = response.status >= 300 && response.status < 400 && response.status !== 304
    if (response.ok || response.status === 304 || (isRedirect && givesRedirects))
      return { response, text: readsBody ? await response.text() : '' }
    const failure = await readFailure(response, url, apiKey, now())
    signal?.throwIfAborted()
    return failure
  } catch (cause) {
    signal?.throwIfAborted()
    const error = timeout.signal.aborted
      ? new ApiError(`No complete answer came within ${timeoutSeconds} seconds.`, { code: 'timeout' })
      : new ApiError('No complete answer came: the connection failed.', {
          code: 'network_error',
          cause: apiKey.hideInError(cause),
        })
    return { error, mayPass: true }
  } finally {
    stopTimeout()
  }
}
