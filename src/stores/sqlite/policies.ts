import type { AuditDraft } from '../../model/audit-entry.ts'
import type { Policy } from '../../model/policy.ts'
import { decodePolicy, encodePolicy } from '../sql/policy-row.ts'
import { appendAudit } from './audit-chain.ts'
import type { SqliteConnection } from './connection.ts'

/** All stored policies, in order of name. */
export function listPolicies(connection: SqliteConnection): readonly Policy[] {
  return connection.all('SELECT * FROM keyward_policies ORDER BY name').map(decodePolicy)
}

/** Stores a policy and its audit entry in one transaction, if the stored version is exactly one below. */
export async function setPolicy(connection: SqliteConnection, policy: Policy, audit: AuditDraft): Promise<boolean> {
  const { name, windows, version, updated_at: updatedAt } = encodePolicy(policy)
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
