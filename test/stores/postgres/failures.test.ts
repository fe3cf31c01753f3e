import pg from 'pg'
import postgresJs from 'postgres'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { ConfigError, InvalidInputError, StoreUnavailableError } from '../../../src/model/errors.ts'
import type { KeyStore } from '../../../src/model/key-store.ts'
import { type PostgresOptions, postgres } from '../../../src/stores/postgres/postgres.ts'
import { expectChain } from '../../../src/testing/key-store/audit-cases.ts'
import {
  commitOne,
  instant,
  listIds,
  putting,
  sampleAudit,
  sampleKey,
  storeKeys,
} from '../../../src/testing/key-store/samples.ts'
import { createDatabase, startPostgres } from '../../servers/postgres.ts'
import type { Server } from '../../servers/server.ts'
import { until } from '../../servers/until.ts'

let server: Server

beforeAll(async () => {
  server = await startPostgres({ args: ['-c', 'deadlock_timeout=100ms'] })
})
afterAll(() => server?.stop())

interface Scene {
  readonly url: string
  readonly pool: pg.Pool
  readonly store: KeyStore
  /** Another client, for what happens beside the store. */
  readonly admin: pg.Client
}

/** An open store in a database of its own, over a pool of its own. */
async function setTheScene(options: PostgresOptions = {}, pooling: pg.PoolConfig = {}): Promise<Scene> {
  const url = await createDatabase(server)
  const pool = new pg.Pool({ connectionString: url, max: 3, ...pooling })
  pool.on('error', () => {})
  const admin = new pg.Client({ connectionString: url })
  await admin.connect()
  onTestFinished(async () => {
    await admin.end()
    await pool.end()
  })
  const store = postgres(pool, options)
  await store.open()
  return { url, pool, store, admin }
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

describe('the Postgres store', () => {
  it.each([
    ['migrate', { migrate: 'never' }, /migrate must be/],
    ['tablePrefix', { tablePrefix: 'Keys; --' }, /tablePrefix must be/],
    ['deadlineMs', { deadlineMs: 0 }, /deadlineMs must be/],
    ['deadlineMs', { deadlineMs: 60_001 }, /deadlineMs must be/],
  ])('refuses a wrong %s by name', async (_, options, rule) => {
    const pool = new pg.Pool()
    expect(() => postgres(pool, options as never)).toThrow(ConfigError)
    expect(() => postgres(pool, options as never)).toThrow(rule)
  })

  it.each([[undefined], ['postgres://localhost'], [{}], [new Map()]])('refuses %s as a client', (source) => {
    expect(() => postgres(source as never)).toThrow(/first argument must be/)
  })

  it('refuses a postgres.js that renames columns, and a database that is not UTF8', async () => {
    const { url, admin } = await setTheScene()
    const sql = postgresJs(url, { max: 1, transform: postgresJs.camel, onnotice: () => {} })
    onTestFinished(() => sql.end())
    await expect(postgres(sql).open()).rejects.toThrow(/under the names that columns have/)
    await admin.query(`CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`)
    const pool = new pg.Pool({ connectionString: url.replace(/\/[^/]*$/, '/latin'), max: 1 })
    onTestFinished(() => pool.end())
    await expect(postgres(pool).open()).rejects.toThrow(ConfigError)
    await expect(postgres(pool).open()).rejects.toThrow(/encoded in UTF8/)
  })

  it('answers nothing before it is open and after it was closed, and leaves the pool open', async () => {
    const { pool, store } = await setTheScene()
    await failureOf(postgres(pool).findById('key_1'))
    await store.close()
    await failureOf(store.findById('key_1'))
    await store.open()
    expect(await store.findById('key_1')).toBeUndefined()
    expect((await pool.query('SELECT 1 AS one')).rows).toEqual([{ one: 1 }])
  })

  it('lives beside another under other names, also where its prefix contains the usual one', async () => {
    const { pool, store, admin } = await setTheScene()
    const other = postgres(pool, { tablePrefix: 'my_keyward_' })
    await other.open()
    const key = await storeKeys(other, sampleKey())
    expect(await store.findById(key.id)).toBeUndefined()
    expect(await other.findByDigest([key.digest])).toEqual(key)
    const { rows } = await admin.query('SELECT count(*)::int AS keys FROM my_keyward_keys')
    expect(rows).toEqual([{ keys: 1 }])
  })

  it('brings a gate over its own tables, where a commit is its fence', async () => {
    const { store } = await setTheScene({ tablePrefix: 'other_' })
    const { owner, lineage, id } = await storeKeys(store, sampleKey())
    const gate = store.createGate?.()
    const request = { owner, lineage, version: 1, nonce: undefined, buckets: [] }
    expect(gate?.versions).toBe('store')
    expect(await gate?.admit(request)).toMatchObject({ outcome: 'admitted' })
    await commitOne(store, putting(sampleKey({ id, lineage }), 1))
    expect(await gate?.admit(request)).toEqual({ outcome: 'stale' })
    await gate?.close?.()
  })

  it.each(['a\0b', 'a\ud800'])('refuses text that it could not keep: %j', async (text) => {
    const { store } = await setTheScene()
    await expect(store.findById(text)).rejects.toThrow(InvalidInputError)
    await expect(store.commit([putting(sampleKey({ name: text }), 0)])).rejects.toThrow(InvalidInputError)
    await expect(store.commit([putting(sampleKey({ owner: text }), 0)])).rejects.toThrow(InvalidInputError)
    expect(await listIds(store, {})).toEqual([])
  })

  it('refuses what an index cannot hold, and a record that could not be read again', async () => {
    const { store } = await setTheScene()
    for (const fields of [{ owner: 'ö'.repeat(513) }, { id: 'x'.repeat(1_025) }, { name: 'x'.repeat(70_000) }])
      await expect(store.commit([putting(sampleKey(fields), 0)])).rejects.toThrow(InvalidInputError)
    const longest = await storeKeys(store, sampleKey({ owner: 'ö'.repeat(512) }))
    expect(await store.findById(longest.id)).toEqual(longest)
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
    expect(await store.listFences(2_000)).toHaveLength(1_000)
    await expectChain(store, 'acme', 2_000)
  })
})

describe('a schema', () => {
  it('that is newer is refused, one that is older is brought up to date, or refused by check', async () => {
    const { pool, admin } = await setTheScene()
    await postgres(pool, { migrate: 'check' }).open()
    await expect(postgres(pool, { migrate: 'check', tablePrefix: 'new_' }).open()).rejects.toThrow(/lacks keys-001/)
    expect((await admin.query(`SELECT to_regclass('new_migrations') AS found`)).rows).toEqual([{ found: null }])
    await admin.query(`DELETE FROM keyward_migrations WHERE name = 'outbox-001'; DROP TABLE keyward_outbox`)
    await expect(postgres(pool, { migrate: 'check' }).open()).rejects.toThrow(/lacks outbox-001/)
    await postgres(pool).open()
    await admin.query(`INSERT INTO keyward_migrations VALUES ('keys-999', 0)`)
    for (const migrate of ['auto', 'check'] as const) {
      await expect(postgres(pool, { migrate }).open()).rejects.toThrow(ConfigError)
      await expect(postgres(pool, { migrate }).open()).rejects.toThrow(/newer than this version of keyward: keys-999/)
    }
  })
})

describe('a damaged row of the Postgres store (50, 229)', () => {
  it.each([
    ['broken JSON', `metadata = '{"secret'`],
    ['metadata that is a list', `metadata = '["secret"]'`],
    ['scopes that are numbers', `scopes = '[1]'`],
    ['a newer schema', 'schema = 2'],
    ['an instant that is none', 'expires_at = 9000000000000000'],
    ['ten megabytes', `name = repeat('secret', 1700000)`],
  ])('with %s fails the calls that need it, by name, and no others', async (_, damage) => {
    const { store, admin } = await setTheScene({ deadlineMs: 5_000 })
    const damaged = await storeKeys(store, sampleKey({ metadata: { secret: 'secret' } }))
    const sound = await storeKeys(store, sampleKey({ owner: 'other' }))
    await admin.query(`UPDATE keyward_keys SET ${damage} WHERE id = '${damaged.id}'`)
    const calls = [
      store.findById(damaged.id),
      store.findByDigest([damaged.digest]),
      listIds(store, { owner: damaged.owner }),
      listIds(store, {}),
    ]
    for (const failure of await Promise.all(calls.map(failureOf))) {
      expect(failure.message).toContain(damaged.id)
      expect(`${failure.message} ${failure.stack} ${failure.cause}`).not.toContain('secret')
    }
    expect(await store.findByDigest([sound.digest])).toEqual(sound)
    expect(await listIds(store, { owner: 'other' })).toEqual([sound.id])
  })

  it('without its lineage is damaged, not unknown: a good key must not become a 401', async () => {
    const { store, admin } = await setTheScene()
    const record = await storeKeys(store, sampleKey())
    await admin.query('DELETE FROM keyward_lineages')
    expect((await failureOf(store.findByDigest([record.digest]))).message).toContain(record.id)
  })

  it('of another table names what it is', async () => {
    const { store, admin } = await setTheScene()
    await storeKeys(store, sampleKey({ owner: 'other' }))
    const policy = { name: 'burst', windows: [{ limit: 1, windowSeconds: 1 }], version: 1, updatedAt: null }
    await store.setPolicy(policy, sampleAudit({ action: 'policy.set', owner: '' }))
    await admin.query(`UPDATE keyward_policies SET windows = '[1]'; UPDATE keyward_audit SET details = '['`)
    expect((await failureOf(store.listPolicies())).message).toContain('policy burst')
    expect((await failureOf(store.listAudit('other', 0, 10))).message).toContain('audit entry 1 of other')
  })
})

describe('a Postgres server', () => {
  it('215: that ends a transaction for a deadlock costs nothing but another try', async () => {
    const { store, admin } = await setTheScene({ deadlineMs: 5_000 })
    const key = await storeKeys(store, sampleKey())
    await admin.query('BEGIN')
    await admin.query('SELECT 1 FROM keyward_lineages FOR UPDATE')
    const commit = store.commit([putting({ ...key, name: 'renamed' }, 1)])
    await until('the store waits', async () => {
      const waiting = await admin.query(`SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'`)
      return waiting.rowCount === 1
    })
    // To be had before the commit is over: only the end of the store's transaction gives it free.
    await admin.query('SELECT 1 FROM keyward_audit_heads FOR UPDATE')
    await admin.query('COMMIT')
    expect(await commit).toEqual(['committed'])
    await expectChain(store, 'acme', 2)
  })

  it('215: that has no connection left is unavailable, and used again when it has one', async () => {
    const { url, admin } = await setTheScene()
    const role = `visitor_${admin.database}`
    await admin.query(`CREATE ROLE ${role} LOGIN; GRANT SELECT ON ALL TABLES IN SCHEMA public TO ${role}`)
    onTestFinished(async () => void (await admin.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`)))
    const limitTo = (connections: number) =>
      admin.query(`ALTER DATABASE ${admin.database} CONNECTION LIMIT ${connections}`)
    const visitor = Object.assign(new URL(url), { username: role })
    const pool = new pg.Pool({ connectionString: visitor.href, max: 1, idleTimeoutMillis: 1 })
    onTestFinished(() => pool.end())
    const store = postgres(pool, { migrate: 'check' })
    await store.open()
    await until('it has let go of its connection', () => pool.totalCount === 0)
    await limitTo(0)
    expect((await failureOf(store.findById('key_1'))).cause).toMatchObject({ code: '53300' })
    await limitTo(-1)
    expect(await store.findById('key_1')).toBeUndefined()
  })

  it('215: that ends every connection costs each call under way at most one error, and heals', async () => {
    const { store, admin } = await setTheScene()
    const key = await storeKeys(store, sampleKey())
    for (let round = 0; round < 5; round += 1) {
      const calls = Promise.allSettled(
        Array.from({ length: 8 }, (_, index) =>
          index % 2 === 0 ? store.findById(key.id) : store.commit([putting(sampleKey(), 0)]),
        ),
      )
      await admin.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      )
      for (const outcome of await calls)
        if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(StoreUnavailableError)
      // A connection may be found dead by the first that takes it.
      await Promise.allSettled(Array.from({ length: 3 }, () => store.findById(key.id)))
      expect(await store.findById(key.id)).toEqual(key)
    }
    const ids = await listIds(store, { owner: 'acme' })
    await expectChain(store, 'acme', ids.length)
  })

  it('whose table is locked makes calls fail within the deadline, holds no more connections, and heals', async () => {
    const { store, admin } = await setTheScene({ deadlineMs: 300 })
    const key = await storeKeys(store, sampleKey())
    await admin.query('BEGIN; LOCK TABLE keyward_keys IN ACCESS EXCLUSIVE MODE')
    expect(await timeToFailure(() => store.findByDigest([key.digest]))).toBeLessThan(600)
    expect(await timeToFailure(() => store.commit([putting({ ...key, name: 'late' }, 1)]))).toBeLessThan(600)
    await Promise.allSettled(Array.from({ length: 20 }, () => store.findByDigest([key.digest])))
    const query = 'SELECT count(*)::int AS held FROM pg_stat_activity WHERE datname = current_database()'
    expect((await admin.query(query)).rows[0].held).toBeLessThanOrEqual(4)
    await admin.query('COMMIT')
    expect(await store.findByDigest([key.digest])).toEqual(key)
    expect(await commitOne(store, putting({ ...key, name: 'in time' }, 1))).toBe('committed')
  })

  it('that is frozen makes reads fail within the deadline, and is used again when it goes on', async () => {
    const { store } = await setTheScene({ deadlineMs: 300 })
    const key = await storeKeys(store, sampleKey())
    server.pause()
    try {
      expect(await timeToFailure(() => store.findById(key.id))).toBeLessThan(600)
    } finally {
      server.resume()
    }
    await until('it is read again', () =>
      store.findById(key.id).then(
        (found) => found !== undefined,
        () => false,
      ),
    )
  })

  it('that has become read-only refuses writes, goes on with reads, and heals', async () => {
    const { store, pool, admin } = await setTheScene()
    const key = await storeKeys(store, sampleKey())
    const become = async (mode: 'on' | 'off') => {
      await admin.query(`ALTER DATABASE ${admin.database} SET default_transaction_read_only = ${mode}`)
      await admin.query(
        'SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()',
      )
      await until('the pool has noticed', () => pool.totalCount === 0)
    }
    await become('on')
    expect(await store.findById(key.id)).toEqual(key)
    const failure = await failureOf(store.commit([putting({ ...key, name: 'late' }, 1)]))
    expect(failure.cause).toMatchObject({ code: '25006' })
    await failureOf(store.recordUses([{ keyId: key.id, usedAt: instant() }]))
    await postgres(pool).open()
    await become('off')
    expect(await commitOne(store, putting({ ...key, name: 'in time' }, 1))).toBe('committed')
  })

  it('tells its clock, by which alone the store goes, and an argument is used instead of it', async () => {
    const wrong = vi.spyOn(Date, 'now').mockReturnValue(0)
    onTestFinished(() => wrong.mockRestore())
    const { store, pool, admin } = await setTheScene()
    const { rows } = await admin.query('SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS now')
    expect(Math.abs(store.clock.now() - rows[0].now)).toBeLessThan(500)
    const clock = { now: () => 5, monotonic: () => 6 }
    expect(postgres(pool, { clock }).clock).toBe(clock)
  })

  it('whose errors quote what was bound is not quoted: no digest in an error', async () => {
    const { store, admin } = await setTheScene()
    const taken = sampleKey()
    await admin.query(`
      CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN RAISE EXCEPTION 'refused' USING DETAIL = NEW.digest; END $$;
      CREATE TRIGGER refuse BEFORE INSERT ON keyward_keys FOR EACH ROW EXECUTE FUNCTION refuse()`)
    const failure = await failureOf(store.commit([putting(taken, 0)]))
    expect(failure.cause).toMatchObject({ message: 'refused' })
    const { cause } = failure as { cause?: object }
    expect(JSON.stringify({ ...cause })).not.toContain(taken.digest)
  })
})

describe('a pool whose connections are all in use', () => {
  it('makes calls fail within the deadline, and none is lost', async () => {
    const { store, pool } = await setTheScene({ deadlineMs: 200 }, { max: 1 })
    const client = await pool.connect()
    expect(await timeToFailure(() => store.findById('key_1'))).toBeLessThan(500)
    client.release()
    expect(await store.findById('key_1')).toBeUndefined()
    expect(pool.idleCount).toBe(1)
  })
})
