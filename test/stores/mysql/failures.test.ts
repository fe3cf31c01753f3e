import { type ChildProcess, fork } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { createPool } from 'mysql2'
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { ConfigError, InvalidInputError, StoreUnavailableError } from '../../../src/model/errors.ts'
import type { KeyStore } from '../../../src/model/key-store.ts'
import { type MysqlOptions, mysql } from '../../../src/stores/mysql/mysql.ts'
import { mysqlMigrations } from '../../../src/stores/mysql/mysql-migrations.ts'
import { expectChain } from '../../../src/testing/key-store/audit-cases.ts'
import { commitOne, instant, listIds, putting, sampleKey, storeKeys } from '../../../src/testing/key-store/samples.ts'
import { createDatabase, startMariadb } from '../../servers/mariadb.ts'
import type { Server } from '../../servers/server.ts'
import { until } from '../../servers/until.ts'

const script = fileURLToPath(new URL('./store-process.ts', import.meta.url))
const isLong = process.env['KEYWARD_LONG'] !== undefined

let server: Server

beforeAll(async () => {
  server = await startMariadb({ needsOwnServer: true })
})
afterAll(() => server?.stop())

interface Scene {
  readonly pool: ReturnType<typeof createPool>
  readonly store: KeyStore
  /** Another client, for what happens beside the store. */
  readonly admin: Connection
}

/** Makes an empty database, and a connection to it. */
async function makeDatabase(): Promise<{ readonly url: string; readonly admin: Connection }> {
  const url = await createDatabase(server)
  const admin = await createConnection(url)
  onTestFinished(() => admin.end())
  return { url, admin }
}

/** An open store in a database of its own, over a pool of its own. */
async function setTheScene(options: MysqlOptions = {}): Promise<Scene> {
  const { url, admin } = await makeDatabase()
  const pool = createPool({ uri: url, connectionLimit: 3 })
  onTestFinished(() => pool.promise().end())
  const store = mysql(pool, options)
  await store.open()
  return { pool, store, admin }
}

async function failureOf(call: Promise<unknown>): Promise<Error> {
  const failure = await call.catch((error: unknown) => error)
  expect(failure).toBeInstanceOf(StoreUnavailableError)
  return failure as Error
}

/** Milliseconds until a call was rejected as unavailable. */
async function timeToFailure(call: () => Promise<unknown>): Promise<number> {
  const begun = performance.now()
  await failureOf(call())
  return performance.now() - begun
}

