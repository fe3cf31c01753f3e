import type { Migration } from './migrations.ts'

/** Counts of requests. */
export const usageMigrations: readonly Migration[] = [
  {
    name: 'usage-001',
    // The owner is that of a key, and only there: so the last index has rows of keys, and no others.
    sql: `
      CREATE TABLE keyward_usage (
        span TEXT NOT NULL,
        scope TEXT NOT NULL,
        dimension TEXT NOT NULL,
        at INTEGER NOT NULL,
        name TEXT NOT NULL,
        owner TEXT,
        label TEXT,
        requests INTEGER NOT NULL,
        refused INTEGER NOT NULL,
        succeeded INTEGER NOT NULL,
        redirected INTEGER NOT NULL,
        client_errors INTEGER NOT NULL,
        server_errors INTEGER NOT NULL,
        credits INTEGER NOT NULL,
        PRIMARY KEY (span, scope, dimension, at, name)
      ) STRICT, WITHOUT ROWID;

      CREATE INDEX keyward_usage_by_name ON keyward_usage (span, scope, dimension, name, at);
      CREATE INDEX keyward_usage_by_time ON keyward_usage (span, at);
      CREATE INDEX keyward_usage_by_app ON keyward_usage (span, dimension, name, at, scope) WHERE owner IS NOT NULL;

      CREATE TABLE keyward_usage_writers (
        writer TEXT NOT NULL PRIMARY KEY,
        sequence INTEGER NOT NULL,
        rows_added INTEGER NOT NULL,
        at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;`,
  },
]
