import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { type Documents, postgresDocuments, sqliteDocuments } from '../../examples/documents.ts'
import { describeWith } from '../servers/missing-servers.ts'
import { createDatabase, startPostgres } from '../servers/postgres.ts'
import type { Server } from '../servers/server.ts'
import { temporaryFile } from '../stores/sqlite/temporary-files.ts'

/** @param open - Opens one table of documents, as each of several instances of an app does. */
function itKeepsDocuments(open: () => readonly [one: Documents, other: Documents]): void {
  it('lists documents of an owner, the newest first, also of one millisecond, and nobody else sees them', async () => {
    const [one, other] = open()
    const documents = Array.from({ length: 12 }, (_, each) => ({
      id: `file_${each}`,
      created_at: '2026-01-31T12:00:00Z',
    }))
    // Both are the first: each makes the table, and one of them has.
    await Promise.all([one.add('other', 'file_of_another', {}), other.list('acme', 1)])
    for (const [each, document] of documents.entries()) await [one, other][each % 2]?.add('acme', document.id, document)
    expect(await one.list('acme', 100)).toEqual(documents.toReversed())
    expect(await other.list('acme', 3)).toEqual(documents.toReversed().slice(0, 3))
    expect(await one.list('nobody', 100)).toEqual([])
    expect(await one.find('acme', 'file_7')).toEqual(documents[7])
    expect(await one.find('other', 'file_7')).toBeUndefined()
    await expect(other.add('other', 'file_7', {})).rejects.toThrow()
  })
}

describe('documents of an example in SQLite', () => {
  itKeepsDocuments(() => {
    const file = temporaryFile()
    return [sqliteDocuments(file, 'files'), sqliteDocuments(file, 'files')]
  })
})

describeWith('postgres', 'documents of an example in Postgres', () => {
  let server: Server
  let connectionString: string
  beforeAll(async () => {
    server = await startPostgres()
    connectionString = await createDatabase(server)
  })
  afterAll(() => server?.stop())

  itKeepsDocuments(() => {
    const [one, other] = [1, 2].map(() => {
      const pool = new pg.Pool({ connectionString })
      onTestFinished(() => pool.end())
      return postgresDocuments(pool, 'files')
    }) as [Documents, Documents]
    return [one, other]
  })
})
