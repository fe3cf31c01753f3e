import { foldNames } from '../sql/fold-names.ts'
import { NEVER_USED } from '../sql/key-row.ts'
import type { Migration } from '../sql/migrate-tables.ts'

/** What searches and orders of the list of keys need. */
export const listMigrations: readonly Migration[] = [
  {
    name: 'keys-002',
    // Every key has a row of uses from now on, so that the order by last use is an index, keys without a use included.
    sql: `
      ALTER TABLE keyward_keys ADD COLUMN name_folded TEXT COLLATE "C" NOT NULL DEFAULT '';

      ALTER TABLE keyward_key_uses ADD COLUMN owner TEXT COLLATE "C" NOT NULL DEFAULT '';
      UPDATE keyward_key_uses AS u SET owner = k.owner FROM keyward_keys k WHERE k.id = u.key_id;
      INSERT INTO keyward_key_uses (key_id, owner, last_used_at)
        SELECT id, owner, ${NEVER_USED} FROM keyward_keys ON CONFLICT (key_id) DO NOTHING;`,
    fill: foldNames,
    indexes: `
      CREATE INDEX keyward_keys_by_name ON keyward_keys (name_folded, id);
      CREATE INDEX keyward_keys_by_owner_name ON keyward_keys (owner, name_folded, id);
      CREATE INDEX keyward_keys_by_start ON keyward_keys (start) WHERE start IS NOT NULL;
      CREATE INDEX keyward_keys_disabled ON keyward_keys (owner, id) WHERE disabled_at IS NOT NULL;
      CREATE INDEX keyward_keys_revoked ON keyward_keys (owner, id) WHERE revoked_at IS NOT NULL;
      CREATE INDEX keyward_keys_deleted ON keyward_keys (owner, id) WHERE deleted_at IS NOT NULL;
      CREATE INDEX keyward_keys_by_begin ON keyward_keys (starts_at) WHERE starts_at IS NOT NULL;
      CREATE INDEX keyward_keys_by_end ON keyward_keys (expires_at) WHERE expires_at IS NOT NULL;
      CREATE INDEX keyward_keys_by_owner_end ON keyward_keys (owner, expires_at) WHERE expires_at IS NOT NULL;
      CREATE INDEX keyward_key_uses_by_use ON keyward_key_uses (last_used_at, key_id);
      CREATE INDEX keyward_key_uses_by_owner ON keyward_key_uses (owner, last_used_at, key_id);`,
  },
]
