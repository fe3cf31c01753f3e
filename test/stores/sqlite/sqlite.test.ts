import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import Libsql from 'libsql'
import { describe, expect, it, onTestFinished } from 'vitest'
import { ConfigError, InvalidInputError, StoreUnavailableError } from '../../../src/model/errors.ts'
import { type SqliteOptions, sqlite } from '../../../src/stores/sqlite/sqlite.ts'
import type { SqliteKeyStore } from '../../../src/stores/sqlite/sqlite-key-store.ts'
import { commitOne, instant, listIds, putting, sampleKey, storeKeys } from '../../../src/testing/key-store/samples.ts'
import { temporaryFile } from './temporary-files.ts'

async function open(file: string, options?: SqliteOptions): Promise<SqliteKeyStore> {
  const store = sqlite(file, options)
  onTestFinished(() => store.close())
  await store.open()
  return store
}

function openRaw(file: string): Libsql.Database {
  const database = new Libsql(file)
  onTestFinished(() => void database.close())
  return database
}

function modeOf(file: string): string {
  return (statSync(file).mode & 0o777).toString(8)
}

describe('sqlite()', () => {
  it('touches nothing until it is opened', () => {
    const file = temporaryFile()
    sqlite(file)
    sqlite('/no/such/directory/keys.db')
    expect(existsSync(file)).toBe(false)
  })

  it.each([
    ['an empty path', '', {}, /first argument/],
    ['a path with a zero byte', 'a\0b', {}, /first argument/],
    ['something else than a database', {}, {}, /first argument/],
    ['an unknown way to migrate', 'a.db', { migrate: 'never' }, /migrate must be/],
    ['a prefix that is no name', 'a.db', { tablePrefix: 'a; DROP' }, /tablePrefix must be/],
    ['an empty prefix', 'a.db', { tablePrefix: '' }, /tablePrefix must be/],
    ['a fraction of a millisecond', 'a.db', { noticeMs: 0.5 }, /noticeMs must be/],
    ['a negative duration', 'a.db', { noticeMs: -1 }, /noticeMs must be/],
  ])('refuses %s', (_, source, options, message) => {
    expect(() => sqlite(source as string, options as SqliteOptions)).toThrow(ConfigError)
    expect(() => sqlite(source as string, options as SqliteOptions)).toThrow(message)
  })

  it('answers nothing before it is opened, and after it is closed', async () => {
    const store = sqlite(temporaryFile())
    await expect(store.findById('key_1')).rejects.toBeInstanceOf(StoreUnavailableError)
    await store.open()
    expect(await store.findById('key_1')).toBeUndefined()
    await store.close()
    await store.close()
    await expect(store.findById('key_1')).rejects.toBeInstanceOf(StoreUnavailableError)
  })
})

describe('the file of a SQLite store', () => {
  it('is created for its owner only, with its log and its index (225)', async () => {
    const umask = process.umask(0)
    onTestFinished(() => void process.umask(umask))
    const file = temporaryFile()
    await storeKeys(await open(file), sampleKey())
    const files = readdirSync(dirname(file)).sort()
    expect(files).toEqual(['keys.db', 'keys.db-shm', 'keys.db-wal'])
    for (const name of files) expect(modeOf(join(dirname(file), name)), name).toBe('600')
  })

  it.each([
    [
      'with a missing directory',
      (file: string) => join(dirname(file), 'missing', 'keys.db'),
      /directory of .* must exist/,
    ],
    ['that is a directory', (file: string) => makeDirectory(file), /must be a file/],
    ['that others may read', (file: string) => makeFile(file, 0o644), /mode 0644.*chmod 600/],
    ['that its group may read', (file: string) => makeFile(file, 0o640), /mode 0640/],
    ['that is read-only', (file: string) => makeFile(file, 0o400), /writable/],
    ['that is no database', (file: string) => makeFile(file, 0o600, 'x'.repeat(9_999)), /not a database/],
    ['whose log others may read', (file: string) => makeLog(makeFile(file, 0o600)), /keys\.db-wal .*mode 0644/],
    ['behind a link to one that others may read', (file: string) => makeLink(file), /mode 0644/],
  ])('is refused at start %s, by path and rule (225)', async (_, make, message) => {
    const file = make(temporaryFile())
    const store = sqlite(file)
    const failure = await store.open().catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ConfigError)
    expect((failure as Error).message).toMatch(message)
    expect((failure as Error).message).toContain(dirname(file))
  })

  it('can be opened again once what was wrong with it is mended', async () => {
    const file = temporaryFile()
    writeFileSync(file, '', { mode: 0o644 })
    const store = sqlite(file)
    onTestFinished(() => store.close())
    await expect(store.open()).rejects.toBeInstanceOf(ConfigError)
    chmodSync(file, 0o600)
    await Promise.all([store.open(), store.open()])
    expect(await listIds(store, {})).toEqual([])
  })

  it('is put into write-ahead mode while another process reads it, as soon as that lets it', async () => {
    const file = makeFile(temporaryFile(), 0o600)
    const other = openRaw(file)
    other.exec('CREATE TABLE theirs (id INTEGER); BEGIN')
    expect(other.prepare('SELECT count(*) AS rows FROM theirs').get()).toMatchObject({ rows: 0 })
    const opening = open(file)
    await sleep(50)
    other.exec('COMMIT')
    expect(await listIds(await opening, {})).toEqual([])
  })

  it('is in write-ahead mode, and every commit is synchronised', async () => {
    const database = openRaw(temporaryFile())
    database.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -1234')
    const store = sqlite(database)
    await store.open()
    expect(database.prepare('PRAGMA journal_mode').get()).toMatchObject({ journal_mode: 'wal' })
    expect(database.prepare('PRAGMA synchronous').get()).toMatchObject({ synchronous: 2 })
    expect(database.prepare('PRAGMA foreign_keys').get()).toMatchObject({ foreign_keys: 1 })
    expect(database.prepare('PRAGMA cache_size').get(), 'its own').toMatchObject({ cache_size: -1234 })
    await store.close()
    expect(database.prepare('SELECT 1 AS one').get()).toMatchObject({ one: 1 })
  })
})

