import type { Actor } from '../index.ts'

/**
 * What an actor may do through the management API; `*` in its place is everything. An actor grants no scope to a key
 * that it does not have itself.
 *
 * - `keyward:keys:read`: see keys.
 * - `keyward:keys:write`: create, change, rotate, revoke, disable, enable, delete and purge keys.
 * - `keyward:policies:read`: see policies.
 * - `keyward:policies:write`: store policies, which only an actor of every owner may. An actor of one owner needs it
 *   to say which policies a key has, since that can raise the key's own limits.
 * - `keyward:credits:read`: see credits and their movements.
 * - `keyward:credits:write`: top up and set credits, which only an actor of every owner may.
 * - `keyward:audit:read`: list, export and verify audit entries.
 * - `keyward:usage:read`: see usage and rankings.
 * - `keyward:alerts:read`: see alerts.
 * - `keyward:alerts:write`: acknowledge and snooze alerts.
 * - `keyward:verify`: check API keys.
 * - `keyward:alerts:read`: see alerts.
 * - `keyward:alerts:write`: acknowledge and snooze alerts.
 */
export type ManageScope =
  | 'keyward:keys:read'
  | 'keyward:keys:write'
  | 'keyward:policies:read'
  | 'keyward:policies:write'
  | 'keyward:credits:read'
  | 'keyward:credits:write'
  | 'keyward:audit:read'
  | 'keyward:usage:read'
  | 'keyward:alerts:read'
  | 'keyward:alerts:write'
  | 'keyward:verify'
  | 'keyward:alerts:read'
  | 'keyward:alerts:write'

/** Says whether an actor has a scope, by name or by `*`. */
export function hasScope(actor: Actor, scope: ManageScope): boolean {
  return actor.scopes.includes(scope) || actor.scopes.includes('*')
}
