import type { Migration } from './migrations.ts'

/** Tables that requests write to: credits and idempotency records. */
export const requestMigrations: readonly Migration[] = [
  {
    name: 'credits-001',
    // A movement's last five columns are those of a debit: under its operation, the row is also the reservation.
    sql: `
      CREATE TABLE keyward_accounts (
        owner TEXT NOT NULL,
        lineage TEXT NOT NULL,
        balance INTEGER NOT NULL CHECK (balance BETWEEN 0 AND 9007199254740991),
        reserved INTEGER NOT NULL CHECK (reserved BETWEEN 0 AND 9007199254740991),
        sequence INTEGER NOT NULL,
        refill TEXT,
        refill_at INTEGER,
        PRIMARY KEY (owner, lineage)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE keyward_movements (
        owner TEXT NOT NULL,
        lineage TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        kind TEXT NOT NULL,
        amount INTEGER NOT NULL,
        balance INTEGER NOT NULL,
        shortfall INTEGER NOT NULL,
        operation TEXT,
        key_id TEXT,
        request_id TEXT,
        actor TEXT,
        reason TEXT,
        at INTEGER NOT NULL,
        asked TEXT,
        state TEXT,
        token TEXT,
        taken INTEGER,
        lease_until INTEGER,
        after_lease TEXT,
        PRIMARY KEY (owner, lineage, sequence)
      ) STRICT, WITHOUT ROWID;

      CREATE UNIQUE INDEX keyward_movements_by_operation ON keyward_movements (owner, lineage, operation)
        WHERE operation IS NOT NULL;
      CREATE INDEX keyward_movements_by_lease ON keyward_movements (lease_until) WHERE lease_until IS NOT NULL;`,
  },
  {
    name: 'claims-001',
    // The answer comes last, so that the other columns are read without it.
    sql: `
      CREATE TABLE keyward_claims (
        id TEXT NOT NULL PRIMARY KEY,
        owner TEXT NOT NULL,
        fingerprint TEXT NOT NULL,
        state TEXT NOT NULL,
        token TEXT,
        attempt INTEGER NOT NULL,
        request_id TEXT NOT NULL,
        at INTEGER NOT NULL,
        lease_until INTEGER NOT NULL,
        expires_at INTEGER NOT NULL,
        answer BLOB
      ) STRICT;

      CREATE INDEX keyward_claims_by_owner ON keyward_claims (owner, expires_at);
      CREATE INDEX keyward_claims_by_end ON keyward_claims (expires_at);`,
  },
]
