/** Why a request was refused: one code inside, whatever a profile calls it on the wire. */
export type DenialCode = keyof typeof STANDARD

/** What goes on the wire for a code: one line of a profile's table. */
export interface Answer {
  /** HTTP status, 400 to 599. */
  readonly status: number
  /** Code that clients see. */
  readonly code: string
  /** Class of error that clients see. */
  readonly type: string
  /** Sentence for people. */
  readonly message: string
}

const STANDARD = {
  missing_authorization_header: [401, 'Missing Authorization header. Use Bearer <api_key>.'],
  malformed_authorization_header: [401, 'Malformed Authorization header. Send it once, as Bearer <api_key>.'],
  invalid_api_key_format: [401, 'Invalid API key.'],
  invalid_api_key: [401, 'Invalid API key.'],
  invalid_session_token: [401, 'Invalid or expired session token.'],
  invalid_signature: [401, 'Missing or invalid signature.'],
  insufficient_credits: [402, 'Insufficient credits.'],
  insufficient_scope: [403, 'The API key does not have the scope that this request needs.'],
  address_not_allowed: [403, 'The API key may not be used from this address.'],
  forbidden: [403, 'This request is not allowed.'],
  not_found: [404, 'Not found.'],
  method_not_allowed: [405, 'This resource does not support the method of the request.'],
  idempotency_key_mismatch: [409, 'This Idempotency-Key was already used for a different request.'],
  idempotency_in_progress: [409, 'A request with this Idempotency-Key is still running. Retry later.'],
  idempotency_not_replayable: [
    409,
    'The request with this Idempotency-Key was completed, but its response cannot be sent again.',
  ],
  conflict: [409, 'The request conflicts with the current state of the resource.'],
  precondition_failed: [412, 'The resource has changed since it was read.'],
  payload_too_large: [413, 'The request body is too large.'],
  unsupported_media_type: [415, 'The media type of the request body is not supported.'],
  bad_request: [400, 'The request could not be parsed.'],
  idempotency_key_required: [400, 'This request needs an Idempotency-Key header.'],
  invalid_idempotency_key: [
    400,
    'Invalid Idempotency-Key header. Send it once, with 1 to 255 printable ASCII characters.',
  ],
  validation_failed: [422, 'The request breaks a rule about its input.'],
  rate_limit_exceeded: [429, 'Rate limit exceeded. Please try again later.'],
  too_many_failed_attempts: [429, 'Too many failed attempts. Please try again later.'],
  internal_error: [500, 'Something went wrong on our side.'],
  service_unavailable: [503, 'The service is temporarily unavailable. Please try again.'],
} as const satisfies Record<string, readonly [status: number, message: string]>

/** Every denial code, in the order of the table. */
export const DENIAL_CODES = Object.keys(STANDARD) as readonly DenialCode[]

/**
 * The answers of the default profile. An `invalid_api_key_format` is shown as `invalid_api_key`: a caller who
 * guesses learns nothing of the format.
 */
export const STANDARD_ANSWERS = Object.fromEntries(
  DENIAL_CODES.map((code) => [code, standardAnswer(code)]),
) as Readonly<Record<DenialCode, Answer>>

/** Reason phrases (RFC 9110 section 15) of the statuses that a profile may use; others have none. */
export const STATUS_PHRASES: { readonly [status: number]: string } = {
  400: 'Bad Request',
  401: 'Unauthorized',
  402: 'Payment Required',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  422: 'Unprocessable Content',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  503: 'Service Unavailable',
}

function standardAnswer(code: DenialCode): Answer {
  const [status, message] = STANDARD[code]
  return { status, code: code === 'invalid_api_key_format' ? 'invalid_api_key' : code, type: typeOf(status), message }
}

function typeOf(status: number): string {
  if (status === 429) return 'rate_limit_error'
  return status >= 500 ? 'api_error' : 'invalid_request_error'
}
