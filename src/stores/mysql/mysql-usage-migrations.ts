import type { Migration } from '../sql/migrate-tables.ts'

/** Counts of requests. */
export const usageMigrations: readonly Migration[] = [
  {
    name: 'usage-001',
    sql: `
      CREATE TABLE IF NOT EXISTS keyward_usage (
        span VARBINARY(8) NOT NULL,
        scope VARBINARY(1032) NOT NULL,
        dimension VARBINARY(16) NOT NULL,
        at BIGINT NOT NULL,
        name VARBINARY(1024) NOT NULL,
        owner VARBINARY(1024),
        label MEDIUMBLOB,
        requests BIGINT NOT NULL,
        refused BIGINT NOT NULL,
        succeeded BIGINT NOT NULL,
        redirected BIGINT NOT NULL,
        client_errors BIGINT NOT NULL,
        server_errors BIGINT NOT NULL,
        credits BIGINT NOT NULL,
        PRIMARY KEY (span, scope, dimension, at, name),
        KEY keyward_usage_by_name (span, scope, dimension, name, at),
        KEY keyward_usage_by_time (span, at),
        KEY keyward_usage_by_app (span, dimension, name, at, scope)
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

      CREATE TABLE IF NOT EXISTS keyward_usage_writers (
        writer VARBINARY(64) NOT NULL PRIMARY KEY,
        sequence BIGINT NOT NULL,
        at BIGINT NOT NULL
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;`,
  },
]
