import { memoryGate } from 'keyward'
import { mysql } from 'keyward/mysql'
import { createPool, type Pool } from 'mysql2'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { createDatabase, startMariadb } from '../servers/mariadb.ts'
import type { Server } from '../servers/server.ts'
import { abuseCases } from './abuse-cases.ts'
import { answerCases } from './answer-cases.ts'
import { claimCases } from './claim-cases.ts'
import { creditCases } from './credit-cases.ts'
import { onExpress } from './express-server.ts'
import { openSite } from './site.ts'

let server: Server
let pool: Pool
let stores = 0

beforeAll(async () => {
  server = await startMariadb()
  pool = createPool({ uri: await createDatabase(server), connectionLimit: 10 })
})
afterAll(async () => {
  await pool?.promise().end()
  await server?.stop()
})

const cases = [...claimCases, ...answerCases, ...creditCases, ...abuseCases]

describe('requests that claim and cost, on Express over MariaDB', () => {
  it.each(cases.map((each) => [each.name, each] as const))('%s', (_, each) =>
    each.run((options) =>
      openSite(onExpress, (clock) => mysql(pool, { clock, tablePrefix: `t${stores++}_`, deadlineMs: 10_000 }), {
        gate: memoryGate(),
        ...options,
      }),
    ),
  )
})
