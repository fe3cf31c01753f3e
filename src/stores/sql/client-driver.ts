import type { CompiledQuery, DatabaseConnection, Driver, QueryResult, TransactionSettings } from 'kysely'
import { StoreUnavailableError } from '../../model/errors.ts'
import type { Row } from './row-reader.ts'
import type { SqlClient, SqlClientConnection, SqlQuery, SqlResult } from './sql-client.ts'

/**
 * Milliseconds after which a connection that does not answer is given up, and closed where the client allows it. Much
 * longer than a deadline: callers go on long before, and each connection that is closed while its server still works
 * on a statement lets one more take its place there.
 */
export const GIVE_UP_AFTER_MS = 10_000

/** The same for a statement of a migration, which may rewrite a table. */
export const PATIENT_MS = 600_000

/** Statements with which transactions begin: one isolation level, whatever the server's default is. */
export type BeginStatements = readonly string[]

/** A Kysely driver over any client. */
export class ClientDriver implements Driver {
  readonly #client: SqlClient
  readonly #begin: BeginStatements
  readonly #giveUpAfterMs: number

  constructor(client: SqlClient, begin: BeginStatements, giveUpAfterMs: number) {
    this.#client = client
    this.#begin = begin
    this.#giveUpAfterMs = giveUpAfterMs
  }

  async init(): Promise<void> {}

  async acquireConnection(): Promise<ClientConnection> {
    return new ClientConnection(await this.#client.connect(), this.#giveUpAfterMs)
  }

  async beginTransaction(connection: ClientConnection, _settings: TransactionSettings): Promise<void> {
    connection.isBroken = true
    for (const statement of this.#begin) await connection.run(statement, [])
    connection.isBroken = false
  }

  async commitTransaction(connection: ClientConnection): Promise<void> {
    connection.isBroken = true
    await connection.run('commit', [])
    connection.isBroken = false
  }

  /** Called after a commit that failed, too: there it is the closed connection that rolls back. */
  async rollbackTransaction(connection: ClientConnection): Promise<void> {
    if (connection.isBroken) return
    connection.isBroken = true
    await connection.run('rollback', [])
    connection.isBroken = false
  }

  async releaseConnection(connection: ClientConnection): Promise<void> {
    connection.release()
  }

  async destroy(): Promise<void> {}
}

class ClientConnection implements DatabaseConnection {
  readonly #connection: SqlClientConnection
  readonly #giveUpAfterMs: number
  isBroken = false

  constructor(connection: SqlClientConnection, giveUpAfterMs: number) {
    this.#connection = connection
    this.#giveUpAfterMs = giveUpAfterMs
  }

  async executeQuery<R>({ sql, parameters }: CompiledQuery): Promise<QueryResult<R>> {
    const { rows, affected } = await this.run(sql, parameters)
    return { rows: rows as R[], numAffectedRows: BigInt(affected) }
  }

  // biome-ignore lint/correctness/useYield: nothing of the library streams
  async *streamQuery<R>(): AsyncIterableIterator<QueryResult<R>> {
    throw new Error('keyward streams nothing.')
  }

  async run(text: string, values: readonly unknown[]): Promise<SqlResult> {
    return answered(this.#connection.run(text, values), this.#giveUpAfterMs, () => {
      this.isBroken = true
    })
  }

  release(): void {
    this.#connection.release(this.isBroken)
  }
}

/** Makes the function that runs one statement on any connection, without a transaction around it. */
export function createQuery(client: SqlClient): SqlQuery {
  return async (text, values): Promise<readonly Row[]> => {
    const connection = await client.connect()
    let isBroken = true
    try {
      const { rows } = await answered(connection.run(text, values), GIVE_UP_AFTER_MS, () => {})
      isBroken = false
      return rows
    } finally {
      connection.release(isBroken)
    }
  }
}

async function answered<T>(answer: Promise<T>, giveUpAfterMs: number, onSilence: () => void): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const silence = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      onSilence()
      reject(new StoreUnavailableError('The database does not answer; its connection is given up.'))
    }, giveUpAfterMs)
  })
  try {
    return await Promise.race([answer, silence])
  } finally {
    clearTimeout(timer)
  }
}
