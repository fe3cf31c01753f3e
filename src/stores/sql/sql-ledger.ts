import type {
  Account,
  AccountState,
  Closing,
  ClosingOutcome,
  Debit,
  DebitOutcome,
  Deposit,
  DepositOutcome,
  Ledger,
  Movement,
} from '../../model/ledger.ts'
import { lineageOf } from './account-row.ts'
import { closeLocked, lockDebit } from './close-debit.ts'
import { closeLapsed } from './close-lapsed.ts'
import { deposit } from './deposit-credits.ts'
import { findAccount } from './locked-account.ts'
import { decodeMovement, MOVEMENT_COLUMNS } from './movement-row.ts'
import { reserveCredits } from './reserve-credits.ts'
import type { DoWork } from './sql-claim-store.ts'
import { type SqlDatabase, transact } from './sql-database.ts'
import { prefixTables } from './statement-plugin.ts'

/** Keeps balances and movements on a database server: see `lockAccount` for who waits for whom. */
export class SqlLedger implements Ledger {
  readonly #do: DoWork
  readonly #reserveAtOnce: string | undefined

  constructor({ dialect, tablePrefix }: SqlDatabase, doWork: DoWork) {
    this.#do = doWork
    this.#reserveAtOnce = dialect.reserveAtOnce && prefixTables(dialect.reserveAtOnce, tablePrefix)
  }

  async findAccount(account: Account): Promise<AccountState | undefined> {
    return this.#do(({ db }) => findAccount(db, account))
  }

  async reserve(debit: Debit): Promise<DebitOutcome> {
    return this.#do((database) => reserveCredits(database, debit, this.#reserveAtOnce))
  }

  async close(closing: Closing): Promise<ClosingOutcome> {
    return this.#do((database) =>
      transact(database, async (transaction) => {
        const debit = await lockDebit(transaction, closing)
        return debit === undefined ? { outcome: 'refused' } : closeLocked(transaction, debit, closing)
      }),
    )
  }

  async renew(account: Account, operation: string, token: string, leaseUntil: Date): Promise<boolean> {
    return this.#do(async ({ db }) => {
      const { numUpdatedRows } = await db
        .updateTable('keyward_movements')
        .set({ lease_until: leaseUntil.getTime() })
        .where('owner', '=', account.owner)
        .where('lineage', '=', lineageOf(account))
        .where('operation', '=', operation)
        .where('token', '=', token)
        .where('state', '=', 'open')
        .executeTakeFirstOrThrow()
      return numUpdatedRows > 0n
    })
  }

  async closeLapsed(at: Date, limit: number): Promise<number> {
    return this.#do((database) => closeLapsed(database, at, limit))
  }

  async deposit(asked: Deposit): Promise<DepositOutcome> {
    return this.#do((database) => deposit(database, asked))
  }

  async listMovements(
    account: Account,
    beforeSequence: number | undefined,
    limit: number,
  ): Promise<readonly Movement[]> {
    return this.#do(async ({ db }) => {
      let select = db
        .selectFrom('keyward_movements')
        .select(MOVEMENT_COLUMNS)
        .where('owner', '=', account.owner)
        .where('lineage', '=', lineageOf(account))
      if (beforeSequence !== undefined) select = select.where('sequence', '<', beforeSequence)
      return (await select.orderBy('sequence', 'desc').limit(limit).execute()).map(decodeMovement)
    })
  }
}