describe('a driver that fails while a SQLite store opens', () => {
  it.each([
    [{ code: 'SQLITE_READONLY_DIRECTORY' }, ConfigError],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 8 | (6 << 8) }, ConfigError],
    [{ code: 'SQLITE_CANTOPEN', rawCode: 14 }, ConfigError],
    [{ code: 'SQLITE_IOERR_READ', rawCode: 266 }, StoreUnavailableError],
    [{ code: 'ERR_SQLITE_ERROR', errcode: 13 }, StoreUnavailableError],
  ])('with %j is a fault of the configuration only where waiting is no cure', async (fields, kind) => {
    const fail = () => {
      throw Object.assign(new Error('it failed'), fields)
    }
    const failure = await sqlite({ exec: fail, prepare: fail })
      .open()
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(kind)
    expect((failure as Error).cause).toMatchObject(fields)
  })
})

describe('the schema of a SQLite store', () => {
  it('is refused when it is newer than the code (222)', async () => {
    const file = temporaryFile()
    await (await open(file)).close()
    openRaw(file).exec("INSERT INTO keyward_migrations VALUES ('keys-999', 1)")
    const failure = await sqlite(file)
      .open()
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ConfigError)
    expect((failure as Error).message).toContain('newer than this version of keyward: keys-999')
  })

  it("is only checked with migrate: 'check'", async () => {
    const file = temporaryFile()
    await expect(sqlite(file, { migrate: 'check' }).open()).rejects.toThrow(/lacks keys-001, audit-001/)
    expect(openRaw(file).prepare('SELECT count(*) AS tables FROM sqlite_schema').get()).toMatchObject({ tables: 0 })
    await (await open(file)).close()
    openRaw(file).exec("DELETE FROM keyward_migrations WHERE name = 'servers-001'")
    await expect(sqlite(file, { migrate: 'check' }).open()).rejects.toThrow(/lacks servers-001/)
    openRaw(file).exec("INSERT INTO keyward_migrations VALUES ('servers-001', 1)")
    await open(file, { migrate: 'check' })
  })

  it('takes another prefix, for two stores in one file that know nothing of each other', async () => {
    const file = temporaryFile()
    const [one, other] = [await open(file, { tablePrefix: 'one_' }), await open(file, { tablePrefix: 'other_' })]
    const record = await storeKeys(one, sampleKey())
    expect(await one.findById(record.id)).toEqual(record)
    expect(await other.findById(record.id)).toBeUndefined()
    const names = openRaw(file).prepare('SELECT name FROM sqlite_schema WHERE sql IS NOT NULL').all() as {
      name: string
    }[]
    for (const { name } of names) expect(name).toMatch(/^(one|other)_/)
  })
})

