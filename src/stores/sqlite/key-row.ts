import { KEY_COLUMNS, type KeyRow } from '../sql/key-row.ts'
import type { SqliteValue } from './sqlite-handle.ts'

/** Reads whole records, each with its lineage's version and its last use, in one snapshot. Conditions follow. */
export const SELECT_KEYS = `
  SELECT ${KEY_COLUMNS.map((column) => `k.${column}`).join(', ')}, l.version, u.last_used_at
  FROM keyward_keys k
  LEFT JOIN keyward_lineages l ON l.id = k.lineage
  LEFT JOIN keyward_key_uses u ON u.key_id = k.id`

/** Inserts a row, or replaces the one of the same id and lineage; binds {@link keyValues}. */
export const PUT_KEY = `
  INSERT INTO keyward_keys (${KEY_COLUMNS.join(', ')}) VALUES (${KEY_COLUMNS.map(() => '?').join(', ')})
  ON CONFLICT (id) DO UPDATE SET ${KEY_COLUMNS.map((column) => `${column} = excluded.${column}`).join(', ')}
  WHERE keyward_keys.lineage = excluded.lineage`

/** What {@link PUT_KEY} binds. */
export function keyValues(row: KeyRow): SqliteValue[] {
  return KEY_COLUMNS.map((column) => row[column])
}
