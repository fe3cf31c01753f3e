import { setTimeout as sleep } from 'node:timers/promises'
import type { Kysely, Transaction } from 'kysely'
import { InvalidInputError, KeywardError, StoreUnavailableError } from '../../model/errors.ts'
import type { SqlQuery } from './sql-client.ts'
import type { Failure, SqlDialect } from './sql-dialect.ts'
import type { Tables } from './tables.ts'

/** How often work is tried that others, or a lost connection, got in the way of. */
const TRIES = 4

/** A database, whoever's client is used. */
export interface SqlDatabase {
  /** Statements by Kysely, with prefix and checks; without any plugin of the user's. */
  readonly db: Kysely<Tables>
  /** The same for migrations, whose statements may take as long as they need. */
  readonly patient: Kysely<Tables>
  /** Text of statements that are run for requests; bound texts are encoded by the caller. */
  readonly query: SqlQuery
  readonly dialect: SqlDialect
  readonly tablePrefix: string
  readonly deadlineMs: number
}

/**
 * Does work in one transaction, READ COMMITTED, and again as a whole, up to three times within the deadline, when others
 * got in its way: a deadlock, or a unique key that somebody took meanwhile. What it did before is undone.
 *
 * @param overtaken - Failures that say so.
 */
export async function transact<T>(
  database: SqlDatabase,
  work: (transaction: Transaction<Tables>) => Promise<T>,
  overtaken: readonly Failure[] = ['transient', 'taken'],
): Promise<T> {
  const { db, dialect, deadlineMs } = database
  return repeatOn(overtaken, database, () =>
    db
      .transaction()
      .setIsolationLevel('read committed')
      .execute(async (transaction) => {
        const restore = await dialect.limitWaiting(transaction, deadlineMs)
        try {
          return await work(transaction)
        } finally {
          await restore()
        }
      }),
  )
}

/** Does what may be done twice, up to four times within the deadline, after failures of these kinds. */
export async function repeatOn<T>(
  failures: readonly Failure[],
  { dialect, deadlineMs }: Pick<SqlDatabase, 'dialect' | 'deadlineMs'>,
  work: () => Promise<T>,
): Promise<T> {
  const giveUpAt = performance.now() + deadlineMs
  for (let tries = 1; ; tries += 1) {
    try {
      return await work()
    } catch (error) {
      const failure = dialect.classify(error)
      if (failure === undefined || !failures.includes(failure)) throw error
      if (tries === TRIES || performance.now() > giveUpAt) throw error
    }
    await sleep(1 + Math.random() * 10 * tries)
  }
}

/** Properties of drivers' errors that may hold what was bound, digests among it. */
const TELLING = ['sql', 'query', 'parameters', 'args', 'detail', 'where', 'sqlMessage']

/** What a method of the store throws for anything that went wrong below it: the one place where failures are wrapped. */
export function toStoreError(error: unknown, { dialect }: SqlDatabase): KeywardError {
  if (error instanceof KeywardError) return error
  const failure = dialect.classify(error)
  if (failure === 'unfit')
    return new InvalidInputError([{ path: [], message: 'A text is too long, or no text that the database can hold.' }])
  // Such a message quotes the value, which may be a digest.
  if (failure === 'taken') return new StoreUnavailableError(`The store, ${dialect.name}(), is too busy.`)
  if (error instanceof Error) for (const name of TELLING) Reflect.deleteProperty(error, name)
  return new StoreUnavailableError(`The store, ${dialect.name}(), failed.`, { cause: error })
}
