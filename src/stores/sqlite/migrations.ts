import { alertMigrations } from './alert-migrations.ts'
import { auditMigrations } from './audit-migrations.ts'
import type { SqliteConnection } from './connection.ts'
import { listMigrations } from './list-migrations.ts'
import { requestMigrations } from './request-migrations.ts'
import { usageMigrations } from './usage-migrations.ts'

/** A step from one schema to the next: applied once, whole or not at all, and never changed after its release. */
export interface Migration {
  /** Room and number, so that rooms never renumber each other. */
  readonly name: string
  readonly sql: string
  /** What no SQL can do, after it. */
  readonly fill?: (connection: SqliteConnection) => void
  /** Indexes over what was filled in, which are quicker to make when it is there. */
  readonly indexes?: string
}

/** Every migration that this version knows, in the order in which they are applied. */
export const MIGRATIONS: readonly Migration[] = [
  {
    name: 'keys-001',
    sql: `
      CREATE TABLE keyward_lineages (
        id TEXT NOT NULL PRIMARY KEY,
        owner TEXT NOT NULL,
        version INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE keyward_keys (
        id TEXT NOT NULL PRIMARY KEY,
        lineage TEXT NOT NULL REFERENCES keyward_lineages (id),
        digest TEXT NOT NULL UNIQUE,
        pepper_version INTEGER NOT NULL,
        owner TEXT NOT NULL,
        created_by TEXT,
        name TEXT NOT NULL,
        start TEXT,
        scopes TEXT NOT NULL,
        policies TEXT NOT NULL,
        audiences TEXT NOT NULL,
        addresses TEXT NOT NULL,
        metadata TEXT NOT NULL,
        created_at INTEGER NOT NULL,
        updated_at INTEGER NOT NULL,
        starts_at INTEGER,
        expires_at INTEGER,
        disabled_at INTEGER,
        revoked_at INTEGER,
        deleted_at INTEGER,
        rotated_from TEXT,
        rotated_to TEXT,
        schema INTEGER NOT NULL
      ) STRICT;

      CREATE INDEX keyward_keys_by_owner ON keyward_keys (owner, id);
      CREATE INDEX keyward_keys_by_lineage ON keyward_keys (lineage);
      CREATE INDEX keyward_keys_by_pepper ON keyward_keys (pepper_version) WHERE deleted_at IS NULL;

      CREATE TABLE keyward_key_uses (
        key_id TEXT NOT NULL PRIMARY KEY,
        last_used_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE keyward_tombstones (
        id TEXT NOT NULL PRIMARY KEY,
        owner TEXT NOT NULL,
        lineage TEXT NOT NULL,
        name TEXT NOT NULL,
        start TEXT,
        purged_at INTEGER NOT NULL
      ) STRICT, WITHOUT ROWID;`,
  },
  {
    name: 'audit-001',
    sql: `
      CREATE TABLE keyward_audit (
        owner TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        action TEXT NOT NULL,
        key_id TEXT,
        actor TEXT,
        address TEXT,
        request_id TEXT,
        at INTEGER NOT NULL,
        details TEXT NOT NULL,
        previous_hash TEXT NOT NULL,
        hash TEXT NOT NULL,
        PRIMARY KEY (owner, sequence)
      ) STRICT, WITHOUT ROWID;

      CREATE TABLE keyward_audit_heads (
        owner TEXT NOT NULL PRIMARY KEY,
        sequence INTEGER NOT NULL,
        hash TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;`,
  },
  {
    name: 'policies-001',
    sql: `
      CREATE TABLE keyward_policies (
        name TEXT NOT NULL PRIMARY KEY,
        windows TEXT NOT NULL,
        version INTEGER NOT NULL,
        updated_at INTEGER
      ) STRICT, WITHOUT ROWID;`,
  },
  {
    name: 'notes-001',
    sql: `
      CREATE TABLE keyward_notes (
        name TEXT NOT NULL PRIMARY KEY,
        text TEXT NOT NULL
      ) STRICT, WITHOUT ROWID;`,
  },
  {
    name: 'servers-001',
    sql: `
      CREATE TABLE keyward_servers (
        slot INTEGER NOT NULL PRIMARY KEY CHECK (slot = 1),
        id TEXT NOT NULL,
        pid INTEGER NOT NULL,
        host TEXT NOT NULL,
        renewed_at INTEGER NOT NULL
      ) STRICT;`,
  },
  {
    name: 'outbox-001',
    // No foreign key: what is in here outlives a purge. The sequence is that of the oldest change that is not fenced.
    sql: `
      CREATE TABLE keyward_outbox (
        sequence INTEGER NOT NULL PRIMARY KEY,
        lineage TEXT NOT NULL UNIQUE,
        owner TEXT NOT NULL,
        version INTEGER NOT NULL
      ) STRICT;`,
  },
  ...requestMigrations,
  ...auditMigrations,
  ...alertMigrations,
  ...usageMigrations,
  ...listMigrations,
]
