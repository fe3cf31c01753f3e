import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { Row } from '../sql/row-reader.ts'
import { checkText } from '../sql/stored-text.ts'
import { isBusy } from './sqlite-failure.ts'
import type { SqliteHandle, SqliteStatement, SqliteValue } from './sqlite-handle.ts'

/** How long a lock that another process holds is waited for. */
const PATIENCE_MS = 5_000
/** How long of it a write blocks the event loop at a time. */
const BLOCKING_MS = 20

/**
 * A database with its prepared statements. Tables are written `keyward_…` in every statement and get the
 * configured prefix here; statements are literals of this library, values are only ever bound.
 *
 * Beside `SqlKeyStore`, not under it: the handle is synchronous, so that a read costs microseconds and no promise; and
 * the lock of the file, `PRAGMA data_version` and the lease of the serving process belong to one connection, where
 * Kysely has a pool of them. What the two have in common (rows, conditions, the chain) is in `stores/sql`.
 */
export class SqliteConnection {
  /** Whether other processes can open the database: `false` for one in memory. */
  readonly isShared: boolean
  readonly #handle: SqliteHandle
  readonly #prefix: string
  readonly #statements = new Map<string, SqliteStatement>()
  #lastWrite: Promise<unknown> = Promise.resolve()

  constructor(handle: SqliteHandle, prefix: string) {
    this.#handle = handle
    this.#prefix = prefix
    this.exec(`PRAGMA busy_timeout = ${PATIENCE_MS}`)
    const main = this.all('PRAGMA database_list').find((row) => row['name'] === 'main')
    this.isShared = typeof main?.['file'] === 'string' && main['file'] !== ''
  }

  /**
   * Prepares the connection: write-ahead log, every commit synchronised to the disk, foreign keys.
   *
   * @returns The journal mode that the database is in.
   */
  async configure(): Promise<unknown> {
    this.exec('PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL')
    return this.#patiently(() => {
      const mode = this.get('PRAGMA journal_mode')?.['journal_mode']
      if (mode === 'wal' || !this.isShared) return mode
      return this.get('PRAGMA journal_mode = WAL')?.['journal_mode']
    })
  }

  get(sql: string, ...values: SqliteValue[]): Row | undefined {
    return this.#statement(sql).get(...values.map(checkText)) as Row | undefined
  }

  all(sql: string, ...values: SqliteValue[]): Row[] {
    return this.#statement(sql).all(...values.map(checkText)) as Row[]
  }

  /** Runs a statement. @returns How many rows it inserted, changed or removed. */
  run(sql: string, ...values: SqliteValue[]): number {
    return Number(this.#statement(sql).run(...values.map(checkText)).changes)
  }

  /** Runs statements that bind nothing and are not prepared. */
  exec(sql: string): void {
    this.#handle.exec(this.#prefixed(sql))
  }

  /**
   * Does synchronous work in one transaction that holds the write lock from its start: all of it is durable when
   * this resolves, or nothing of it was done. Writes follow one another, each in a turn of the event loop of its
   * own, and each waits at most 5 seconds for other processes, with the event loop free meanwhile.
   */
  async write<T>(work: () => T): Promise<T> {
    const written = this.#lastWrite.then(() => nextTurn()).then(() => this.#patiently(() => this.#transact(work)))
    this.#lastWrite = written.catch(() => {})
    return written
  }

  #transact<T>(work: () => T): T {
    this.exec('BEGIN IMMEDIATE')
    try {
      const result = work()
      this.exec('COMMIT')
      return result
    } catch (error) {
      this.#rollBack()
      throw error
    }
  }

  /**
   * Tries again while another process holds the lock. SQLite's own patience would hold up the event loop, and two
   * processes that switch a new file to the write-ahead log at once are refused in spite of it.
   */
  async #patiently<T>(attempt: () => T): Promise<T> {
    const giveUpAt = performance.now() + PATIENCE_MS
    for (;;) {
      this.exec(`PRAGMA busy_timeout = ${BLOCKING_MS}`)
      try {
        return attempt()
      } catch (error) {
        if (!isBusy(error) || performance.now() > giveUpAt) throw error
      } finally {
        this.exec(`PRAGMA busy_timeout = ${PATIENCE_MS}`)
      }
      await sleep(1 + Math.random() * 9)
    }
  }

  #rollBack(): void {
    try {
      this.exec('ROLLBACK')
    } catch {
      // SQLite has rolled back by itself, as it does when the disk is full.
    }
  }

  #statement(sql: string): SqliteStatement {
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#handle.prepare(this.#prefixed(sql))
    this.#statements.set(sql, statement)
    return statement
  }

  #prefixed(sql: string): string {
    return sql.replaceAll('keyward_', this.#prefix)
  }
}
