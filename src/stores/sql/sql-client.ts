import type { Row } from './row-reader.ts'

/** What a statement returned. */
export interface SqlResult {
  readonly rows: readonly Row[]
  /** Rows that were inserted, changed or removed. */
  readonly affected: number
}

/** Runs one statement on any connection, committed by itself. */
export type SqlQuery = (text: string, values: readonly unknown[]) => Promise<readonly Row[]>

/** A pool of the user's client, as little of it as is needed. Never closed by the library. */
export interface SqlClient {
  connect(): Promise<SqlClientConnection>
}

/** One connection of a pool, for as long as nobody else gets it. */
export interface SqlClientConnection {
  run(text: string, values: readonly unknown[]): Promise<SqlResult>
  /** @param isBroken - Whether it may still be in a transaction, or never answer: nobody may get it again. */
  release(isBroken: boolean): void
}
