import type { Migration } from '../sql/migrate-tables.ts'

/** Counts of requests. */
export const usageMigrations: readonly Migration[] = [
  {
    name: 'usage-001',
    // The owner is that of a key, and only there: so the last index has rows of keys, and no others.
    sql: `
      CREATE TABLE keyward_usage (
        span TEXT COLLATE "C" NOT NULL,
        scope TEXT COLLATE "C" NOT NULL,
        dimension TEXT COLLATE "C" NOT NULL,
        at BIGINT NOT NULL,
        name TEXT COLLATE "C" NOT NULL,
        owner TEXT COLLATE "C",
        label TEXT COLLATE "C",
        requests BIGINT NOT NULL,
        refused BIGINT NOT NULL,
        succeeded BIGINT NOT NULL,
        redirected BIGINT NOT NULL,
        client_errors BIGINT NOT NULL,
        server_errors BIGINT NOT NULL,
        credits BIGINT NOT NULL,
        PRIMARY KEY (span, scope, dimension, at, name)
      ) WITH (fillfactor = 80);
      CREATE INDEX keyward_usage_by_name ON keyward_usage (span, scope, dimension, name, at);
      CREATE INDEX keyward_usage_by_time ON keyward_usage (span, at);
      CREATE INDEX keyward_usage_by_app ON keyward_usage (span, dimension, name, at, scope) WHERE owner IS NOT NULL;

      CREATE TABLE keyward_usage_writers (
        writer TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        sequence BIGINT NOT NULL,
        at BIGINT NOT NULL
      ) WITH (fillfactor = 80);`,
  },
]
