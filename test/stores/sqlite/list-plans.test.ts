import { sqlite } from 'keyward/sqlite'
import Libsql from 'libsql'
import { expect, it, onTestFinished } from 'vitest'
import type { KeyOrder, KeyQuery } from '../../../src/model/key-store.ts'
import { readPage } from '../../../src/stores/sql/key-page.ts'
import { codePointsOf } from '../../../src/stores/sql/page-syntax.ts'
import type { Parts } from '../../../src/stores/sql/statement-parts.ts'
import { temporaryFile } from './temporary-files.ts'

const AT = new Date(0)
const ORDERS: readonly KeyOrder[] = [
  { by: 'oldest', after: { id: 'key_1' } },
  { by: 'name', after: { id: 'key_1', foldedName: 'name' } },
  { by: 'lastUsed', after: { id: 'key_1', lastUsedAt: null } },
]

it.each(ORDERS)('242: reads few keys in a state one by one, wherever the page begins (by $by)', async (order) => {
  const file = temporaryFile()
  const store = sqlite(file)
  await store.open()
  const database = new Libsql(file)
  onTestFinished(async () => {
    database.close()
    await store.close()
  })
  const query: KeyQuery = {
    owner: 'acme',
    beforeId: undefined,
    limit: 51,
    conditions: [{ field: 'revokedAt', test: 'set', at: AT }],
    order,
  }
  const reading = readPage(query, { lengthOf: codePointsOf, unindexed: (column) => `+${column}` })
  reading.next()
  const parts = reading.next([{ of_owner: 5_001, by_name: 0, by_others: 0, by_state: 2_500 }]).value as Parts
  const sql = parts.map((part) => (typeof part === 'string' ? part : '?')).join('')
  const values = parts.flatMap((part) => (typeof part === 'string' ? [] : [part.value]))
  const plan = database.prepare(`EXPLAIN QUERY PLAN ${sql}`).all(...values) as { readonly detail: string }[]
  const [first, ...others] = plan.map(({ detail }) => detail).filter((detail) => /^(SEARCH|SCAN) [ku] /.test(detail))
  expect(first).toContain('keyward_keys_revoked (owner=?)')
  expect(others.length).toBeGreaterThan(0)
  // A range of the order, read once for each of them, took half a minute for 2,500 of 25,000 keys.
  for (const detail of others) expect(detail).toMatch(/\((id|key_id)=\?\)( LEFT-JOIN)?$/)
})
