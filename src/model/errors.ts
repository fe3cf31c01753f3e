/** A rule about an input field that was broken. `path` leads to the field; the list is empty for the whole. */
export interface InputIssue {
  readonly path: readonly (string | number)[]
  readonly message: string
}

/**
 * What the library throws. A refused request is never thrown: it is a `Denial`, a value. No message holds an API
 * key, a digest or a pepper.
 */
export abstract class KeywardError extends Error {
  /** Stable; to be switched on. */
  abstract readonly code: string
}

/** An option is wrong. Thrown at start, with the option and the rule in the message; nothing was started. */
export class ConfigError extends KeywardError {
  override readonly name = 'ConfigError'
  readonly code = 'config_error'
}

/** The input of a management call breaks a rule. Nothing was changed. */
export class InvalidInputError extends KeywardError {
  override readonly name = 'InvalidInputError'
  readonly code = 'validation_failed'
  readonly issues: readonly InputIssue[]

  constructor(issues: readonly InputIssue[]) {
    super(
      issues
        .map((issue) => (issue.path.length === 0 ? issue.message : `${issue.path.join('.')}: ${issue.message}`))
        .join('; '),
    )
    this.issues = issues
  }
}

/** The actor may not do this, or may not grant as much. Nothing was changed. */
export class ForbiddenError extends KeywardError {
  override readonly name = 'ForbiddenError'
  readonly code = 'forbidden'
}

/** No such key or policy, or none that this actor may see: the two are told apart nowhere. */
export class NotFoundError extends KeywardError {
  override readonly name = 'NotFoundError'
  readonly code = 'not_found'
}

/** The key that something shall be done with is unknown, revoked, disabled, expired or not yet valid: 401. Nothing was changed. */
export class InvalidKeyError extends KeywardError {
  override readonly name = 'InvalidKeyError'
  readonly code = 'invalid_api_key'
}

/**
 * What is stored stands in the way, and nothing was changed: `conflict`, the key's state does not allow it or
 * somebody else was first; `precondition_failed`, the version is no longer the one that was asked for.
 */
export class StoreConflictError extends KeywardError {
  override readonly name = 'StoreConflictError'
  readonly code: 'conflict' | 'precondition_failed'

  constructor(message: string, code: 'conflict' | 'precondition_failed' = 'conflict') {
    super(message)
    this.code = code
  }
}

/**
 * A store or gate failed, was too slow, or returned what cannot be read. `cause` is kept. A write may or may not
 * have been made; a read concluded nothing.
 */
export class StoreUnavailableError extends KeywardError {
  override readonly name = 'StoreUnavailableError'
  readonly code = 'service_unavailable'
}
