import pg from 'pg'
import { afterAll, beforeAll, describe, it } from 'vitest'
import type { Clock } from '../../../src/model/clock.ts'
import type { KeyStore } from '../../../src/model/key-store.ts'
import { type PostgresSource, postgres } from '../../../src/stores/postgres/postgres.ts'
import { alertStoreContract } from '../../../src/testing/alert-store-contract.ts'
import { claimStoreContract } from '../../../src/testing/claim-store-contract.ts'
import type { KeyStoreHarness } from '../../../src/testing/key-store/key-store-case.ts'
import { keyStoreContract } from '../../../src/testing/key-store-contract.ts'
import { ledgerContract } from '../../../src/testing/ledger-contract.ts'
import { usageStoreContract } from '../../../src/testing/usage-store-contract.ts'

const contracts = [
  ...[...keyStoreContract, ...ledgerContract, ...claimStoreContract],
  ...[...usageStoreContract, ...alertStoreContract],
]

/** A client of the user's, and how the test ends it. */
export interface TestClient {
  readonly source: PostgresSource
  end(): Promise<void>
}

/**
 * Runs the contracts over each kind of client, on tables of its own in one database.
 *
 * @param address - Address of the database, once the servers run; not by way of a pooler.
 */
export function describeContract(address: () => string, clients: Readonly<Record<string, () => TestClient>>): void {
  describe.each(Object.entries(clients).map(([name, open], index) => [name, open, `client${index}_`] as const))(
    'the Postgres store over %s',
    (_, open, prefix) => {
      const harness = postgresHarness(open, prefix, address)
      it.each(contracts.map((each) => [each.name, each] as const))('%s', (_, { run }) => run(harness))
    },
  )
}

/**
 * A harness over one client for all stores that are created, and another for those that open the same tables again. Both
 * are opened before all cases, and ended after them. Cases run one after the other: each finds the tables empty.
 */
function postgresHarness(open: () => TestClient, tablePrefix: string, address: () => string): KeyStoreHarness {
  let clients: readonly TestClient[] = []
  let admin: pg.Pool
  beforeAll(() => {
    clients = [open(), open()]
    admin = new pg.Pool({ connectionString: address(), max: 1 })
  })
  afterAll(async () => {
    for (const client of [...clients, admin]) await client.end()
  })
  const create = (client: TestClient | undefined, clock: Clock): KeyStore => {
    if (client === undefined) throw new Error('The client is made before all cases.')
    return postgres(client.source, { clock, tablePrefix, deadlineMs: 10_000 })
  }
  return {
    async createStore(clock) {
      await empty(admin, tablePrefix)
      return create(clients[0], clock)
    },
    reopen: (store) => create(clients[1], store.clock),
  }
}

const tables = [
  ...[
    'lineages',
    'keys',
    'key_uses',
    'tombstones',
    'audit',
    'audit_heads',
    'audit_anchors',
    'policies',
    'notes',
    'outbox',
  ],
  ...['accounts', 'movements', 'claims', 'usage', 'usage_writers'],
  ...['alerts', 'alert_lineages', 'alert_networks', 'alert_turns', 'alert_deliveries'],
]

async function empty(admin: pg.Pool, prefix: string): Promise<void> {
  const { rows } = await admin.query('SELECT to_regclass($1) AS found', [`${prefix}keys`])
  if (rows[0].found !== null) await admin.query(tables.map((table) => `DELETE FROM ${prefix}${table};`).join(' '))
}
