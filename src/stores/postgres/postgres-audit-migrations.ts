import type { Migration } from '../sql/migrate-tables.ts'

/** What audit chains got after their first version. */
export const auditMigrations: readonly Migration[] = [
  {
    name: 'audit-002',
    // `reached_at` is the latest `at` of a chain so far, which never falls: so the order of the list is that of the chains.
    sql: `
      ALTER TABLE keyward_audit ADD COLUMN reached_at BIGINT NOT NULL DEFAULT 0;
      UPDATE keyward_audit AS entry SET reached_at = reached.at
        FROM (
          SELECT owner, sequence, MAX(GREATEST(at, 0)) OVER (PARTITION BY owner ORDER BY sequence) AS at
          FROM keyward_audit
        ) AS reached
        WHERE reached.owner = entry.owner AND reached.sequence = entry.sequence;

      ALTER TABLE keyward_audit_heads ADD COLUMN reached_at BIGINT NOT NULL DEFAULT 0;
      UPDATE keyward_audit_heads AS head SET reached_at = COALESCE(
        (SELECT MAX(entry.reached_at) FROM keyward_audit AS entry WHERE entry.owner = head.owner), 0);

      CREATE TABLE keyward_audit_anchors (
        owner TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        sequence BIGINT NOT NULL,
        hash TEXT COLLATE "C" NOT NULL,
        reached_at BIGINT NOT NULL
      );

      CREATE INDEX keyward_audit_by_time ON keyward_audit (reached_at, owner, sequence);
      CREATE INDEX keyward_audit_by_owner ON keyward_audit (owner, reached_at, sequence);
      CREATE INDEX keyward_audit_by_key ON keyward_audit (key_id, reached_at, owner, sequence) WHERE key_id IS NOT NULL;
      CREATE INDEX keyward_audit_by_action ON keyward_audit (action, reached_at, owner, sequence);
      CREATE INDEX keyward_audit_by_owner_action ON keyward_audit (owner, action, reached_at, sequence);`,
  },
]
