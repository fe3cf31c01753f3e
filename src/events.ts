import type { Alert } from './alerts/alert.ts'
import type { DenialCode } from './answers/standard-answers.ts'
import type { RefusalReason } from './keys/judge.ts'
import type { AuditAction } from './model/audit-entry.ts'
import type { GateWarning } from './model/gate.ts'

/** Why a request was refused, finer than the code on the wire. */
export type DenialReason = RefusalReason | DenialCode | 'key_unknown' | 'policy_missing'

/** What may be away, each by itself. */
export type Part = 'store' | 'gate' | 'channel' | 'start' | 'uses' | 'walk' | 'exchange' | 'usage' | 'alerts'

/**
 * What an observer is told. Facts, typed, without API keys, digests or peppers: the base for logs, metrics and
 * alerts. Values that a client chose (none but `path`-like fields of later rooms) are never in it.
 */
export type KeywardEvent =
  | {
      readonly type: 'admitted'
      readonly requestId: string
      readonly keyId: string
      readonly owner: string
      /** Units that were counted. */
      readonly cost: number
      /** How long the check took, in milliseconds with fractions: from the header to the decision. */
      readonly durationMs: number
    }
  | {
      readonly type: 'denied'
      readonly requestId: string
      readonly code: DenialCode
      readonly reason: DenialReason
      /** Present once the key is known. */
      readonly keyId: string | undefined
      readonly owner: string | undefined
      readonly address: string | undefined
      /** Milliseconds, with fractions, from the beginning of the check: of a refusal before the handler, the body's arrival included. */
      readonly durationMs: number
    }
  | {
      readonly type: 'changed'
      readonly action: AuditAction
      readonly keyId: string | null
      readonly owner: string
      readonly actor: string | null
      /** Version of the lineage, policy or account after the change. */
      readonly version: number
      /** Whether the gate has acknowledged the change. */
      readonly fenced: boolean
    }
  /** A session token was minted from a key. */
  | {
      readonly type: 'minted'
      readonly sessionId: string
      readonly keyId: string
      readonly owner: string
      readonly actor: string | null
      readonly expiresAt: Date
    }
  /** The management API refused a request: that of an actor, or of a stranger, whose `actor` is `null`. */
  | {
      readonly type: 'manage_refused'
      readonly requestId: string
      readonly code: DenialCode
      /** Id of the actor. */
      readonly actor: string | null
      /** The actor's only owner; `null` for one of every owner, `undefined` for a stranger. */
      readonly owner: string | null | undefined
      readonly address: string | undefined
    }
  /** Entries of a chain were old enough to be purged, up to a sequence. */
  | {
      readonly type: 'audit_purged'
      readonly owner: string
      /** How many entries are gone. */
      readonly entries: number
      readonly throughSequence: number
    }
  /** A secret scanner found a key in the open. */
  | {
      readonly type: 'leaked'
      readonly keyId: string
      readonly owner: string
      /** Whether this report revoked the key. */
      readonly isNew: boolean
      readonly fenced: boolean
    }
  /** A copy was older than a change and is read again. */
  | { readonly type: 'stale'; readonly requestId: string; readonly keyId: string; readonly version: number }
  /** Part of the library cannot do its work; `cause` is what was thrown. Told once, until it has recovered. */
  | { readonly type: 'degraded'; readonly part: Part; readonly cause: unknown }
  /** The part works again, and has not failed for a second. */
  | { readonly type: 'recovered'; readonly part: Part }
  /** A handler threw what was answered as an error of the server; `cause` is what it threw. */
  | { readonly type: 'failed'; readonly requestId: string; readonly cause: unknown }
  /** An alert was opened, or opened again after it was snoozed. */
  | { readonly type: 'alert_opened'; readonly alert: Alert }
  /** What an alert warned of no longer holds. */
  | { readonly type: 'alert_resolved'; readonly alert: Alert }
  /** A message of the alerts' webhook was given up: it is sent no more. */
  | {
      readonly type: 'alert_undelivered'
      readonly messageId: string
      /** Tries, from 1. */
      readonly attempts: number
      /** What went wrong at the last one. */
      readonly reason: string
    }
  /** Requests that usage has not counted: the store was away for too long, or could not take their counts. */
  | {
      readonly type: 'usage_dropped'
      /** How many requests at most. */
      readonly requests: number
    }
  /** Something is probably not what the host meant. Told once each. */
  | {
      readonly type: 'warning'
      readonly code: 'client_address_unset' | 'mounted_twice' | 'loaded_twice' | GateWarning['code']
      readonly message: string
    }

/** Receives events as they happen. What it throws is dropped: no observer can fail a request. */
export type Observer = (event: KeywardEvent) => void

/** Tells an observer without letting it break anything. */
export function tell(observer: Observer | undefined, event: KeywardEvent): void {
  if (observer === undefined) return
  try {
    const told: unknown = observer(event)
    if (told instanceof Promise) told.catch(() => {})
  } catch {
    // An observer's failure is the observer's: the request that it was told of goes on.
  }
}
