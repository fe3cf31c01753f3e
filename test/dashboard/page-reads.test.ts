import { type SqliteHandle, sqlite } from 'keyward/sqlite'
import Libsql from 'libsql'
import { expect, it } from 'vitest'
import { openBoard } from './board.ts'

/** A statement that a page ran, and how many rows it gave. */
interface Read {
  readonly statement: string
  readonly rows: number
}

/** A SQLite database that tells what is read from it. */
function watched(database: Libsql.Database, reads: Read[]): SqliteHandle {
  const note = (statement: string, rows: number) => {
    // What the store asks before every answer, and the lease that it renews, belong to no page.
    if (!/^PRAGMA|keyward_servers/.test(statement)) reads.push({ statement, rows })
  }
  return {
    exec: (statement) => database.exec(statement),
    prepare(statement) {
      const prepared = database.prepare(statement)
      return {
        run: (...values) => prepared.run(...values),
        get(...values) {
          const row = prepared.get(...values)
          note(statement, row === undefined ? 0 : 1)
          return row
        },
        all(...values) {
          const rows = prepared.all(...values)
          note(statement, rows.length)
          return rows
        },
      }
    },
  }
}

/** What each page reads where there are so many keys. */
async function readsOf(count: number): Promise<Record<string, Read[]>> {
  const reads: Read[] = []
  const store = sqlite(watched(new Libsql(':memory:'), reads))
  const board = await openBoard({ store, keyward: { credits: { account: 'key' } } })
  for (let each = 1; each < count; each += 1)
    await board.keyward.keys.create({
      owner: each % 2 === 0 ? 'other' : 'acme',
      name: `Key ${each}`,
      scopes: ['tasks:read'],
    })
  const { id } = await board.keyward.keys.create({ owner: 'acme', name: 'Payroll' })
  const admin = await board.admin()
  const found: Record<string, Read[]> = {}
  for (const path of [
    '',
    '?search=key',
    '?owner=acme&state=active',
    `/${id}`,
    '/usage',
    '/apps',
    '/audit',
    '/alerts',
  ]) {
    reads.length = 0
    const { status, text } = await admin.get(`/keys${path}`)
    expect([path, status]).toEqual([path, 200])
    if (path === '') expect(text).toContain('Payroll')
    found[path.replace(id, '{id}')] = reads.slice()
  }
  return found
}

/** Page by page, how many statements it runs, whatever the length of the lists in them. */
const statementsOf = (found: Record<string, readonly Read[]>) =>
  Object.fromEntries(
    Object.entries(found).map(([path, reads]) => [
      path,
      reads.map(({ statement }) => statement.replace(/\?(, \?)+/g, '?')),
    ]),
  )

it("the dashboard's pages run the same statements for 10 keys as for 2,000, and read no more rows for 2,000 than for 200", async () => {
  const [few, some, many] = [await readsOf(10), await readsOf(200), await readsOf(2_000)]
  expect(statementsOf(few)).toEqual(statementsOf(many))
  expect(some).toEqual(many)
  expect(many['/{id}']?.length).toBeGreaterThan(3)
})
