import { type KeyRow, NEVER_USED, READ_COLUMNS, STORED_COLUMNS } from '../sql/key-row.ts'
import type { SqliteValue } from './sqlite-handle.ts'

/** Reads whole records, each with its lineage's version and its last use, in one snapshot. Conditions follow. */
export const SELECT_KEYS = `
  SELECT ${READ_COLUMNS}
  FROM keyward_keys k
  LEFT JOIN keyward_lineages l ON l.id = k.lineage
  LEFT JOIN keyward_key_uses u ON u.key_id = k.id`

/** Inserts a row, or replaces the one of the same id and lineage; binds {@link keyValues}. */
export const PUT_KEY = `
  INSERT INTO keyward_keys (${STORED_COLUMNS.join(', ')}) VALUES (${STORED_COLUMNS.map(() => '?').join(', ')})
  ON CONFLICT (id) DO UPDATE SET ${STORED_COLUMNS.map((column) => `${column} = excluded.${column}`).join(', ')}
  WHERE keyward_keys.lineage = excluded.lineage`

/** What {@link PUT_KEY} binds. */
export function keyValues(row: KeyRow): SqliteValue[] {
  return STORED_COLUMNS.map((column) => row[column])
}

/** Gives a key its row of uses, unless it has one; binds id and owner. */
export const PUT_USE = `
  INSERT INTO keyward_key_uses (key_id, owner, last_used_at) VALUES (?, ?, ${NEVER_USED}) ON CONFLICT (key_id) DO NOTHING`
