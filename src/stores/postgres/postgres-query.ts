/** A row as the driver returned it: column names and whatever it makes of their types. */
export type PostgresRow = Readonly<Record<string, unknown>>

/**
 * Runs one statement on any connection of the user's pool, in one round trip, committed by itself. Placeholders are
 * `$1`, `$2`, …; tables are written `keyward_…` and get the configured prefix.
 */
export type PostgresQuery = (text: string, values: readonly unknown[]) => Promise<readonly PostgresRow[]>
