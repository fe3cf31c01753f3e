import type { Migration } from '../sql/migrate-tables.ts'

/** Alerts, what they are judged by, and messages that tell of them. */
export const alertMigrations: readonly Migration[] = [
  {
    name: 'alerts-001',
    // `held` is kind and subject while an alert is unresolved: of each, one at most.
    sql: `
      CREATE TABLE IF NOT EXISTS keyward_alerts (
        id VARBINARY(64) NOT NULL PRIMARY KEY,
        owner VARBINARY(1024) NOT NULL,
        key_id VARBINARY(1024),
        kind VARBINARY(64) NOT NULL,
        subject VARBINARY(1536) NOT NULL,
        held VARBINARY(1600),
        state VARBINARY(64) NOT NULL,
        reason MEDIUMBLOB NOT NULL,
        details MEDIUMBLOB NOT NULL,
        opened_at BIGINT NOT NULL,
        acknowledged_at BIGINT,
        acknowledged_by MEDIUMBLOB,
        snoozed_until BIGINT,
        resolved_at BIGINT,
        calm_since BIGINT,
        version BIGINT NOT NULL,
        UNIQUE KEY keyward_alerts_by_hold (held),
        KEY keyward_alerts_by_owner (owner, id),
        KEY keyward_alerts_by_key (key_id, id),
        KEY keyward_alerts_by_state (state, id),
        KEY keyward_alerts_by_owner_state (owner, state, id),
        KEY keyward_alerts_by_end (resolved_at)
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

      CREATE TABLE IF NOT EXISTS keyward_alert_lineages (
        lineage VARBINARY(1024) NOT NULL PRIMARY KEY,
        networks BIGINT NOT NULL
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

      CREATE TABLE IF NOT EXISTS keyward_alert_networks (
        lineage VARBINARY(1024) NOT NULL,
        network VARBINARY(64) NOT NULL,
        first_at BIGINT NOT NULL,
        PRIMARY KEY (lineage, network)
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

      CREATE TABLE IF NOT EXISTS keyward_alert_turns (
        name VARBINARY(64) NOT NULL PRIMARY KEY,
        next_at BIGINT NOT NULL,
        place MEDIUMBLOB NOT NULL
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

      CREATE TABLE IF NOT EXISTS keyward_alert_deliveries (
        id VARBINARY(64) NOT NULL PRIMARY KEY,
        body MEDIUMBLOB NOT NULL,
        created_at BIGINT NOT NULL,
        next_at BIGINT NOT NULL,
        attempts BIGINT NOT NULL,
        token VARBINARY(64),
        KEY keyward_alert_deliveries_by_time (next_at)
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;`,
  },
]
