import { sql } from 'kysely'
import type { ClaimOutcome, ClaimRequest, ClaimStore, Completion } from '../../model/claim-store.ts'
import type { Closing } from '../../model/ledger.ts'
import { type ClaimTexts, claimRecord, compileClaim } from './claim-record.ts'
import { type EndOfClaim, endClaim } from './end-claim.ts'
import { textOf } from './row-reader.ts'
import { type SqlDatabase, transact } from './sql-database.ts'
import { checkIndexed } from './stored-text.ts'

/** Does work of the store: within its deadline, and with errors as the store's own. */
export type DoWork = <T>(work: (database: SqlDatabase) => Promise<T>) => Promise<T>

/** Keeps idempotency records on a database server. */
export class SqlClaimStore implements ClaimStore {
  readonly #do: DoWork
  readonly #texts: ClaimTexts

  constructor(database: SqlDatabase, doWork: DoWork) {
    this.#do = doWork
    this.#texts = compileClaim(database)
  }

  async claim(request: ClaimRequest): Promise<ClaimOutcome> {
    checkIndexed(request.id, request.owner)
    return this.#do((database) => claimRecord(database, this.#texts, request))
  }

  async renew(id: string, token: string, leaseUntil: Date, expiresAt: Date): Promise<boolean> {
    return this.#do(async ({ db }) => {
      const { numUpdatedRows } = await db
        .updateTable('keyward_claims')
        .set({ lease_until: leaseUntil.getTime(), expires_at: expiresAt.getTime() })
        .where('id', '=', id)
        .where('token', '=', token)
        .where('state', '=', 'open')
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    })
  }

  async complete(completion: Completion, closing?: Closing): Promise<boolean> {
    return this.#end({ kind: 'complete', ...completion }, closing)
  }

  async release(id: string, token: string, closing?: Closing): Promise<boolean> {
    return this.#end({ kind: 'release', id, token }, closing)
  }

  async countLive(owner: string, at: Date, atMost: number): Promise<number> {
    return this.#do(async ({ db }) => {
      const live = db
        .selectFrom('keyward_claims')
        .select('id')
        .where('owner', '=', owner)
        .where('expires_at', '>', at.getTime())
        .limit(atMost)
      const { many } = await db.selectFrom(live.as('live')).select(sql`count(*)`.as('many')).executeTakeFirstOrThrow()
      return Number(many)
    })
  }

  async removeExpired(at: Date, limit: number): Promise<number> {
    return this.#do((database) =>
      transact(database, async (transaction) => {
        // Others who do the same take other rows.
        const expired = await transaction
          .selectFrom('keyward_claims')
          .select('id')
          .where('expires_at', '<=', at.getTime())
          .orderBy('expires_at')
          .limit(limit)
          .forUpdate()
          .skipLocked()
          .execute()
        const ids = expired.map(({ id }) => String(textOf(id)))
        if (ids.length > 0) await transaction.deleteFrom('keyward_claims').where('id', 'in', ids).execute()
        return ids.length
      }),
    )
  }

  /** One statement; with a debit to close, a transaction. */
  async #end(end: EndOfClaim, closing: Closing | undefined): Promise<boolean> {
    return this.#do((database) => endClaim(database, end, closing))
  }
}
