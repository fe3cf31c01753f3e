import { createAddressMatcher } from '../credential/client-address.ts'
import type { KeyRecord, KeyState } from '../model/key-record.ts'
import type { InstantCondition } from '../model/key-store.ts'
import type { SessionClaims } from '../model/session-signer.ts'

/** Why a stored key may not be used for a request. Told apart in events; most are one answer on the wire. */
export type RefusalReason =
  | 'key_deleted'
  | 'key_revoked'
  | 'key_disabled'
  | 'key_not_yet_valid'
  | 'key_expired'
  | 'wrong_owner'
  | 'wrong_audience'
  | 'address_not_allowed'
  | 'missing_scope'

/** What a request asks of a key. */
export interface Asked {
  /** Scopes that the route demands; all must be granted. An empty list demands none. */
  readonly scopes: readonly string[]
  /** This deployment's audience; `undefined` is satisfied only by keys that are good everywhere. */
  readonly audience: string | undefined
  /** Where the request comes from; `undefined` is satisfied only by keys that are good from anywhere. */
  readonly address: string | undefined
  /** The only owner whose keys count; `undefined` takes every owner's. */
  readonly owner: string | undefined
  /** The token that stands for the key: its owner must be the key's, and of the scopes only those count that it has too. */
  readonly session?: Pick<SessionClaims, 'owner' | 'scopes'> | undefined
}

/**
 * Decides whether a stored key may be used for a request: the only place where state, expiry, audience, address
 * and scope are judged, whichever store or copy the record came from.
 *
 * Checks run in a fixed order, so a key that is both revoked and expired always reports `key_revoked`. A key is
 * good from the instant `startsAt` on, and no longer good at the instant `expiresAt`.
 *
 * @param now - Instant to judge against, in milliseconds since the Unix epoch.
 * @returns The reason for refusal, or `undefined` when the key may be used.
 */
export function judgeRecord(record: KeyRecord, asked: Asked, now: number): RefusalReason | undefined {
  if (record.deletedAt !== null) return 'key_deleted'
  if (record.revokedAt !== null) return 'key_revoked'
  if (record.disabledAt !== null) return 'key_disabled'
  if (record.startsAt !== null && now < record.startsAt.getTime()) return 'key_not_yet_valid'
  if (record.expiresAt !== null && now >= record.expiresAt.getTime()) return 'key_expired'
  if (asked.owner !== undefined && record.owner !== asked.owner) return 'wrong_owner'
  if (asked.session !== undefined && record.owner !== asked.session.owner) return 'wrong_owner'
  if (record.audiences.length > 0 && !(asked.audience !== undefined && record.audiences.includes(asked.audience)))
    return 'wrong_audience'
  if (record.addresses.length > 0 && !addressMatcher(record)(asked.address)) return 'address_not_allowed'
  for (const scope of asked.scopes) {
    if (!record.scopes.includes(scope)) return 'missing_scope'
    if (asked.session !== undefined && !asked.session.scopes.includes(scope)) return 'missing_scope'
  }
  return undefined
}

/**
 * Says whether a refusal can never become an admission for this very record, so that a copy, however old, may
 * refuse without looking at the gate (`fence.md`, rule 14).
 */
export function isTerminal(reason: RefusalReason): boolean {
  return reason === 'key_deleted' || reason === 'key_revoked' || reason === 'wrong_owner'
}

/** Names a record's state at an instant, by the same order of checks as {@link judgeRecord}. */
export function stateOf(record: KeyRecord, now: number): KeyState {
  switch (judgeRecord(record, { ...nothingAsked, audience: record.audiences[0] }, now)) {
    case 'key_deleted':
      return 'deleted'
    case 'key_revoked':
      return 'revoked'
    case 'key_disabled':
      return 'disabled'
    case 'key_not_yet_valid':
      return 'scheduled'
    case 'key_expired':
      return 'expired'
    default:
      return 'active'
  }
}

/**
 * States the conditions under which {@link stateOf} gives a state, as data that a store can compare.
 *
 * @param state - `undefined` asks for every key that is not deleted.
 */
export function stateConditions(state: KeyState | undefined, now: number): readonly InstantCondition[] {
  const at = new Date(now)
  const kept: InstantCondition = { field: 'deletedAt', test: 'null', at }
  const standing: readonly InstantCondition[] = [kept, { field: 'revokedAt', test: 'null', at }]
  const enabled: readonly InstantCondition[] = [...standing, { field: 'disabledAt', test: 'null', at }]
  const started: readonly InstantCondition[] = [...enabled, { field: 'startsAt', test: 'nullOrNotAfter', at }]
  switch (state) {
    case undefined:
      return [kept]
    case 'deleted':
      return [{ field: 'deletedAt', test: 'set', at }]
    case 'revoked':
      return [kept, { field: 'revokedAt', test: 'set', at }]
    case 'disabled':
      return [...standing, { field: 'disabledAt', test: 'set', at }]
    case 'scheduled':
      return [...enabled, { field: 'startsAt', test: 'after', at }]
    case 'expired':
      return [...started, { field: 'expiresAt', test: 'notAfter', at }]
    case 'active':
      return [...started, { field: 'expiresAt', test: 'nullOrAfter', at }]
  }
}

const nothingAsked: Asked = { scopes: [], audience: undefined, address: undefined, owner: undefined }

const matchers = new WeakMap<KeyRecord, (address: string | undefined) => boolean>()

function addressMatcher(record: KeyRecord): (address: string | undefined) => boolean {
  let matcher = matchers.get(record)
  if (matcher === undefined) {
    matcher = createAddressMatcher(record.addresses)
    matchers.set(record, matcher)
  }
  return matcher
}
