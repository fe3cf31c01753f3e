import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { createKeyward, type KeyStore, type UsageReport } from 'keyward'
import { postgres } from 'keyward/postgres'
import { sqlite } from 'keyward/sqlite'
import pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { describeWith } from '../servers/missing-servers.ts'
import { createDatabase, startPostgres } from '../servers/postgres.ts'
import { until } from '../servers/until.ts'
import { temporaryFile } from '../stores/sqlite/temporary-files.ts'
import type { CountingOrder } from './counting-process.ts'

const script = fileURLToPath(new URL('./counting-process.ts', import.meta.url))

async function startCounting(source: string): Promise<ChildProcess> {
  const child = fork(script, [source], { execArgv: ['--import', 'tsx'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child, 'message')
  return child
}

/** Has a process use a key. @returns How often it was admitted, once it is done. */
async function use(child: ChildProcess, apiKey: string, times: number): Promise<number> {
  child.send({ apiKey, times } satisfies CountingOrder)
  const [admitted] = await once(child, 'message')
  return admitted
}

async function close(child: ChildProcess): Promise<void> {
  child.send('close' satisfies CountingOrder)
  await once(child, 'exit')
}

function desk(store: KeyStore) {
  const keyward = createKeyward({ store })
  onTestFinished(() => keyward.close())
  const read = (by?: 'key' | 'app'): Promise<UsageReport> =>
    keyward.usage.read({ interval: 'day', from: new Date(Date.now() - 86_400_000), ...(by && { by }) })
  return { keyward, read }
}

it('loses nothing that was written when a process is killed, and at most what it counted since', async () => {
  const file = temporaryFile()
  const { keyward, read } = desk(sqlite(file))
  const { apiKey } = await keyward.keys.create({ name: 'one', owner: 'acme' })
  const child = await startCounting(file)
  expect(await use(child, apiKey, 500)).toBe(500)
  // Nobody tells it to write: its timer does.
  await until('the first requests are written', async () => (await read()).totals.requests === 500)
  expect(await use(child, apiKey, 300)).toBe(300)
  child.kill('SIGKILL')
  await once(child, 'exit')
  const { totals, groups } = await read('app')
  expect([500, 800]).toContain(totals.requests)
  expect(groups.reduce((sum, { requests }) => sum + requests, 0)).toBe(totals.requests)
}, 120_000)

describeWith('postgres', 'several processes on Postgres', () => {
  it('count at once, and every request that is admitted is counted once', async () => {
    const server = await startPostgres()
    onTestFinished(() => server.stop())
    const url = await createDatabase(server)
    const pool = new pg.Pool({ connectionString: url, max: 2 })
    onTestFinished(() => pool.end())
    const { keyward, read } = desk(postgres(pool, { deadlineMs: 10_000 }))
    const keys = await Promise.all(['a', 'b'].map((name) => keyward.keys.create({ name, owner: 'acme' })))
    const children = await Promise.all(Array.from({ length: 4 }, () => startCounting(url)))
    // A busy server may have answered one with 503 before the key was known: what was admitted is what must be there.
    const admitted = [0, 0]
    for (const _ of [1, 2])
      await Promise.all(
        children.map(async (child, index) => {
          const times = await use(child, keys[index % 2]?.apiKey ?? '', 40)
          admitted[index % 2] = (admitted[index % 2] ?? 0) + times
        }),
      )
    await Promise.all(children.map(close))
    const { totals, groups } = await read('key')
    expect(admitted.every((times) => times > 0)).toBe(true)
    expect(totals.succeeded).toBe(admitted.reduce((sum, times) => sum + times, 0))
    const byKey = new Map(groups.map(({ name, succeeded }) => [name, succeeded]))
    expect(keys.map(({ id }) => byKey.get(id))).toEqual(admitted)
    const apps = (await read('app')).groups
    expect(apps.map(({ name }) => name).sort()).toEqual([0, 1, 2].map((app) => `https://app.example/${app}`))
    expect(apps.reduce((sum, { succeeded }) => sum + succeeded, 0)).toBe(totals.succeeded)
  }, 300_000)
})
