import type { AuditDraft } from '../../model/audit-entry.ts'
import { StoreUnavailableError } from '../../model/errors.ts'
import type { Policy, Window } from '../../model/policy.ts'
import { appendAudit } from './audit-chain.ts'
import type { SqliteConnection } from './connection.ts'
import { RowReader } from './row-reader.ts'

/** All stored policies, in order of name. */
export function listPolicies(connection: SqliteConnection): readonly Policy[] {
  return connection.all('SELECT * FROM keyward_policies ORDER BY name').map((row) => {
    const reader = new RowReader(row, `policy ${row['name']}`)
    const windows = reader.json('windows')
    if (!Array.isArray(windows) || !windows.every(isWindow))
      throw new StoreUnavailableError(`sqlite: policy ${row['name']} cannot be read: its windows are damaged.`)
    return {
      name: reader.text('name'),
      windows,
      version: reader.integer('version'),
      updatedAt: reader.instantOrNull('updated_at'),
    }
  })
}

/** Stores a policy and its audit entry in one transaction, if the stored version is exactly one below. */
export async function setPolicy(connection: SqliteConnection, policy: Policy, audit: AuditDraft): Promise<boolean> {
  const { name, version } = policy
  const windows = JSON.stringify(policy.windows)
  const updatedAt = policy.updatedAt?.getTime() ?? null
  return connection.write(() => {
    const stored =
      version === 1
        ? connection.run(
            `INSERT INTO keyward_policies (name, windows, version, updated_at) VALUES (?, ?, 1, ?)
             ON CONFLICT (name) DO NOTHING`,
            ...[name, windows, updatedAt],
          )
        : connection.run(
            'UPDATE keyward_policies SET windows = ?, version = ?, updated_at = ? WHERE name = ? AND version = ? - 1',
            ...[windows, version, updatedAt, name, version],
          )
    if (stored === 1) appendAudit(connection, audit)
    return stored === 1
  })
}

function isWindow(value: unknown): value is Window {
  if (typeof value !== 'object' || value === null) return false
  const { limit, windowSeconds, per } = value as { limit?: unknown; windowSeconds?: unknown; per?: unknown }
  const isKnown = per === undefined || per === 'key' || per === 'owner'
  return Number.isSafeInteger(limit) && Number.isSafeInteger(windowSeconds) && isKnown
}
