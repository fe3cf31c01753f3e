import type { ApiErrorDetails, ApiIssue } from './api-error.ts'

/** What an error's body says. */
export interface Envelope extends Pick<ApiErrorDetails, 'code' | 'type' | 'requestId' | 'issues'> {
  readonly message: string | undefined
}

const MOST_CHARACTERS = 1_000
const MOST_ISSUES = 100

/**
 * Reads the envelopes that APIs wrap errors in: `{ error: { type, code, message, request_id, issues } }`, the same members
 * without `error` around them, `{ error: 'text' }`, `{ message }`, and problem details (RFC 9457). Anything else says nothing.
 */
export function readEnvelope(body: unknown): Envelope {
  const outer = asObject(body)
  const inner = asObject(outer['error'])
  const read = (...names: readonly string[]) =>
    [inner, outer].flatMap((from) => names.map((name) => asText(from[name]))).find((text) => text !== undefined)
  const type = read('type')
  return {
    message: read('message', 'detail', 'title') ?? asText(outer['error']),
    code: read('code'),
    type: type === 'about:blank' ? undefined : type,
    requestId: read('request_id', 'requestId'),
    issues: asIssues(inner['issues'] ?? outer['issues'] ?? outer['errors']),
  }
}

function asIssues(value: unknown): readonly ApiIssue[] {
  if (!Array.isArray(value)) return []
  return value.slice(0, MOST_ISSUES).flatMap((each) => {
    const { path, pointer, message, detail } = asObject(each)
    const text = asText(message) ?? asText(detail)
    return text === undefined
      ? []
      : { path: Array.isArray(path) ? path.filter(isStep) : readPointer(pointer), message: text }
  })
}

function isStep(step: unknown): step is string | number {
  return typeof step === 'string' || typeof step === 'number'
}

/** Reads a JSON Pointer in a URI fragment (RFC 6901 section 6), such as `#/items/0`. */
function readPointer(pointer: unknown): readonly string[] {
  if (typeof pointer !== 'string') return []
  const steps = pointer.replace(/^#/, '').split('/').slice(1)
  return steps.map((step) => decode(step).replaceAll('~1', '/').replaceAll('~0', '~'))
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {}
}

function asText(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value.slice(0, MOST_CHARACTERS) : undefined
}
