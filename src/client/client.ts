import { readApiKey } from './api-key.ts'
import { type Answered, attempt } from './attempt.ts'
import { type ClientOptions, checkClientOptions } from './client-options.ts'
import { type ClientRequest, createOutgoing } from './outgoing.ts'
import { readJson } from './read-json.ts'
import { planWaitMs } from './retry.ts'

export { ApiError, type ApiErrorDetails, type ApiIssue } from './api-error.ts'
export type { AppNames, ClientOptions, RetryOptions } from './client-options.ts'
export type { ClientRequest } from './outgoing.ts'
export type { Runtime } from './runtime.ts'

/** Calls one API with one key. Its methods may be passed around by themselves; it holds no key that can be read from it. */
export interface Client {
  /**
   * Sends a request, and again where that is safe and may help. Resolves with the very response of `fetch`, its body unread,
   * as soon as its status and headers are there.
   *
   * @param path - Is put behind `baseUrl`; or a whole address below it, such as a link to the next page.
   * @throws {ApiError} When the answer is neither 2xx nor 304, or none comes.
   * @throws {TypeError} When the request cannot be one, or would leave `baseUrl`. Nothing was sent.
   * @throws What `signal` was aborted with, once it is.
   */
  fetch(path: string | URL, request?: ClientRequest): Promise<Response>
  /**
   * Sends JSON and reads JSON. Timeout and retries cover the whole response, so that one that breaks off is asked for again.
   *
   * @param body - Is sent as JSON; `undefined` sends none.
   * @returns What was sent, unchecked; `undefined` where the body is empty.
   * @throws {ApiError} As {@link Client.fetch}; with the code `invalid_json` when a good answer is no JSON.
   */
  json<Result = unknown>(
    method: string,
    path: string | URL,
    body?: unknown,
    request?: Omit<ClientRequest, 'method' | 'body'>,
  ): Promise<Result>
}

/**
 * Makes a client of an API that takes `Authorization: Bearer <key>`.
 *
 * Repeats a request after 408, 425, 429, 500, 502, 503, 504, 409 `idempotency_in_progress`, a timeout or a network failure:
 * GET, HEAD, OPTIONS, PUT and DELETE, and others that carry an idempotency key, which it makes itself, one for each call. It
 * waits as long as `Retry-After` says, and a random part of 0.5, 1, 2 … 20 seconds on top. It follows no redirect, so its key
 * goes to the origin of `baseUrl` alone.
 *
 * @throws {TypeError} When an option is wrong, or there is no key. The message holds no key.
 */
export function createClient(options: ClientOptions): Client {
  const terms = checkClientOptions(options)
  const apiKey = readApiKey(options.apiKey, terms.apiKeyVariable)

  async function send(path: string | URL, request: ClientRequest, readsBody: boolean): Promise<Answered> {
    const outgoing = await createOutgoing(terms, apiKey, path, request)
    let leftMs = terms.maxWaitMs
    for (let retries = 0; ; retries++) {
      const outcome = await attempt(outgoing, apiKey, terms.runtime, readsBody)
      if (!('error' in outcome)) return outcome
      const mayRetry = outgoing.isRepeatable && outcome.mayPass && retries < terms.maxRetries
      const waitMs = mayRetry ? planWaitMs(outcome.error, retries, leftMs, terms.runtime.random) : undefined
      if (waitMs === undefined) throw outcome.error
      await terms.runtime.sleep(waitMs, outgoing.signal)
      leftMs -= waitMs
    }
  }

  return {
    async fetch(path, request = {}) {
      const { response } = await send(path, request, false)
      return response
    },
    async json<Result>(method: string, path: string | URL, body?: unknown, request: ClientRequest = {}) {
      const headers = new Headers(request.headers)
      if (!headers.has('Accept')) headers.set('Accept', 'application/json')
      if (body !== undefined && !headers.has('Content-Type')) headers.set('Content-Type', 'application/json')
      const sent = body === undefined ? null : JSON.stringify(body)
      const answered = await send(path, { ...request, method, headers, body: sent }, true)
      return readJson(answered, apiKey) as Result
    },
  }
}
