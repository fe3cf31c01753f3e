import { postgres } from 'keyward/postgres'
import pg from 'pg'
import { afterAll, beforeAll, onTestFinished } from 'vitest'
import { describeWith } from '../../servers/missing-servers.ts'
import { createDatabase, startPostgres } from '../../servers/postgres.ts'
import type { Server } from '../../servers/server.ts'
import { describeSchema } from '../schema-cases.ts'

describeWith('postgres', 'the schema of Postgres', () => {
  let server: Server
  beforeAll(async () => {
    server = await startPostgres()
  })
  afterAll(() => server?.stop())

  describeSchema(/^PostgreSQL \d+/, async () => {
    const connectionString = await createDatabase(server)
    const createPool = () => {
      const pool = new pg.Pool({ connectionString, max: 2 })
      onTestFinished(() => pool.end())
      return pool
    }
    const admin = createPool()
    return {
      createStore: () => postgres(createPool(), { deadlineMs: 30_000 }),
      execute: async (statement) => void (await admin.query(statement)),
      async countTables() {
        const { rows } = await admin.query(`SELECT count(*)::int AS tables FROM pg_tables WHERE schemaname = 'public'`)
        return rows[0].tables as number
      },
    }
  })
})