async function startProcess(url: string): Promise<ChildProcess> {
  const child = fork(script, [url], { execArgv: ['--import', 'tsx'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  await once(child, 'message')
  return child
}

describe('the MySQL store', () => {
  it.each([[undefined], ['mysql://localhost'], [{}], [{ pool: {} }]])('refuses %s as a client', (source) => {
    expect(() => mysql(source as never)).toThrow(ConfigError)
    expect(() => mysql(source as never)).toThrow(/first argument must be/)
  })

  it('brings no gate: windows need Redis', async () => {
    expect((await setTheScene()).store.createGate).toBeUndefined()
  })

  it.each(['a\0b', 'a\ud800', 'ö'.repeat(513)])('refuses an owner that it could not keep: %j', async (owner) => {
    const { store } = await setTheScene()
    await expect(store.commit([putting(sampleKey({ owner }), 0)])).rejects.toThrow(InvalidInputError)
    expect(await listIds(store, {})).toEqual([])
  })

  it('takes text for text whatever sql_mode says of backslashes and quotes', async () => {
    const { pool, store } = await setTheScene()
    pool.on('connection', (connection) => connection.query(`SET sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'`))
    const text = `\\' OR 1 = 1 -- " \\`
    await Promise.all(Array.from({ length: 6 }, () => storeKeys(store, sampleKey({ owner: text, name: text }))))
    expect(await listIds(store, { owner: text })).toHaveLength(6)
    expect(await listIds(store, { owner: "'" })).toEqual([])
  })

  it('commits 1,000 new keys, and revokes them, in batches of 200 well under a second each', async () => {
    const { store } = await setTheScene({ deadlineMs: 5_000 })
    const keys = Array.from({ length: 1_000 }, () => sampleKey())
    for (const [round, revokedAt] of [null, instant()].entries())
      for (let start = 0; start < keys.length; start += 200) {
        const begun = performance.now()
        const changes = keys.slice(start, start + 200).map((key) => putting({ ...key, revokedAt }, round))
        expect(new Set(await store.commit(changes, { keepFences: round === 1 }))).toEqual(new Set(['committed']))
        expect(performance.now() - begun).toBeLessThan(1_000)
      }
    await expectChain(store, 'acme', 2_000)
  })

  it('refuses a schema that is newer', async () => {
    const { pool, admin } = await setTheScene()
    await mysql(pool, { migrate: 'check' }).open()
    await expect(mysql(pool, { migrate: 'check', tablePrefix: 'new_' }).open()).rejects.toThrow(/lacks keys-001/)
    await admin.query(`INSERT INTO keyward_migrations VALUES ('keys-999', 0)`)
    await expect(mysql(pool).open()).rejects.toThrow(/newer than this version of keyward: keys-999/)
  })

  it.each([
    ['broken JSON', `metadata = '{"secret'`],
    ['a newer schema', '`schema` = 2'],
    ['bytes that are no text', `name = X'ff'`],
    ['ten megabytes', `name = repeat('secret', 1700000)`],
  ])('names a row with %s, and reads the others', async (_, damage) => {
    const { store, admin } = await setTheScene({ deadlineMs: 5_000 })
    const damaged = await storeKeys(store, sampleKey({ metadata: { secret: 'secret' } }))
    const sound = await storeKeys(store, sampleKey({ owner: 'other' }))
    await admin.query(`UPDATE keyward_keys SET ${damage} WHERE id = '${damaged.id}'`)
    for (const failure of [
      await failureOf(store.findByDigest([damaged.digest])),
      await failureOf(listIds(store, {})),
    ]) {
      expect(failure.message).toContain(damaged.id)
      expect(`${failure.message} ${failure.stack} ${failure.cause}`).not.toContain('secret')
    }
    expect(await store.findByDigest([sound.digest])).toEqual(sound)
  })
})

describe('several processes on one MySQL database', () => {
  it('start together on an empty one: each migration is applied once, and all of them serve (219)', async () => {
    const { url, admin } = await makeDatabase()
    const children = await Promise.all(Array.from({ length: 8 }, () => startProcess(url)))
    const outcomes = children.map(async (child) => {
      child.send('open')
      await once(child, 'message')
      return (await once(child, 'message'))[0]
    })
    expect(await Promise.all(outcomes)).toEqual(Array(8).fill('committed'))
    const [rows] = await admin.query<RowDataPacket[]>('SELECT name FROM keyward_migrations')
    expect(rows.map((row) => row['name']).sort()).toEqual(mysqlMigrations.map(({ name }) => name).sort())
  })

  it('may be killed while they migrate: the next start finishes the schema (220)', async () => {
    for (let round = 0; round < (isLong ? 40 : 3); round += 1) {
      const url = await createDatabase(server)
      const child = await startProcess(url)
      child.send('open')
      await once(child, 'message')
      await sleep(randomInt(120))
      child.kill('SIGKILL')
      const pool = createPool({ uri: url, connectionLimit: 1 })
      const store = mysql(pool, { deadlineMs: 10_000 })
      await store.open()
      expect(await commitOne(store, putting(sampleKey(), 0))).toBe('committed')
      await pool.promise().end()
    }
  })
})

describe('a MySQL server', () => {
  it('that ends a transaction for a deadlock costs nothing but another try', async () => {
    const { store, admin } = await setTheScene({ deadlineMs: 5_000 })
    const key = await storeKeys(store, sampleKey())
    // The server ends the transaction that has written less: not this one.
    await admin.query('CREATE TABLE weight (number INT)')
    await admin.query('BEGIN')
    await admin.query(`INSERT INTO weight VALUES ${Array(200).fill('(1)').join(', ')}`)
    await admin.query('SELECT 1 FROM keyward_lineages FOR UPDATE')
    const commit = store.commit([putting({ ...key, name: 'renamed' }, 1)])
    await until('the store waits', async () => {
      const [waiting] = await admin.query<RowDataPacket[]>(
        "SELECT 1 FROM information_schema.processlist WHERE db = database() AND info LIKE '%lineages%for update'",
      )
      return waiting.length > 0
    })
    // To be had before the commit is over: only the end of the store's transaction gives it free.
    await admin.query('SELECT 1 FROM keyward_audit_heads FOR UPDATE')
    await admin.query('COMMIT')
    expect(await commit).toEqual(['committed'])
    await expectChain(store, 'acme', 2)
  })

  it('that ends every connection costs each call under way at most one error, and heals', async () => {
    const { store, admin } = await setTheScene()
    const key = await storeKeys(store, sampleKey())
    for (let round = 0; round < 5; round += 1) {
      const calls = Promise.allSettled(
        Array.from({ length: 8 }, (_, index) =>
          index % 2 === 0 ? store.findById(key.id) : store.commit([putting(sampleKey(), 0)]),
        ),
      )
      const [others] = await admin.query<RowDataPacket[]>(
        'SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()',
      )
      for (const { id } of others) await admin.query(`KILL ${id}`).catch(() => {})
      for (const outcome of await calls)
        if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(StoreUnavailableError)
      await Promise.allSettled(Array.from({ length: 3 }, () => store.findById(key.id)))
      expect(await store.findById(key.id)).toEqual(key)
    }
    const ids = await listIds(store, { owner: 'acme' })
    await expectChain(store, 'acme', ids.length)
  })

  it('whose rows and tables are locked makes calls fail within the deadline, and heals with the user’s own limits', async () => {
    const { pool, store, admin } = await setTheScene({ deadlineMs: 300 })
    const key = await storeKeys(store, sampleKey())
    await admin.query('BEGIN')
    await admin.query('SELECT 1 FROM keyward_lineages FOR UPDATE')
    expect(await timeToFailure(() => store.commit([putting({ ...key, name: 'late' }, 1)]))).toBeLessThan(600)
    await admin.query('COMMIT')
    await admin.query('LOCK TABLES keyward_keys WRITE')
    expect(await timeToFailure(() => store.findByDigest([key.digest]))).toBeLessThan(600)
    await admin.query('UNLOCK TABLES')
    await until('it is read again', () => store.findByDigest([key.digest]).then(Boolean, () => false))
    // The commit that was given up may still be made: it had its lock when the rows were free again.
    await until('it is changed again', async () => {
      const version = (await store.findById(key.id))?.version ?? 0
      return (await commitOne(store, putting({ ...key, name: 'in time' }, version))) === 'committed'
    })
    const limits = 'SELECT @@innodb_lock_wait_timeout AS of_rows, @@lock_wait_timeout AS of_tables'
    const [expected] = await admin.query<RowDataPacket[]>(limits)
    for (const [found] of await Promise.all([1, 2, 3].map(() => pool.promise().query<RowDataPacket[]>(limits))))
      expect(found).toEqual(expected)
  })

  it('that is frozen makes calls fail within the deadline, and is used again when it goes on', async () => {
    const { store } = await setTheScene({ deadlineMs: 300 })
    const key = await storeKeys(store, sampleKey())
    server.pause()
    try {
      expect(await timeToFailure(() => store.findById(key.id))).toBeLessThan(600)
      expect(await timeToFailure(() => store.commit([putting(sampleKey(), 0)]))).toBeLessThan(600)
    } finally {
      server.resume()
    }
    await until('it is read again', () => store.findById(key.id).then(Boolean, () => false))
  })

  it('that is read-only, as a replica is, is refused at start and with every read, and used when it is not', async () => {
    const { pool, store, admin } = await setTheScene()
    const key = await storeKeys(store, sampleKey())
    await admin.query('SET GLOBAL read_only = ON')
    try {
      await expect(mysql(pool).open()).rejects.toThrow(ConfigError)
      await expect(mysql(pool).open()).rejects.toThrow(/a replica as the store is refused/)
      for (const read of [
        () => store.findById(key.id),
        () => store.findById('key_nobody'),
        () => store.findByDigest([key.digest]),
      ])
        expect((await failureOf(read())).message).toMatch(/is a replica/)
    } finally {
      await admin.query('SET GLOBAL read_only = OFF')
    }
    expect(await store.findById(key.id)).toEqual(key)
  })

  it('tells its clock, by which alone the store goes, whatever the time zone of the session', async () => {
    const { pool, admin } = await setTheScene()
    pool.on('connection', (connection) => connection.query(`SET time_zone = '+09:00'`))
    const store = mysql(pool)
    const before = Date.now()
    const wrong = vi.spyOn(Date, 'now').mockReturnValue(0)
    onTestFinished(() => wrong.mockRestore())
    await store.open()
    await admin.query('SELECT 1')
    expect(Math.abs(store.clock.now() - before)).toBeLessThan(1_000)
  })
})
