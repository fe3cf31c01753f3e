/**
 * What is bound to a statement; SQLite takes no more kinds from this library. Bytes are never bound alone: libsql takes a
 * single object for named values.
 */
export type SqliteValue = string | number | Uint8Array | null

/** The part of a prepared statement that is used. */
export interface SqliteStatement {
  get(...values: SqliteValue[]): unknown
  all(...values: SqliteValue[]): unknown[]
  run(...values: SqliteValue[]): {
    /** Number of rows that were inserted, changed or removed, from 0. */
    readonly changes: number | bigint
  }
}

/**
 * The part of an open SQLite database that is used: what `DatabaseSync` of `node:sqlite` and `Database` of
 * better-sqlite3 and libsql have in common. Synchronous throughout.
 */
export interface SqliteHandle {
  exec(sql: string): unknown
  prepare(sql: string): SqliteStatement
}

/** A handle that the store opened itself, and closes. */
export interface OwnedSqliteHandle extends SqliteHandle {
  close(): unknown
}
