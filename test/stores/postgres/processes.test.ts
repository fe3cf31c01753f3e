import { type ChildProcess, fork } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { postgres } from '../../../src/stores/postgres/postgres.ts'
import { postgresMigrations } from '../../../src/stores/postgres/postgres-migrations.ts'
import { expectChain } from '../../../src/testing/key-store/audit-cases.ts'
import { commitOne, putting, sampleKey } from '../../../src/testing/key-store/samples.ts'
import { createDatabase, startPostgres } from '../../servers/postgres.ts'
import type { Server } from '../../servers/server.ts'

const script = fileURLToPath(new URL('./store-process.ts', import.meta.url))
const isLong = process.env['KEYWARD_LONG'] !== undefined

let server: Server
beforeAll(async () => {
  server = await startPostgres()
})
afterAll(() => server?.stop())

async function startProcess(url: string): Promise<ChildProcess> {
  const child = fork(script, [url], { execArgv: ['--import', 'tsx'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child, 'message')
  return child
}

describe('several processes on one Postgres database', () => {
  it('start together on an empty one: each migration is applied once, and all of them serve (219)', async () => {
    const url = await createDatabase(server)
    const children = await Promise.all(Array.from({ length: 8 }, () => startProcess(url)))
    const outcomes = children.map(async (child) => {
      child.send('open')
      await once(child, 'message')
      return (await once(child, 'message'))[0]
    })
    expect(await Promise.all(outcomes)).toEqual(Array(8).fill('committed'))
    const pool = new pg.Pool({ connectionString: url, max: 1 })
    onTestFinished(() => pool.end())
    const { rows } = await pool.query<{ name: string }>('SELECT name FROM keyward_migrations')
    expect(rows.map(({ name }) => name).sort()).toEqual(postgresMigrations.map(({ name }) => name).sort())
    const store = postgres(pool)
    await store.open()
    await expectChain(store, 'acme', 8)
  })

  it('may be killed while they migrate: the next start does it all (220)', async () => {
    for (let round = 0; round < (isLong ? 40 : 3); round += 1) {
      const url = await createDatabase(server)
      const child = await startProcess(url)
      child.send('open')
      await once(child, 'message')
      await sleep(randomInt(60))
      child.kill('SIGKILL')
      const pool = new pg.Pool({ connectionString: url, max: 1 })
      const store = postgres(pool, { deadlineMs: 10_000 })
      await store.open()
      expect(await commitOne(store, putting(sampleKey(), 0))).toBe('committed')
      await pool.end()
    }
  })
})
