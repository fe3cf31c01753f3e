import type { Migration } from '../sql/migrate-tables.ts'
import { alertMigrations } from './mysql-alert-migrations.ts'
import { auditMigrations } from './mysql-audit-migrations.ts'
import { listMigrations } from './mysql-list-migrations.ts'
import { usageMigrations } from './mysql-usage-migrations.ts'

/**
 * Every migration that this version knows, in the order in which they are applied. DDL commits by itself here: a crash may
 * leave half of a migration, so every statement can be repeated.
 *
 * Text is bytes of UTF-8: compared exactly, without padding, case or accents folded away, whatever the character set of
 * server, table or connection. Numbers are 64 bits. What is indexed is bounded; `sql_mode` does not matter, for a text
 * that is too long is refused before it is sent.
 */
export const mysqlMigrations: readonly Migration[] = [
  {
    name: 'keys-001',
    sql: `
      CREATE TABLE IF NOT EXISTS keyward_lineages (
        id VARBINARY(1024) NOT NULL PRIMARY KEY,
        owner VARBINARY(1024) NOT NULL,
        version BIGINT NOT NULL
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

      CREATE TABLE IF NOT EXISTS keyward_keys (
        id VARBINARY(1024) NOT NULL PRIMARY KEY,
        lineage VARBINARY(1024) NOT NULL,
        digest VARBINARY(1024) NOT NULL,
        pepper_version BIGINT NOT NULL,
        owner VARBINARY(1024) NOT NULL,
        created_by MEDIUMBLOB,
        name MEDIUMBLOB NOT NULL,
        start MEDIUMBLOB,
        scopes MEDIUMBLOB NOT NULL,
        policies MEDIUMBLOB NOT NULL,
        audiences MEDIUMBLOB NOT NULL,
        addresses MEDIUMBLOB NOT NULL,
        metadata MEDIUMBLOB NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        starts_at BIGINT,
        expires_at BIGINT,
        disabled_at BIGINT,
        revoked_at BIGINT,
        deleted_at BIGINT,
        rotated_from MEDIUMBLOB,
        rotated_to MEDIUMBLOB,
        \`schema\` BIGINT NOT NULL,
        UNIQUE KEY keyward_keys_by_digest (digest),
        KEY keyward_keys_by_owner (owner, id),
        KEY keyward_keys_by_lineage (lineage),
        KEY keyward_keys_by_pepper (deleted_at, pepper_version)
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

      CREATE TABLE IF NOT EXISTS keyward_key_uses (
        key_id VARBINARY(1024) NOT NULL PRIMARY KEY,
        last_used_at BIGINT NOT NULL
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

      CREATE TABLE IF NOT EXISTS keyward_tombstones (
        id VARBINARY(1024) NOT NULL PRIMARY KEY,
        owner VARBINARY(1024) NOT NULL,
        lineage VARBINARY(1024) NOT NULL,
        name MEDIUMBLOB NOT NULL,
        start MEDIUMBLOB,
        purged_at BIGINT NOT NULL
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;`,
  },
  {
    name: 'audit-001',
    sql: `
      CREATE TABLE IF NOT EXISTS keyward_audit (
        owner VARBINARY(1024) NOT NULL,
        sequence BIGINT NOT NULL,
        action VARBINARY(64) NOT NULL,
        key_id MEDIUMBLOB,
        actor MEDIUMBLOB,
        address MEDIUMBLOB,
        request_id MEDIUMBLOB,
        at BIGINT NOT NULL,
        details MEDIUMBLOB NOT NULL,
        previous_hash VARBINARY(64) NOT NULL,
        hash VARBINARY(64) NOT NULL,
        PRIMARY KEY (owner, sequence)
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

      CREATE TABLE IF NOT EXISTS keyward_audit_heads (
        owner VARBINARY(1024) NOT NULL PRIMARY KEY,
        sequence BIGINT NOT NULL,
        hash VARBINARY(64) NOT NULL
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;`,
  },
  {
    name: 'policies-001',
    sql: `
      CREATE TABLE IF NOT EXISTS keyward_policies (
        name VARBINARY(1024) NOT NULL PRIMARY KEY,
        windows MEDIUMBLOB NOT NULL,
        version BIGINT NOT NULL,
        updated_at BIGINT
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;`,
  },
  {
    name: 'notes-001',
    sql: `
      CREATE TABLE IF NOT EXISTS keyward_notes (
        name VARBINARY(1024) NOT NULL PRIMARY KEY,
        text MEDIUMBLOB NOT NULL
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;`,
  },
  {
    name: 'outbox-001',
    sql: `
      CREATE TABLE IF NOT EXISTS keyward_outbox (
        lineage VARBINARY(1024) NOT NULL PRIMARY KEY,
        owner VARBINARY(1024) NOT NULL,
        version BIGINT NOT NULL,
        sequence BIGINT NOT NULL AUTO_INCREMENT,
        UNIQUE KEY keyward_outbox_by_sequence (sequence)
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;`,
  },
  {
    name: 'credits-001',
    sql: `
      CREATE TABLE IF NOT EXISTS keyward_accounts (
        owner VARBINARY(1024) NOT NULL,
        lineage VARBINARY(1024) NOT NULL,
        balance BIGINT NOT NULL CHECK (balance >= 0),
        reserved BIGINT NOT NULL CHECK (reserved >= 0),
        sequence BIGINT NOT NULL,
        refill MEDIUMBLOB,
        refill_at BIGINT,
        PRIMARY KEY (owner, lineage)
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;

      CREATE TABLE IF NOT EXISTS keyward_movements (
        owner VARBINARY(1024) NOT NULL,
        lineage VARBINARY(1024) NOT NULL,
        sequence BIGINT NOT NULL,
        kind VARBINARY(64) NOT NULL,
        amount BIGINT NOT NULL,
        balance BIGINT NOT NULL,
        shortfall BIGINT NOT NULL,
        operation VARBINARY(1024),
        key_id MEDIUMBLOB,
        request_id MEDIUMBLOB,
        actor MEDIUMBLOB,
        reason MEDIUMBLOB,
        at BIGINT NOT NULL,
        asked VARBINARY(64),
        state VARBINARY(64),
        token MEDIUMBLOB,
        taken BIGINT,
        lease_until BIGINT,
        after_lease VARBINARY(64),
        PRIMARY KEY (owner, lineage, sequence),
        UNIQUE KEY keyward_movements_by_operation (owner, lineage, operation),
        KEY keyward_movements_by_lease (lease_until)
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;`,
  },
  {
    name: 'claims-001',
    sql: `
      CREATE TABLE IF NOT EXISTS keyward_claims (
        id VARBINARY(1024) NOT NULL PRIMARY KEY,
        owner VARBINARY(1024) NOT NULL,
        fingerprint MEDIUMBLOB NOT NULL,
        state VARBINARY(64) NOT NULL,
        token MEDIUMBLOB,
        attempt BIGINT NOT NULL,
        request_id MEDIUMBLOB NOT NULL,
        at BIGINT NOT NULL,
        lease_until BIGINT NOT NULL,
        expires_at BIGINT NOT NULL,
        answer MEDIUMBLOB,
        KEY keyward_claims_by_owner (owner, expires_at),
        KEY keyward_claims_by_end (expires_at)
      ) ENGINE = InnoDB ROW_FORMAT = DYNAMIC;`,
  },
  ...auditMigrations,
  ...alertMigrations,
  ...usageMigrations,
  ...listMigrations,
]
