import { postgres } from 'keyward/postgres'
import pg from 'pg'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { createDatabase, startPostgres } from '../servers/postgres.ts'
import type { Server } from '../servers/server.ts'
import { abuseCases } from './abuse-cases.ts'
import { answerCases } from './answer-cases.ts'
import { claimCases } from './claim-cases.ts'
import { creditCases } from './credit-cases.ts'
import { runCase } from './exchange-case.ts'
import { onExpress } from './express-server.ts'

let server: Server
let pool: pg.Pool
let stores = 0

beforeAll(async () => {
  server = await startPostgres()
  pool = new pg.Pool({ connectionString: await createDatabase(server), max: 10 })
})
afterAll(async () => {
  await pool?.end()
  await server?.stop()
})

const cases = [...claimCases, ...answerCases, ...creditCases, ...abuseCases]

describe('requests that claim and cost, on Express over Postgres', () => {
  it.each(cases.map((each) => [each.name, each] as const))('%s', (_, each) =>
    runCase(each, onExpress, (clock) => postgres(pool, { clock, tablePrefix: `t${stores++}_`, deadlineMs: 10_000 })),
  )
})
