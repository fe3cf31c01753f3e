import { afterAll, beforeAll } from 'vitest'
import type { Clock } from '../../../src/model/clock.ts'
import type { KeyStore } from '../../../src/model/key-store.ts'
import { type MysqlSource, mysql } from '../../../src/stores/mysql/mysql.ts'
import type { KeyStoreHarness } from '../../../src/testing/key-store/key-store-case.ts'

/** A client of the user's, and how the test ends it. */
export interface TestClient {
  readonly source: MysqlSource
  end(): Promise<void>
}

/**
 * A harness over one client for all stores that are created, and another for those that open the same tables again. Both
 * are opened before all cases, and ended after them. Cases run one after the other: each finds the tables empty.
 *
 * @param tablePrefix - Of nobody else.
 * @param empty - Empties the tables with that prefix, where they are there.
 */
export function mysqlHarness(
  open: () => TestClient,
  tablePrefix: string,
  empty: (tablePrefix: string) => Promise<void>,
): KeyStoreHarness {
  let clients: readonly TestClient[] = []
  beforeAll(() => {
    clients = [open(), open()]
  })
  afterAll(async () => {
    for (const client of clients) await client.end()
  })
  const create = (client: TestClient | undefined, clock: Clock): KeyStore => {
    if (client === undefined) throw new Error('The client is made before all cases.')
    return mysql(client.source, { clock, tablePrefix, deadlineMs: 10_000 })
  }
  return {
    async createStore(clock) {
      await empty(tablePrefix)
      return create(clients[0], clock)
    },
    reopen: (store) => create(clients[1], store.clock),
  }
}
