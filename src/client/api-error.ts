/** A rule about the input that a request broke. */
export interface ApiIssue {
  /** Leads to the field; the list is empty for the whole. */
  readonly path: readonly (string | number)[]
  readonly message: string
}

/** What is known of a call that failed, beside its message. */
export interface ApiErrorDetails {
  readonly status?: number | null | undefined
  readonly code?: string | null | undefined
  readonly type?: string | null | undefined
  readonly requestId?: string | null | undefined
  readonly retryAfterSeconds?: number | null | undefined
  readonly issues?: readonly ApiIssue[] | undefined
  readonly body?: unknown
  readonly cause?: unknown
}

/**
 * A call that failed: the server refused it, or no answer came. Holds no API key, however it is printed; where a server's
 * answer quotes the key, it reads `[API key]`.
 */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  /** HTTP status; `null` when no answer came. */
  readonly status: number | null
  /**
   * The code that the API answered with, as it is written there; `null` where its answers have none. Without an answer
   * `network_error` or `timeout`; with one that cannot be used `redirected` or `invalid_json`.
   */
  readonly code: string | null
  /** The class of error that the API answered with; `null` where its answers have none. */
  readonly type: string | null
  /** The id of the request, from `X-Request-Id` or the body: for the API's support. */
  readonly requestId: string | null
  /** Seconds until a retry may succeed, as the server says it; `null` where it does not. */
  readonly retryAfterSeconds: number | null
  /** Rules that the input broke; none where the API names none. */
  readonly issues: readonly ApiIssue[]
  readonly #body: unknown

  /** Makes an error of what is known. What is left out is `null`. */
  constructor(message: string, details: ApiErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.status = details.status ?? null
    this.code = details.code ?? null
    this.type = details.type ?? null
    this.requestId = details.requestId ?? null
    this.retryAfterSeconds = details.retryAfterSeconds ?? null
    this.issues = details.issues ?? []
    this.#body = details.body
  }

  /**
   * Body of the answer: parsed where it is JSON, else text, of which at most 65,536 bytes are read; `undefined` when no answer
   * came. In no log by itself, since nobody knows what it holds.
   */
  get body(): unknown {
    return this.#body
  }

  /** What a log line of JSON should have: all but the body and the cause. */
  toJSON(): object {
    const { name, message, status, code, type, requestId, retryAfterSeconds, issues } = this
    return { name, message, status, code, type, requestId, retryAfterSeconds, issues }
  }
}
