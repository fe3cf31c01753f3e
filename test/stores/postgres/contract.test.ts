import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely'
import pg from 'pg'
import postgresJs from 'postgres'
import { afterAll, beforeAll } from 'vitest'
import { createDatabase, startPostgres } from '../../servers/postgres.ts'
import type { Server } from '../../servers/server.ts'
import { describeContract, type TestClient } from './postgres-harness.ts'

let server: Server
let url: string

beforeAll(async () => {
  server = await startPostgres()
  url = await createDatabase(server)
})

afterAll(() => server?.stop())

const poolOf = (max: number): TestClient => {
  const pool = new pg.Pool({ connectionString: url, max })
  return { source: pool, end: () => pool.end() }
}

describeContract(() => url, {
  'a pool of pg': () => poolOf(5),
  'a pool of pg with one connection': () => poolOf(1),
  'postgres.js': () => {
    const sql = postgresJs(url, { max: 3, onnotice: () => {} })
    return { source: sql, end: () => sql.end() }
  },
  'a Kysely instance': () => {
    const dialect = new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 3 }) })
    const kysely = new Kysely<{ theirs: { id: string } }>({ dialect, plugins: [new CamelCasePlugin()] })
    return { source: kysely, end: () => kysely.destroy() }
  },
})
