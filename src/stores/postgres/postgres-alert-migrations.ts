import type { Migration } from '../sql/migrate-tables.ts'

/** Alerts, what they are judged by, and messages that tell of them. */
export const alertMigrations: readonly Migration[] = [
  {
    name: 'alerts-001',
    // `held` is kind and subject while an alert is unresolved: of each, one at most.
    sql: `
      CREATE TABLE keyward_alerts (
        id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        owner TEXT COLLATE "C" NOT NULL,
        key_id TEXT COLLATE "C",
        kind TEXT COLLATE "C" NOT NULL,
        subject TEXT COLLATE "C" NOT NULL,
        held TEXT COLLATE "C" UNIQUE,
        state TEXT COLLATE "C" NOT NULL,
        reason TEXT COLLATE "C" NOT NULL,
        details TEXT COLLATE "C" NOT NULL,
        opened_at BIGINT NOT NULL,
        acknowledged_at BIGINT,
        acknowledged_by TEXT COLLATE "C",
        snoozed_until BIGINT,
        resolved_at BIGINT,
        calm_since BIGINT,
        version BIGINT NOT NULL
      );
      CREATE INDEX keyward_alerts_by_owner ON keyward_alerts (owner, id);
      CREATE INDEX keyward_alerts_by_key ON keyward_alerts (key_id, id) WHERE key_id IS NOT NULL;
      CREATE INDEX keyward_alerts_by_state ON keyward_alerts (state, id);
      CREATE INDEX keyward_alerts_by_owner_state ON keyward_alerts (owner, state, id);
      CREATE INDEX keyward_alerts_by_hold ON keyward_alerts (id) WHERE held IS NOT NULL;
      CREATE INDEX keyward_alerts_by_end ON keyward_alerts (resolved_at) WHERE resolved_at IS NOT NULL;

      CREATE TABLE keyward_alert_lineages (
        lineage TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        networks BIGINT NOT NULL
      );

      CREATE TABLE keyward_alert_networks (
        lineage TEXT COLLATE "C" NOT NULL,
        network TEXT COLLATE "C" NOT NULL,
        first_at BIGINT NOT NULL,
        PRIMARY KEY (lineage, network)
      );

      CREATE TABLE keyward_alert_turns (
        name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        next_at BIGINT NOT NULL,
        place TEXT COLLATE "C" NOT NULL
      );

      CREATE TABLE keyward_alert_deliveries (
        id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        body TEXT COLLATE "C" NOT NULL,
        created_at BIGINT NOT NULL,
        next_at BIGINT NOT NULL,
        attempts BIGINT NOT NULL,
        token TEXT COLLATE "C"
      );
      CREATE INDEX keyward_alert_deliveries_by_time ON keyward_alert_deliveries (next_at);`,
  },
]
