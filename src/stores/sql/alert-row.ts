import {
  type AlertKind,
  type AlertQuery,
  type AlertRecord,
  type AlertState,
  type ClaimedDelivery,
  type DeliveryDraft,
  holdOf,
} from '../../model/alert-store.ts'
import { StoreUnavailableError } from '../../model/errors.ts'
import { type Row, RowReader, textOf } from './row-reader.ts'

/** Columns of an alert. Instants are milliseconds since the Unix epoch. */
export interface AlertRow {
  readonly id: string
  readonly owner: string
  readonly key_id: string | null
  readonly kind: string
  readonly subject: string
  /** Kind and subject while it is unresolved, and unique; NULL afterwards. */
  readonly held: string | null
  readonly state: string
  readonly reason: string
  readonly details: string
  readonly opened_at: number
  readonly acknowledged_at: number | null
  readonly acknowledged_by: string | null
  readonly snoozed_until: number | null
  readonly resolved_at: number | null
  readonly calm_since: number | null
  readonly version: number
}

/** Every column of {@link AlertRow}. */
export const ALERT_COLUMNS = [
  ...(['id', 'owner', 'key_id', 'kind', 'subject', 'held', 'state', 'reason', 'details', 'opened_at'] as const),
  ...(['acknowledged_at', 'acknowledged_by', 'snoozed_until', 'resolved_at', 'calm_since', 'version'] as const),
] satisfies readonly (keyof AlertRow)[]

const KINDS: ReadonlySet<string> = new Set<AlertKind>([
  ...(['rate_spike', 'error_spike', 'new_network', 'credits_low', 'expiry_near', 'rotation_due'] as const),
])
const STATES: ReadonlySet<string> = new Set<AlertState>(['open', 'acknowledged', 'snoozed', 'resolved'])

export function encodeAlert(alert: AlertRecord): AlertRow {
  return {
    id: alert.id,
    owner: alert.owner,
    key_id: alert.keyId,
    kind: alert.kind,
    subject: alert.subject,
    held: alert.state === 'resolved' ? null : holdOf(alert),
    state: alert.state,
    reason: alert.reason,
    details: JSON.stringify(alert.details),
    opened_at: alert.openedAt.getTime(),
    acknowledged_at: alert.acknowledgedAt?.getTime() ?? null,
    acknowledged_by: alert.acknowledgedBy,
    snoozed_until: alert.snoozedUntil?.getTime() ?? null,
    resolved_at: alert.resolvedAt?.getTime() ?? null,
    calm_since: alert.calmSince?.getTime() ?? null,
    version: alert.version,
  }
}

/** @throws {StoreUnavailableError} Naming the alert, when its row is damaged. */
export function decodeAlert(row: Row): AlertRecord {
  const name = `alert ${textOf(row['id'])}`
  const reader = new RowReader(row, name)
  const [kind, state] = [reader.text('kind'), reader.text('state')]
  if (!KINDS.has(kind) || !STATES.has(state))
    throw new StoreUnavailableError(`The store's ${name} cannot be read: it is damaged or too new.`)
  return {
    id: reader.text('id'),
    owner: reader.text('owner'),
    keyId: reader.textOrNull('key_id'),
    kind: kind as AlertKind,
    subject: reader.text('subject'),
    state: state as AlertState,
    reason: reader.text('reason'),
    details: reader.object('details'),
    openedAt: reader.instant('opened_at'),
    acknowledgedAt: reader.instantOrNull('acknowledged_at'),
    acknowledgedBy: reader.textOrNull('acknowledged_by'),
    snoozedUntil: reader.instantOrNull('snoozed_until'),
    resolvedAt: reader.instantOrNull('resolved_at'),
    calmSince: reader.instantOrNull('calm_since'),
    version: reader.integer('version'),
  }
}

/** A comparison with a column of an alert. */
export interface AlertComparison {
  readonly column: 'owner' | 'key_id' | 'state' | 'id'
  readonly operator: '=' | '<'
  readonly value: string
}

/** What a query asks of every alert, but for whether it is resolved. */
export function comparisonsOfAlerts({ owner, keyId, state, beforeId }: AlertQuery): readonly AlertComparison[] {
  const comparisons: AlertComparison[] = []
  if (owner !== undefined) comparisons.push({ column: 'owner', operator: '=', value: owner })
  if (keyId !== undefined) comparisons.push({ column: 'key_id', operator: '=', value: keyId })
  if (state !== undefined && state !== 'unresolved') comparisons.push({ column: 'state', operator: '=', value: state })
  if (beforeId !== undefined) comparisons.push({ column: 'id', operator: '<', value: beforeId })
  return comparisons
}

/** Columns of a message that waits to be sent. */
export interface DeliveryRow {
  readonly id: string
  readonly body: string
  readonly created_at: number
  readonly next_at: number
  readonly attempts: number
  /** `null` while nobody is sending it. */
  readonly token: string | null
}

export function encodeDelivery({ id, body, at }: DeliveryDraft): DeliveryRow {
  return { id, body, created_at: at.getTime(), next_at: at.getTime(), attempts: 0, token: null }
}

/** Reads a message that was just claimed, as it was before. @throws {StoreUnavailableError} When its row is damaged. */
export function decodeClaimed(row: Row): ClaimedDelivery {
  const reader = new RowReader(row, `message ${textOf(row['id'])}`)
  return {
    id: reader.text('id'),
    body: reader.text('body'),
    createdAt: reader.instant('created_at'),
    attempt: reader.integer('attempts') + 1,
  }
}
