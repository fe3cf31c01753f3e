/**
 * Writes statements that alter a table unless it has a column already. The alteration is one statement, which is made whole
 * or not at all; no form of it that may be repeated is known to both MySQL and MariaDB.
 */
export function alterOnce(table: string, column: string, alteration: string): string {
  return `
      SET @keyward_alteration = IF(
        EXISTS (
          SELECT 1 FROM information_schema.columns
          WHERE table_schema = DATABASE() AND table_name = '${table}' AND column_name = '${column}'
        ),
        'DO 0',
        'ALTER TABLE ${table} ${alteration}'
      );
      PREPARE keyward_alteration FROM @keyward_alteration;
      EXECUTE keyward_alteration;
      DEALLOCATE PREPARE keyward_alteration;`
}
