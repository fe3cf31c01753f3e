import type { Migration } from '../sql/migrate-tables.ts'
import { alertMigrations } from './postgres-alert-migrations.ts'
import { auditMigrations } from './postgres-audit-migrations.ts'
import { gateMigrations } from './postgres-gate-migrations.ts'
import { listMigrations } from './postgres-list-migrations.ts'
import { usageMigrations } from './postgres-usage-migrations.ts'

/**
 * Every migration that this version knows, in the order in which they are applied. Text is compared by its bytes
 * (COLLATE "C"): exactly, and in the same order everywhere. Nothing refers to lineages by a foreign key, whose checks
 * would lock rows that requests read.
 */
export const postgresMigrations: readonly Migration[] = [
  {
    name: 'keys-001',
    sql: `
      CREATE TABLE keyward_lineages (
        id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        owner TEXT COLLATE "C" NOT NULL,
        version BIGINT NOT NULL
      ) WITH (fillfactor = 80);

      CREATE TABLE keyward_keys (
        id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        lineage TEXT COLLATE "C" NOT NULL,
        digest TEXT COLLATE "C" NOT NULL UNIQUE,
        pepper_version BIGINT NOT NULL,
        owner TEXT COLLATE "C" NOT NULL,
        created_by TEXT COLLATE "C",
        name TEXT COLLATE "C" NOT NULL,
        start TEXT COLLATE "C",
        scopes TEXT COLLATE "C" NOT NULL,
        policies TEXT COLLATE "C" NOT NULL,
        audiences TEXT COLLATE "C" NOT NULL,
        addresses TEXT COLLATE "C" NOT NULL,
        metadata TEXT COLLATE "C" NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        starts_at BIGINT,
        expires_at BIGINT,
        disabled_at BIGINT,
        revoked_at BIGINT,
        deleted_at BIGINT,
        rotated_from TEXT COLLATE "C",
        rotated_to TEXT COLLATE "C",
        schema BIGINT NOT NULL
      );
      CREATE INDEX keyward_keys_by_owner ON keyward_keys (owner, id);
      CREATE INDEX keyward_keys_by_lineage ON keyward_keys (lineage);
      CREATE INDEX keyward_keys_by_pepper ON keyward_keys (pepper_version) WHERE deleted_at IS NULL;

      CREATE TABLE keyward_key_uses (
        key_id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        last_used_at BIGINT NOT NULL
      ) WITH (fillfactor = 80);

      CREATE TABLE keyward_tombstones (
        id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        owner TEXT COLLATE "C" NOT NULL,
        lineage TEXT COLLATE "C" NOT NULL,
        name TEXT COLLATE "C" NOT NULL,
        start TEXT COLLATE "C",
        purged_at BIGINT NOT NULL
      );`,
  },
  {
    name: 'audit-001',
    sql: `
      CREATE TABLE keyward_audit (
        owner TEXT COLLATE "C" NOT NULL,
        sequence BIGINT NOT NULL,
        action TEXT COLLATE "C" NOT NULL,
        key_id TEXT COLLATE "C",
        actor TEXT COLLATE "C",
        address TEXT COLLATE "C",
        request_id TEXT COLLATE "C",
        at BIGINT NOT NULL,
        details TEXT COLLATE "C" NOT NULL,
        previous_hash TEXT COLLATE "C" NOT NULL,
        hash TEXT COLLATE "C" NOT NULL,
        PRIMARY KEY (owner, sequence)
      );

      CREATE TABLE keyward_audit_heads (
        owner TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        sequence BIGINT NOT NULL,
        hash TEXT COLLATE "C" NOT NULL
      ) WITH (fillfactor = 80);`,
  },
  {
    name: 'policies-001',
    sql: `
      CREATE TABLE keyward_policies (
        name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        windows TEXT COLLATE "C" NOT NULL,
        version BIGINT NOT NULL,
        updated_at BIGINT
      );`,
  },
  {
    name: 'notes-001',
    sql: `
      CREATE TABLE keyward_notes (
        name TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        text TEXT COLLATE "C" NOT NULL
      );`,
  },
  {
    name: 'outbox-001',
    sql: `
      CREATE TABLE keyward_outbox (
        lineage TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        owner TEXT COLLATE "C" NOT NULL,
        version BIGINT NOT NULL,
        sequence BIGINT NOT NULL GENERATED ALWAYS AS IDENTITY
      );
      CREATE INDEX keyward_outbox_by_sequence ON keyward_outbox (sequence);`,
  },
  ...gateMigrations,
  {
    name: 'credits-001',
    sql: `
      CREATE TABLE keyward_accounts (
        owner TEXT COLLATE "C" NOT NULL,
        lineage TEXT COLLATE "C" NOT NULL,
        balance BIGINT NOT NULL CHECK (balance >= 0),
        reserved BIGINT NOT NULL CHECK (reserved >= 0),
        sequence BIGINT NOT NULL,
        refill TEXT COLLATE "C",
        refill_at BIGINT,
        PRIMARY KEY (owner, lineage)
      ) WITH (fillfactor = 50);

      CREATE TABLE keyward_movements (
        owner TEXT COLLATE "C" NOT NULL,
        lineage TEXT COLLATE "C" NOT NULL,
        sequence BIGINT NOT NULL,
        kind TEXT COLLATE "C" NOT NULL,
        amount BIGINT NOT NULL,
        balance BIGINT NOT NULL,
        shortfall BIGINT NOT NULL,
        operation TEXT COLLATE "C",
        key_id TEXT COLLATE "C",
        request_id TEXT COLLATE "C",
        actor TEXT COLLATE "C",
        reason TEXT COLLATE "C",
        at BIGINT NOT NULL,
        asked TEXT COLLATE "C",
        state TEXT COLLATE "C",
        token TEXT COLLATE "C",
        taken BIGINT,
        lease_until BIGINT,
        after_lease TEXT COLLATE "C",
        PRIMARY KEY (owner, lineage, sequence)
      );
      CREATE UNIQUE INDEX keyward_movements_by_operation ON keyward_movements (owner, lineage, operation)
        WHERE operation IS NOT NULL;
      CREATE INDEX keyward_movements_by_lease ON keyward_movements (lease_until) WHERE lease_until IS NOT NULL;`,
  },
  {
    name: 'claims-001',
    sql: `
      CREATE TABLE keyward_claims (
        id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
        owner TEXT COLLATE "C" NOT NULL,
        fingerprint TEXT COLLATE "C" NOT NULL,
        state TEXT COLLATE "C" NOT NULL,
        token TEXT COLLATE "C",
        attempt BIGINT NOT NULL,
        request_id TEXT COLLATE "C" NOT NULL,
        at BIGINT NOT NULL,
        lease_until BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        answer BYTEA
      );
      CREATE INDEX keyward_claims_by_owner ON keyward_claims (owner, expires_at);
      CREATE INDEX keyward_claims_by_end ON keyward_claims (expires_at);`,
  },
  ...auditMigrations,
  ...alertMigrations,
  ...usageMigrations,
  ...listMigrations,
]
