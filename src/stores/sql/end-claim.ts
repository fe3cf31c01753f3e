import type { Kysely } from 'kysely'
import type { Completion } from '../../model/claim-store.ts'
import type { Closing } from '../../model/ledger.ts'
import { closeLocked, lockDebit } from './close-debit.ts'
import { type SqlDatabase, transact } from './sql-database.ts'
import type { SqlDialect } from './sql-dialect.ts'
import type { Tables } from './tables.ts'

/** How a claim in progress ends. */
export type EndOfClaim =
  | ({ readonly kind: 'complete' } & Completion)
  | { readonly kind: 'release'; readonly id: string; readonly token: string }

/**
 * Ends a claim, and closes a debit in the same transaction. Locks are taken in the order that all take them in: the account,
 * its movements, then the record, whose token decides whether anything is done.
 */
export async function endClaim(database: SqlDatabase, end: EndOfClaim, closing: Closing | undefined): Promise<boolean> {
  const { db, dialect } = database
  if (closing === undefined) return writeEnd(db, dialect, end)
  return transact(database, async (transaction) => {
    const debit = await lockDebit(transaction, closing)
    const isEnded = await writeEnd(transaction, dialect, end)
    if (isEnded && debit !== undefined) await closeLocked(transaction, debit, closing)
    return isEnded
  })
}

async function writeEnd(db: Kysely<Tables>, dialect: SqlDialect, end: EndOfClaim): Promise<boolean> {
  if (end.kind === 'release') {
    const { numDeletedRows } = await db
      .deleteFrom('keyward_claims')
      .where('id', '=', end.id)
      .where('token', '=', end.token)
      .where('state', '=', 'open')
      .executeTakeFirstOrThrow()
    return numDeletedRows > 0n
  }
  const { id, token, answer, at, expiresAt } = end
  const { numUpdatedRows } = await db
    .updateTable('keyward_claims')
    .set({ state: 'done', token: null, expires_at: expiresAt.getTime() })
    .set({ answer: answer === null ? null : dialect.bytes(answer) })
    .where('id', '=', id)
    .where('token', '=', token)
    .where('state', '=', 'open')
    .where('expires_at', '>', at.getTime())
    .executeTakeFirstOrThrow()
  return numUpdatedRows > 0n
}
