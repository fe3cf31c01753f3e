import type { AlertKind, AlertRecord, AlertState } from '../model/alert-store.ts'
import type { Metadata } from '../model/key-record.ts'

/** Something about a key, or about credits, that somebody should look at. Holds no API key; safe to log. */
export interface Alert {
  /** `alert_` and a ULID. */
  readonly id: string
  readonly owner: string
  /** Key that it is about; `null` where it is about credits that all keys of the owner share. */
  readonly keyId: string | null
  readonly kind: AlertKind
  readonly state: AlertState
  /** One English sentence. */
  readonly reason: string
  /** The numbers behind it; what there is depends on the kind (`docs/alerts.md`). */
  readonly details: Metadata
  readonly openedAt: Date
  readonly acknowledgedAt: Date | null
  /** Id of the actor; `null` where the application itself acknowledged it. */
  readonly acknowledgedBy: string | null
  readonly snoozedUntil: Date | null
  readonly resolvedAt: Date | null
}

/** An alert as the management API, the webhook and logs show it: instants as ISO 8601 in UTC. */
export interface ShownAlert extends Omit<Alert, 'openedAt' | 'acknowledgedAt' | 'snoozedUntil' | 'resolvedAt'> {
  readonly openedAt: string
  readonly acknowledgedAt: string | null
  readonly snoozedUntil: string | null
  readonly resolvedAt: string | null
}

/** What callers see of a record. */
export function viewAlert(record: AlertRecord): Alert {
  return {
    id: record.id,
    owner: record.owner,
    keyId: record.keyId,
    kind: record.kind,
    state: record.state,
    reason: record.reason,
    details: record.details,
    openedAt: record.openedAt,
    acknowledgedAt: record.acknowledgedAt,
    acknowledgedBy: record.acknowledgedBy,
    snoozedUntil: record.snoozedUntil,
    resolvedAt: record.resolvedAt,
  }
}

/** Writes an alert down as JSON has it. */
export function showAlert(alert: Alert): ShownAlert {
  return {
    ...alert,
    openedAt: alert.openedAt.toISOString(),
    acknowledgedAt: alert.acknowledgedAt?.toISOString() ?? null,
    snoozedUntil: alert.snoozedUntil?.toISOString() ?? null,
    resolvedAt: alert.resolvedAt?.toISOString() ?? null,
  }
}
