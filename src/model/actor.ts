import { ForbiddenError, NotFoundError } from './errors.ts'

/** Who performs a management action. */
export interface Actor {
  readonly id: string
  /** The only owner whose objects the actor sees and changes; `null` for one who acts for every owner. */
  readonly owner: string | null
  /** What the actor may do and grant; `*` is everything. */
  readonly scopes: readonly string[]
}

/** Around a management call: who asks, from where, under which condition. The library's own host needs none of it. */
export interface ManageContext {
  /** `undefined` is the application itself, which may do everything. */
  readonly actor?: Actor | undefined
  /** Address for the audit entry. */
  readonly address?: string | undefined
  /** Request id for the audit entry. */
  readonly requestId?: string | undefined
  /** Version that the key, policy or account must have; else `StoreConflictError` with code `precondition_failed`, and nothing is changed. */
  readonly ifVersion?: number | undefined
}

/**
 * The only owner that an actor acts for; `undefined` where it acts for every owner, which takes an explicit `null`.
 *
 * @throws {ForbiddenError} When the actor does not say.
 */
export function ownerOf(actor: Actor | undefined): string | undefined {
  if (actor === undefined || actor.owner === null) return undefined
  if (typeof actor.owner !== 'string')
    throw new ForbiddenError('An actor must name its owner, or null for every owner.')
  return actor.owner
}

/** @throws {NotFoundError} When an actor reaches for what is another owner's: it is as if it were not there. */
export function checkReach(actor: Actor | undefined, owner: string): void {
  const only = ownerOf(actor)
  if (only !== undefined && only !== owner) throw new NotFoundError('There is no such key or owner.')
}

/** @throws {ForbiddenError} When an actor would grant more than it has. */
export function checkGrant(actor: Actor | undefined, scopes: readonly string[]): void {
  if (actor === undefined || actor.scopes.includes('*')) return
  if (!scopes.every((scope) => actor.scopes.includes(scope)))
    throw new ForbiddenError('An actor cannot grant scopes that it does not have.')
}
