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
import { findAccount, listMovements } from './account-rows.ts'
import type { SqliteConnection } from './connection.ts'
import { close, renew, reserve } from './debits.ts'
import { makeDeposit } from './deposits.ts'
import { closeLapsed } from './lapsed-debits.ts'

/** Does work on the open database, with errors as the store's own. */
export type DoWork = <T>(work: (connection: SqliteConnection) => T | Promise<T>) => Promise<T>

/** Keeps balances and movements in a SQLite database: each write is one transaction, and writes follow one another. */
export class SqliteLedger implements Ledger {
  readonly #do: DoWork

  constructor(doWork: DoWork) {
    this.#do = doWork
  }

  async findAccount(account: Account): Promise<AccountState | undefined> {
    return this.#do((connection) => findAccount(connection, account))
  }

  async reserve(debit: Debit): Promise<DebitOutcome> {
    return this.#write((connection) => reserve(connection, debit))
  }

  async close(closing: Closing): Promise<ClosingOutcome> {
    return this.#write((connection) => close(connection, closing))
  }

  async renew(account: Account, operation: string, token: string, leaseUntil: Date): Promise<boolean> {
    return this.#write((connection) => renew(connection, account, operation, { token, leaseUntil }))
  }

  async closeLapsed(at: Date, limit: number): Promise<number> {
    return this.#do((connection) => closeLapsed(connection, at, limit))
  }

  async deposit(deposit: Deposit): Promise<DepositOutcome> {
    return this.#write((connection) => makeDeposit(connection, deposit))
  }

  async listMovements(
    account: Account,
    beforeSequence: number | undefined,
    limit: number,
  ): Promise<readonly Movement[]> {
    return this.#do((connection) => listMovements(connection, account, beforeSequence, limit))
  }

  #write<T>(work: (connection: SqliteConnection) => T): Promise<T> {
    return this.#do((connection) => connection.write(() => work(connection)))
  }
}
