import pg from 'pg'
import postgresJs from 'postgres'
import { afterAll, beforeAll } from 'vitest'
import { startPgbouncer } from '../../servers/pgbouncer.ts'
import { createDatabase, startPostgres } from '../../servers/postgres.ts'
import type { Server } from '../../servers/server.ts'
import { describeContract } from './postgres-harness.ts'

let server: Server
let bouncer: Server
let url: string

beforeAll(async () => {
  server = await startPostgres()
  url = await createDatabase(server)
  bouncer = await startPgbouncer(url)
})

afterAll(async () => {
  await bouncer?.stop()
  await server?.stop()
})

describeContract(() => url, {
  'a pool of pg through PgBouncer in transaction mode': () => {
    const pool = new pg.Pool({ connectionString: bouncer.url, max: 5 })
    return { source: pool, end: () => pool.end() }
  },
  'postgres.js through PgBouncer in transaction mode, told not to prepare': () => {
    const sql = postgresJs(bouncer.url, { max: 3, prepare: false, onnotice: () => {} })
    return { source: sql, end: () => sql.end() }
  },
})
