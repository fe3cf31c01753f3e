import type { Migration } from './migrations.ts'

/** Alerts, what they are judged by, and messages that tell of them. */
export const alertMigrations: readonly Migration[] = [
  {
    name: 'alerts-001',
    // `held` is kind and subject while an alert is unresolved: of each, one at most.
    sql: `
      CREATE TABLE keyward_alerts (
        id TEXT NOT NULL PRIMARY KEY,
        owner TEXT NOT NULL,
        key_id TEXT,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        held TEXT UNIQUE,
        state TEXT NOT NULL,
        reason TEXT NOT NULL,
        details TEXT NOT NULL,
        opened_at INTEGER NOT NULL,
        acknowledged_at INTEGER,
        acknowledged_by TEXT,
        snoozed_until INTEGER,
        resolved_at INTEGER,
        calm_since INTEGER,
        version INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;
      CREATE INDEX keyward_alerts_by_owner ON keyward_alerts (owner, id);
      CREATE INDEX keyward_alerts_by_key ON keyward_alerts (key_id, id) WHERE key_id IS NOT NULL;
      CREATE INDEX keyward_alerts_by_state ON keyward_alerts (state, id);
      CREATE INDEX keyward_alerts_by_owner_state ON keyward_alerts (owner, state, id);
      CREATE INDEX keyward_alerts_by_hold ON keyward_alerts (id) WHERE held IS NOT NULL;
      CREATE INDEX keyward_alerts_by_end ON keyward_alerts (resolved_at) WHERE resolved_at IS NOT NULL;

      CREATE TABLE keyward_alert_lineages (
        lineage TEXT NOT NULL PRIMARY KEY,
        networks INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE keyward_alert_networks (
        lineage TEXT NOT NULL,
        network TEXT NOT NULL,
        first_at INTEGER NOT NULL,
        PRIMARY KEY (lineage, network)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE keyward_alert_turns (
        name TEXT NOT NULL PRIMARY KEY,
        next_at INTEGER NOT NULL,
        place TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE keyward_alert_deliveries (
        id TEXT NOT NULL PRIMARY KEY,
        body TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        next_at INTEGER NOT NULL,
        attempts INTEGER NOT NULL,
        token TEXT
      ) STRICT;
      CREATE INDEX keyward_alert_deliveries_by_time ON keyward_alert_deliveries (next_at);`,
  },
]
