import type { Kysely, RawBuilder, Transaction } from 'kysely'
import type { Migration } from './migrate-tables.ts'
import type { PageSyntax } from './page-syntax.ts'
import type { Tables } from './tables.ts'

/** Where databases differ: everything that `SqlKeyStore` does not say in the same words to all of them. */
export interface SqlDialect {
  /** Name of the function that users call, for messages: `postgres`. */
  readonly name: string
  readonly migrations: readonly Migration[]

  /** One row: whether the server only follows another one, and its clock in milliseconds since the Unix epoch. */
  readonly serverState: RawBuilder<{ in_recovery: unknown; server_now: unknown }>

  /** Product and version, of what `select version()` says. */
  nameServer(version: string): string

  /** Names of types for `cast`. */
  readonly types: { readonly text: RawBuilder<unknown>; readonly integer: RawBuilder<unknown> }

  /** End of an INSERT that changes nothing where there is such a row. The table has one unique key that can collide. */
  keepFirst(key: string): RawBuilder<unknown>
  /** End of an INSERT that overwrites columns where there is such a row. */
  overwrite(key: string, columns: readonly string[]): RawBuilder<unknown>
  /** End of an INSERT that raises a number where there is such a row with a lower one. */
  raise(table: string, key: string, column: string): RawBuilder<unknown>
  /**
   * End of an INSERT that adds numbers to those of a row that is there, up to a highest one, and writes over a text unless
   * it is NULL.
   */
  addUp(
    table: string,
    key: readonly string[],
    sums: readonly string[],
    highest: number,
    text: string,
  ): RawBuilder<unknown>

  /**
   * End of an INSERT of an idempotency record that takes the place of one that is free: expired, or in progress with the
   * same fingerprint under a lease that has ended. The statement returns `attempt`, or no row where it did nothing.
   * `undefined` where no statement returns what it wrote: there a record that is stored breaks the unique key.
   */
  readonly takeOverClaim: RawBuilder<unknown> | undefined
  /**
   * Statement that takes credits and writes the movement, or does neither, and returns the new `balance`: with the values
   * of `RESERVE_VALUES`, in that order. `undefined` where it takes more than one statement.
   */
  readonly reserveAtOnce: string | undefined

  /** How the pages of a list of keys are written. */
  readonly page: PageSyntax

  /** Bytes as part of a statement: nearly as long as an answer may be. */
  bytes(bytes: Uint8Array): RawBuilder<Uint8Array>
  /** What is bound for a text, after it was checked. */
  encodeText(text: string): unknown

  /**
   * First thing in a transaction: has the server give up on statements and locks after the deadline, for this transaction
   * only.
   *
   * @returns What undoes it, to be called before the transaction ends, where ending does not.
   */
  limitWaiting(transaction: Transaction<Tables>, deadlineMs: number): Promise<() => Promise<void>>

  /** Runs work while no other process migrates the same tables. All of it in one transaction, where DDL allows. */
  lockMigrations(db: Kysely<Tables>, prefix: string, work: (db: Kysely<Tables>) => Promise<void>): Promise<void>

  /** Throws `ConfigError` for a server that will not do. */
  checkServer(db: Kysely<Tables>): Promise<void>

  /** What went wrong, where it is something that can be acted upon. */
  classify(error: unknown): Failure | undefined
}

/**
 * `taken`: a unique key; `transient`: a deadlock and its like, and nothing was done; `lost`: the connection ended, and
 * nobody knows what was done; `missing-table`: no such table; `unfit`: a value that the database cannot hold.
 */
export type Failure = 'taken' | 'transient' | 'lost' | 'missing-table' | 'unfit'
