import { CamelCasePlugin, Kysely, MysqlDialect } from 'kysely'
import { createPool } from 'mysql2'
import { createPool as createPromisePool, type Pool, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { alertStoreContract } from '../../../src/testing/alert-store-contract.ts'
import { claimStoreContract } from '../../../src/testing/claim-store-contract.ts'
import { keyStoreContract } from '../../../src/testing/key-store-contract.ts'
import { ledgerContract } from '../../../src/testing/ledger-contract.ts'
import { usageStoreContract } from '../../../src/testing/usage-store-contract.ts'
import { startMariadb } from '../../servers/mariadb.ts'
import type { Server } from '../../servers/server.ts'
import { mysqlHarness, type TestClient } from './mysql-harness.ts'

let server: Server
let admin: Pool

beforeAll(async () => {
  server = await startMariadb()
  admin = createPromisePool({ uri: server.url, connectionLimit: 1 })
})

afterAll(async () => {
  await admin?.end()
  await server?.stop()
})

const clients: Record<string, () => TestClient> = {
  'a pool of mysql2': () => {
    const pool = createPool({ uri: server.url, connectionLimit: 5 })
    return { source: pool, end: () => pool.promise().end() }
  },
  'a pool of mysql2/promise': () => {
    // Options of the user's that change what is bound and what comes back.
    const uri = `${server.url}?charset=latin1_swedish_ci`
    const options = { supportBigNumbers: true, bigNumberStrings: true, namedPlaceholders: true, timezone: '+05:30' }
    const pool = createPromisePool({ uri, connectionLimit: 5, ...options })
    return { source: pool, end: () => pool.end() }
  },
  'a pool of mysql2 with one connection': () => {
    const pool = createPool({ uri: server.url, connectionLimit: 1 })
    return { source: pool, end: () => pool.promise().end() }
  },
  'a Kysely instance': () => {
    const dialect = new MysqlDialect({ pool: createPool({ uri: server.url, connectionLimit: 3 }) })
    const kysely = new Kysely<{ theirs: { id: string } }>({ dialect, plugins: [new CamelCasePlugin()] })
    return { source: kysely, end: () => kysely.destroy() }
  },
}

const contracts = [
  ...[...keyStoreContract, ...ledgerContract, ...claimStoreContract],
  ...[...usageStoreContract, ...alertStoreContract],
]

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

async function empty(prefix: string): Promise<void> {
  const [found] = await admin.query<RowDataPacket[]>(`SHOW TABLES LIKE '${prefix}usage_writers'`)
  if (found.length > 0) for (const table of tables) await admin.query(`DELETE FROM ${prefix}${table}`)
}

describe.each(Object.entries(clients).map(([name, open], index) => [name, open, `client${index}_`] as const))(
  'the MySQL store over %s',
  (_, open, prefix) => {
    const harness = mysqlHarness(open, prefix, empty)
    it.each(contracts.map((each) => [each.name, each] as const))('%s', (_, { run }) => run(harness))
  },
)
