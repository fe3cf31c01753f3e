import type { Migration } from '../sql/migrate-tables.ts'
import { alterOnce } from './alter-once.ts'

/** What audit chains got after their first version. */
export const auditMigrations: readonly Migration[] = [
  {
    name: 'audit-002',
    // `reached_at` is the latest `at` of a chain so far, which never falls: so the order of the list is that of the chains.
    sql: `
      CREATE TABLE IF NOT EXISTS keyward_audit_anchors (
        owner VARBINARY(1024) NOT NULL PRIMARY KEY,
        sequence BIGINT NOT NULL,
        hash VARBINARY(64) NOT NULL,
        reached_at BIGINT NOT NULL
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;
      ${alterOnce(
        'keyward_audit',
        'reached_at',
        `ADD COLUMN reached_at BIGINT NOT NULL DEFAULT 0,
        ADD KEY keyward_audit_by_time (reached_at, owner, sequence),
        ADD KEY keyward_audit_by_owner (owner, reached_at, sequence),
        ADD KEY keyward_audit_by_key (key_id(64), reached_at, owner, sequence),
        ADD KEY keyward_audit_by_action (action, reached_at, owner, sequence),
        ADD KEY keyward_audit_by_owner_action (owner, action, reached_at, sequence)`,
      )}
      ${alterOnce('keyward_audit_heads', 'reached_at', 'ADD COLUMN reached_at BIGINT NOT NULL DEFAULT 0')}

      UPDATE keyward_audit AS entry
        JOIN (
          SELECT owner, sequence, MAX(GREATEST(at, 0)) OVER (PARTITION BY owner ORDER BY sequence) AS at
          FROM keyward_audit
        ) AS reached ON reached.owner = entry.owner AND reached.sequence = entry.sequence
        SET entry.reached_at = reached.at;
      UPDATE keyward_audit_heads AS head SET head.reached_at = COALESCE(
        (SELECT MAX(entry.reached_at) FROM keyward_audit AS entry WHERE entry.owner = head.owner), 0);`,
  },
]
