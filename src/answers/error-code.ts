import { type InputIssue, KeywardError } from '../model/errors.ts'
import { type DenialCode, STANDARD_ANSWERS } from './standard-answers.ts'

/** A rule that input broke, as zod and other Standard Schema libraries name it. */
export interface SchemaIssue {
  /** Way to the field; a step is a name, or an object that has it as `key`. Default: the whole input. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined
  readonly message: string
}

/** What is read of something thrown, whoever threw it. */
interface Thrown {
  readonly status?: unknown
  readonly statusCode?: unknown
  readonly code?: unknown
  readonly expose?: unknown
  readonly getResponse?: unknown
  readonly issues?: unknown
  readonly validation?: unknown
}

const CODES: { readonly [status: number]: DenialCode } = {
  401: 'invalid_api_key',
  402: 'insufficient_credits',
  403: 'forbidden',
  404: 'not_found',
  405: 'method_not_allowed',
  409: 'conflict',
  412: 'precondition_failed',
  413: 'payload_too_large',
  415: 'unsupported_media_type',
  422: 'validation_failed',
  429: 'rate_limit_exceeded',
  503: 'service_unavailable',
}

/**
 * Says whether a code is a failure of the server. It says nothing of the key: whoever takes it for a bad one throws a
 * good one away.
 */
export function isServerFailure(code: DenialCode): boolean {
  return code === 'internal_error' || code === 'service_unavailable'
}

/**
 * Finds the code for something that a handler or framework threw: the library's own errors by their code, broken
 * rules of a schema (zod, Fastify) as `validation_failed`, others by their `status` or `statusCode`, and
 * `internal_error` where there is none.
 *
 * A client of another service throws errors that have a status too. So that such a one never tells our callers to
 * drop their key, to pay or to slow down, 401, 402 and 429 count only from errors that are made to be shown
 * (`http-errors` that expose, Hono's `HTTPException`, Fastify's own).
 */
export function codeOfError(error: unknown): DenialCode {
  if (error instanceof KeywardError) return isDenialCode(error.code) ? error.code : 'internal_error'
  if (typeof error !== 'object' || error === null) return 'internal_error'
  if (issuesOfError(error) !== undefined) return 'validation_failed'
  const { statusCode, status = statusCode } = error as Thrown
  if (typeof status !== 'number' || !(status === 503 || (status >= 400 && status < 500))) return 'internal_error'
  if ((status === 401 || status === 402 || status === 429) && !isForClients(error)) return 'internal_error'
  return CODES[status] ?? 'bad_request'
}

/** Finds the broken rules in something that a schema threw; `undefined` where it is no such thing. */
export function issuesOfError(error: unknown): readonly InputIssue[] | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { issues, validation } = error as Thrown
  if (Array.isArray(issues)) return issues.every(isSchemaIssue) ? inputIssues(issues) : undefined
  return Array.isArray(validation) ? validation.map(ajvIssue) : undefined
}

/** Takes path and message of each issue, and nothing else that a schema library knows of the input. */
export function inputIssues(issues: readonly SchemaIssue[]): readonly InputIssue[] {
  return issues.map(({ path = [], message }) => ({ path: path.map(stepOf), message }))
}

function stepOf(step: PropertyKey | { readonly key: PropertyKey }): string | number {
  const key = typeof step === 'object' ? step.key : step
  return typeof key === 'number' ? key : String(key)
}

function isSchemaIssue(issue: unknown): issue is SchemaIssue {
  if (typeof issue !== 'object' || issue === null) return false
  const { path, message } = issue as { readonly path?: unknown; readonly message?: unknown }
  return typeof message === 'string' && (path === undefined || Array.isArray(path))
}

/** Reads an issue of Ajv (Fastify's validator), whose path is a JSON Pointer (RFC 6901). */
function ajvIssue(issue: { readonly instancePath?: unknown; readonly message?: unknown }): InputIssue {
  const steps = String(issue.instancePath ?? '')
    .split('/')
    .slice(1)
  const path = steps.map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  return { path, message: String(issue.message ?? 'is not valid') }
}

function isForClients(error: Thrown): boolean {
  const isFastify = typeof error.code === 'string' && error.code.startsWith('FST_')
  return error.expose === true || typeof error.getResponse === 'function' || isFastify
}

function isDenialCode(code: string): code is DenialCode {
  return Object.hasOwn(STANDARD_ANSWERS, code)
}