describe('a commit of a SQLite store', () => {
  it('resolves no sooner than 10 ms after it was asked for, when it can long be seen elsewhere', async () => {
    const file = temporaryFile()
    const [store, reader] = [await open(file), await open(file)]
    const record = await storeKeys(store, sampleKey())
    reader.changedElsewhere()
    for (let version = 1; version < 6; version += 1) {
      const askedAt = performance.now()
      expect(await commitOne(store, putting({ ...record, revokedAt: instant(version) }, version))).toBe('committed')
      expect(performance.now() - askedAt).toBeGreaterThanOrEqual(9)
      expect(reader.changedElsewhere()).toBe(true)
    }
  })

  it('can be seen elsewhere for the whole time that it is held back', async () => {
    const file = temporaryFile()
    const [store, reader] = [await open(file, { noticeMs: 1_000 }), await open(file)]
    const record = sampleKey()
    await commitOne(store, putting(record, 0, { unseen: true }))
    const commit = commitOne(store, putting({ ...record, revokedAt: instant() }, 1))
    await sleep(300)
    expect((await reader.findById(record.id))?.revokedAt).toEqual(instant())
    const seenAt = performance.now()
    expect(await commit).toBe('committed')
    expect(performance.now() - seenAt).toBeGreaterThan(100)
  })

  it('holds back nothing that nobody can have read: new keys, and what was not committed', async () => {
    const store = await open(temporaryFile(), { noticeMs: 1_000 })
    const startedAt = performance.now()
    const record = sampleKey()
    expect(await commitOne(store, putting(record, 0, { unseen: true }))).toBe('committed')
    expect(await commitOne(store, putting(record, 0))).toBe('superseded')
    expect(performance.now() - startedAt).toBeLessThan(900)
    expect(await commitOne(store, putting(record, 1))).toBe('committed')
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(1_000)
  })

  it('waits for the lock of another process without holding up the event loop, and is refused after 5 seconds', async () => {
    const file = temporaryFile()
    const store = await open(file)
    const record = await storeKeys(store, sampleKey())
    const other = openRaw(file)
    other.exec('BEGIN IMMEDIATE')
    const short = commitOne(store, putting(record, 1))
    let longest = 0
    for (let turn = 0, before = performance.now(); turn < 15; turn += 1, before = performance.now()) {
      await sleep(10)
      longest = Math.max(longest, performance.now() - before)
      expect((await store.findById(record.id))?.version).toBe(1)
    }
    other.exec('COMMIT')
    expect(await short).toBe('committed')
    expect(longest).toBeLessThan(1_000)

    other.exec('BEGIN IMMEDIATE')
    const refused = await commitOne(store, putting(record, 2)).catch((error: unknown) => error)
    expect(refused).toBeInstanceOf(StoreUnavailableError)
    expect((refused as Error).cause).toMatchObject({ code: 'SQLITE_BUSY' })
    other.exec('COMMIT')
    expect(await commitOne(store, putting(record, 2))).toBe('committed')
  })

  it('fails when the database is full, reads on, and commits again when there is room (224)', async () => {
    const database = openRaw(temporaryFile())
    const store = sqlite(database, { noticeMs: 0 })
    await store.open()
    const record = await storeKeys(store, sampleKey())
    database.exec('PRAGMA max_page_count = 60')
    const large = () => putting(sampleKey({ metadata: { text: 'x'.repeat(16_000) } }), 0)
    const failure = await store.commit(Array.from({ length: 30 }, large)).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(StoreUnavailableError)
    expect(await listIds(store, {})).toEqual([record.id])
    database.exec('PRAGMA max_page_count = 60000')
    expect(await store.commit(Array.from({ length: 30 }, large))).toEqual(Array(30).fill('committed'))
  })

  it.each([
    ['an instant that is none', { expiresAt: new Date(Number.NaN) }],
    ['more text than can be read back', { name: 'x'.repeat(70_000) }],
    ['half a surrogate pair', { owner: 'acme\ud800' }],
    ['a zero byte', { name: 'acme\0evil' }],
  ])('refuses %s, with all that was committed with it', async (_, fields) => {
    const store = await open(temporaryFile(), { noticeMs: 0 })
    const changes = [putting(sampleKey(), 0), putting(sampleKey(fields), 0)]
    await expect(store.commit(changes)).rejects.toBeInstanceOf(InvalidInputError)
    expect(await listIds(store, {})).toEqual([])
    expect(await store.listAudit('acme', 0, 10)).toEqual([])
  })

  it('takes no owner for another whose name begins alike (52)', async () => {
    const store = await open(temporaryFile(), { noticeMs: 0 })
    await storeKeys(store, sampleKey({ owner: 'acme' }))
    await expect(listIds(store, { owner: 'acme\0evil' })).rejects.toBeInstanceOf(InvalidInputError)
  })
})

describe('uses in a SQLite store', () => {
  it('are written thousands at a time, between other work', async () => {
    const store = await open(temporaryFile(), { noticeMs: 0 })
    const record = await storeKeys(store, sampleKey())
    const uses = Array.from({ length: 5_000 }, (_, index) => ({ keyId: record.id, usedAt: instant(index) }))
    await store.recordUses(uses)
    expect((await store.findById(record.id))?.lastUsedAt).toEqual(instant(4_999))
  })
})

describe('a SQLite store in memory', () => {
  it('is seen by nobody else: it holds nothing back and has nothing to claim', async () => {
    const store = await open(':memory:', { noticeMs: 1_000 })
    const startedAt = performance.now()
    const record = await storeKeys(store, sampleKey())
    await commitOne(store, putting(record, 1))
    expect(performance.now() - startedAt).toBeLessThan(900)
    expect(store.changedElsewhere()).toBe(false)
    await store.claim()
    expect(store.isServing).toBe(false)
  })
})

function makeFile(file: string, mode: number, text = ''): string {
  writeFileSync(file, text, { mode })
  return file
}

function makeDirectory(file: string): string {
  mkdirSync(file, { mode: 0o700 })
  return file
}

function makeLog(file: string): string {
  makeFile(`${file}-wal`, 0o644)
  return file
}

function makeLink(file: string): string {
  symlinkSync(makeFile(`${file}-real`, 0o644), file)
  return file
}
