import { foldNames } from '../sql/fold-names.ts'
import { NEVER_USED } from '../sql/key-row.ts'
import type { Migration } from '../sql/migrate-tables.ts'
import { alterOnce } from './alter-once.ts'

/** What searches and orders of the list of keys need. */
export const listMigrations: readonly Migration[] = [
  {
    name: 'keys-002',
    // Every key has a row of uses from now on, so that the order by last use is an index, keys without a use included.
    sql: `
      ${alterOnce(
        'keyward_keys',
        'name_folded',
        `ADD COLUMN name_folded VARBINARY(512) NOT NULL,
        ADD KEY keyward_keys_by_name (name_folded, id),
        ADD KEY keyward_keys_by_owner_name (owner, name_folded, id),
        ADD KEY keyward_keys_by_start (start(64)),
        ADD KEY keyward_keys_disabled (disabled_at),
        ADD KEY keyward_keys_revoked (revoked_at),
        ADD KEY keyward_keys_by_begin (starts_at),
        ADD KEY keyward_keys_by_end (expires_at)`,
      )}
      ${alterOnce(
        'keyward_key_uses',
        'owner',
        `ADD COLUMN owner VARBINARY(1024) NOT NULL,
        ADD KEY keyward_key_uses_by_use (last_used_at, key_id),
        ADD KEY keyward_key_uses_by_owner (owner, last_used_at, key_id)`,
      )}
      UPDATE keyward_key_uses u JOIN keyward_keys k ON k.id = u.key_id SET u.owner = k.owner;
      INSERT INTO keyward_key_uses (key_id, owner, last_used_at)
        SELECT id, owner, ${NEVER_USED} FROM keyward_keys
        ON DUPLICATE KEY UPDATE key_id = key_id;`,
    fill: foldNames,
  },
]
