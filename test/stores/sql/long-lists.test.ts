import type { KeyStore } from 'keyward'
import { mysql } from 'keyward/mysql'
import { postgres } from 'keyward/postgres'
import { sqlite } from 'keyward/sqlite'
import Libsql from 'libsql'
import { createPool } from 'mysql2/promise'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import type { KeyQuery } from '../../../src/model/key-store.ts'
import { startMariadb } from '../../servers/mariadb.ts'
import { startPostgres } from '../../servers/postgres.ts'
import { temporaryFile } from '../sqlite/temporary-files.ts'

/** More than a page is sorted from, and more than a walk passes: those that are revoked are the last in every order but one. */
const REVOKED = 12_000
const KEYS = 34_000
const PAGE = 1_000

interface Key {
  readonly id: string
  readonly name: string
  readonly lastUsedAt: number
  readonly revokedAt: number | null
}

const keys = Array.from({ length: KEYS }, (_, index): Key => {
  const isRevoked = index < REVOKED
  return {
    id: `key_${String(index).padStart(6, '0')}`,
    name: `${isRevoked ? 'z' : 'a'}${String((index * 7) % 5_000).padStart(4, '0')}`,
    lastUsedAt: Math.floor(index / 7) + 1,
    revokedAt: isRevoked ? 1 : null,
  }
})

/** Opens a store, and fills its tables. */
type Open = () => Promise<{ readonly store: KeyStore; readonly close: () => Promise<void> }>

async function fill(execute: (sql: string) => Promise<unknown>): Promise<void> {
  const columns = 'id, lineage, digest, pepper_version, owner, name, scopes, policies, audiences, addresses, metadata'
  for (let from = 0; from < KEYS; from += PAGE) {
    const some = keys.slice(from, from + PAGE)
    const insert = (table: string, names: string, row: (key: Key) => string) =>
      execute(`INSERT INTO keyward_${table} (${names}) VALUES ${some.map((key) => `(${row(key)})`).join(', ')}`)
    await insert('lineages', 'id, owner, version', ({ id }) => `'${id}', 'acme', 1`)
    await insert(
      'keys',
      `${columns}, created_at, updated_at, revoked_at, schema, name_folded`,
      ({ id, name, revokedAt }) =>
        `'${id}', '${id}', '${id}', 0, 'acme', '${name}', '[]', '[]', '[]', '[]', '{}', 0, 0, ${revokedAt ?? 'NULL'}, 1, '${name}'`,
    )
    await insert('key_uses', 'key_id, owner, last_used_at', ({ id, lastUsedAt }) => `'${id}', 'acme', ${lastUsedAt}`)
  }
}

const databases: Readonly<Record<string, Open>> = {
  async SQLite() {
    const file = temporaryFile()
    const store = sqlite(file)
    await store.open()
    const database = new Libsql(file)
    await fill(async (sql) => database.exec(sql))
    database.close()
    return { store, close: async () => store.close() }
  },
  async Postgres() {
    const server = await startPostgres()
    const pool = new pg.Pool({ connectionString: server.url, max: 2 })
    const store = postgres(pool)
    await store.open()
    await fill((sql) => pool.query(sql))
    await pool.query('ANALYZE')
    return {
      store,
      close: () =>
        store
          .close()
          .then(() => pool.end())
          .then(() => server.stop()),
    }
  },
  async MariaDB() {
    const server = await startMariadb()
    const pool = createPool({ uri: server.url, connectionLimit: 2 })
    const store = mysql(pool)
    await store.open()
    await fill((sql) => pool.query(sql.replace(/\bschema\b/, '`schema`')))
    return {
      store,
      close: () =>
        store
          .close()
          .then(() => pool.end())
          .then(() => server.stop()),
    }
  },
}

type Order = 'newest' | 'oldest' | 'name' | 'lastUsed'

const byId = (one: Key, other: Key) => (one.id < other.id ? -1 : 1)
const ORDERS: Readonly<Record<Order, (one: Key, other: Key) => number>> = {
  newest: (one, other) => byId(other, one),
  oldest: byId,
  name: (one, other) => (one.name === other.name ? byId(one, other) : one.name < other.name ? -1 : 1),
  lastUsed: (one, other) => other.lastUsedAt - one.lastUsedAt || byId(other, one),
}

function queryAfter(order: Order, last: Key | undefined): Pick<KeyQuery, 'beforeId' | 'order'> {
  const id = last?.id ?? ''
  if (order === 'newest') return { beforeId: last?.id }
  const after = last && { id, foldedName: last.name, lastUsedAt: new Date(last.lastUsedAt) }
  return { beforeId: undefined, order: { by: order, after } }
}

const revoked = [{ field: 'revokedAt', test: 'set', at: new Date(0) }] as const
const LISTS: readonly (readonly [what: string, query: Partial<KeyQuery>, isListed: (key: Key) => boolean])[] = [
  ['revoked keys', { conditions: revoked }, ({ revokedAt }) => revokedAt !== null],
  ['keys by a beginning of their names', { search: 'Z' }, ({ name }) => name.startsWith('z')],
  ['revoked keys by a beginning', { search: 'z0', conditions: revoked }, ({ name }) => name.startsWith('z0')],
]

// Whether a page is sorted, walked, or walked in vain and then sorted, is decided by what is counted: it is the same page.
describe.each(Object.entries(databases))('a list of %s that is longer than a walk', (_, open) => {
  it('has every key once, in its order, whichever way its pages are found', async () => {
    const { store, close } = await open()
    try {
      for (const [what, query, isListed] of LISTS)
        for (const owner of ['acme', undefined])
          for (const order of Object.keys(ORDERS) as Order[]) {
            const expected = keys.filter(isListed).sort(ORDERS[order])
            const found: string[] = []
            for (let page: readonly { readonly id: string }[] = [{ id: '' }]; page.length > 0; ) {
              const place = queryAfter(order, expected[found.length - 1])
              page = await store.list({ owner, limit: PAGE, conditions: [], ...query, ...place })
              found.push(...page.map(({ id }) => id))
              if (found.length > expected.length) break
            }
            const first = expected.findIndex(({ id }, index) => id !== found[index])
            expect([found.length, first], `${what} of ${owner ?? 'everybody'}, ${order}`).toEqual([expected.length, -1])
          }
    } finally {
      await close()
    }
  }, 180_000)
})
