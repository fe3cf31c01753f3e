import type { ColumnType, Generated } from 'kysely'
import type { AccountRow } from './account-row.ts'
import type { AlertRow, DeliveryRow } from './alert-row.ts'
import type { AuditHead, AuditRow } from './audit-row.ts'
import type { ClaimedRow, ClaimRow } from './claim-row.ts'
import type { KeyRow } from './key-row.ts'
import type { MovementRow } from './movement-row.ts'
import type { PolicyRow } from './policy-row.ts'
import type { UsageColumns } from './usage-row.ts'

/** The tables of the library, as `SqlKeyStore` writes to them. What comes back is read with `RowReader`. */
export interface Tables {
  keyward_lineages: Unread<{ id: string; owner: string; version: number }>
  keyward_keys: Unread<KeyRow>
  keyward_key_uses: Unread<{ key_id: string; owner: string; last_used_at: number }>
  keyward_tombstones: Unread<TombstoneRow>
  keyward_audit: Unread<AuditRow>
  keyward_audit_heads: Unread<{ owner: string } & AuditHead>
  keyward_audit_anchors: Unread<{ owner: string } & AuditHead>
  keyward_policies: Unread<PolicyRow>
  keyward_notes: Unread<{ name: string; text: string }>
  keyward_outbox: Unread<{ lineage: string; owner: string; version: number }> & { sequence: Generated<unknown> }
  keyward_accounts: Unread<AccountRow>
  keyward_movements: Unread<MovementRow>
  keyward_claims: Unread<ClaimedRow> & {
    answer: ColumnType<unknown, ClaimRow['answer'] | undefined, ClaimRow['answer']>
  }
  keyward_alerts: Unread<AlertRow>
  keyward_alert_lineages: Unread<{ lineage: string; networks: number }>
  keyward_alert_networks: Unread<{ lineage: string; network: string; first_at: number }>
  keyward_alert_turns: Unread<{ name: string; next_at: number; place: string }>
  keyward_alert_deliveries: Unread<DeliveryRow>
  keyward_usage: Unread<UsageColumns>
  keyward_usage_writers: Unread<{ writer: string; sequence: number; at: number }>
  keyward_migrations: Unread<{ name: string; applied_at: number }>
}

/** What is left of a removed key. */
export interface TombstoneRow {
  readonly id: string
  readonly owner: string
  readonly lineage: string
  readonly name: string
  readonly start: string | null
  readonly purged_at: number
}

/** Columns that are bound as they are declared, and of which a driver may return anything. */
type Unread<T> = { [K in keyof T]: ColumnType<unknown, T[K], T[K]> }
