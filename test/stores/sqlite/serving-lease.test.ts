import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import Libsql from 'libsql'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { Clock } from '../../../src/model/clock.ts'
import { ConfigError, StoreUnavailableError } from '../../../src/model/errors.ts'
import { sqlite } from '../../../src/stores/sqlite/sqlite.ts'
import type { SqliteKeyStore } from '../../../src/stores/sqlite/sqlite-key-store.ts'
import { startRemoteStore } from './remote-store.ts'
import { temporaryFile } from './temporary-files.ts'

/** A clock that stands: what a store gets by it, it does not get by waiting. */
const standing: Clock = { now: () => 1_000_000, monotonic: () => 0 }

async function open(file: string, clock?: Clock): Promise<SqliteKeyStore> {
  const store = sqlite(file, clock && { clock })
  onTestFinished(() => store.close())
  await store.open()
  return store
}

/** A clock on which a second passes with every look; `onLook` is what the others do meanwhile. */
function hurrying(onLook: () => void = () => {}): Clock {
  let seconds = 0
  return {
    now: () => Date.now(),
    monotonic() {
      onLook()
      seconds += 1
      return seconds * 1_000
    },
  }
}

/** Writes who serves, as a process elsewhere would have. */
function writeHolder(file: string, { pid = process.pid, host = 'elsewhere', renewedAt = Date.now() }): Libsql.Database {
  const database = new Libsql(file)
  onTestFinished(() => void database.close())
  const insert = 'INSERT OR REPLACE INTO keyward_servers (slot, id, pid, host, renewed_at) VALUES (1, ?, ?, ?, ?)'
  database.prepare(insert).run('another', pid, host, renewedAt)
  return database
}

function hostOf(file: string): string {
  const database = new Libsql(file)
  try {
    return (database.prepare('SELECT host FROM keyward_servers').get() as { host: string }).host
  } finally {
    database.close()
  }
}

describe('the claim to serve on a SQLite file', () => {
  it('is granted to one process, refused to a second that lives beside it, and to be had again after kill -9', async () => {
    const file = temporaryFile()
    const server = await startRemoteStore(file)
    await server.call('open')
    await server.call('claim')
    const second = await open(file)
    const refusal = await second.claim().catch((error: unknown) => error)
    expect(refusal).toBeInstanceOf(ConfigError)
    expect((refusal as Error).message).toContain(`process ${server.process.pid} on `)
    expect((refusal as Error).message).toMatch(/Postgres or Redis/)
    expect(second.isServing).toBe(false)
    await server.kill()
    const third = await open(file, standing)
    await third.claim()
    expect(third.isServing).toBe(true)
  })

  it('is given back by a process that closes', async () => {
    const file = temporaryFile()
    const [first, second] = [await open(file), await open(file, standing)]
    await first.claim()
    await first.claim()
    expect(first.isServing).toBe(true)
    await first.close()
    expect(first.isServing).toBe(false)
    await second.claim()
    expect(second.isServing).toBe(true)
  })

  it('counts two stores of one process as two servers, and waits for the first to close', async () => {
    const file = temporaryFile()
    const [first, second] = [await open(file), await open(file, standing)]
    await first.claim()
    let isServing = false
    const waiting = second.claim().then(() => {
      isServing = true
    })
    await sleep(300)
    expect(isServing).toBe(false)
    await first.close()
    await waiting
    expect(second.isServing).toBe(true)
  })

  it('is given up by a store that is closed while it waits', async () => {
    const file = temporaryFile()
    const [first, second] = [await open(file), sqlite(new Libsql(file), { clock: standing })]
    await first.claim()
    await second.open()
    const waiting = second.claim()
    await sleep(50)
    await second.close()
    await expect(waiting).rejects.toBeInstanceOf(StoreUnavailableError)
    await first.close()
    const third = await open(file, standing)
    await third.claim()
    expect(third.isServing).toBe(true)
  })

  it('is refused after six seconds to whoever sees the other renew', async () => {
    const file = temporaryFile()
    await open(file)
    const database = writeHolder(file, {})
    const clock = hurrying(() => void database.exec('UPDATE keyward_servers SET renewed_at = renewed_at + 1'))
    await expect((await open(file, clock)).claim()).rejects.toBeInstanceOf(ConfigError)
  })

  it('passes after six seconds from a process elsewhere that renews nothing', async () => {
    const file = temporaryFile()
    await open(file)
    writeHolder(file, { renewedAt: Date.now() + 3_600_000 })
    const store = await open(file, hurrying())
    await store.claim()
    expect(store.isServing).toBe(true)
  })

  it('passes at once from a process elsewhere that last renewed more than six seconds ago', async () => {
    const file = temporaryFile()
    await open(file)
    writeHolder(file, { renewedAt: standing.now() - 6_001 })
    await (await open(file, standing)).claim()
  })

  it('passes after six seconds from a number that now belongs to another process', async () => {
    const file = temporaryFile()
    const first = await open(file)
    await first.claim()
    const host = hostOf(file)
    await first.close()
    writeHolder(file, { host, pid: process.ppid, renewedAt: Date.now() - 3_600_000 })
    const store = await open(file, hurrying())
    await store.claim()
    expect(store.isServing).toBe(true)
  })

  it('is known to be lost once another has taken it', async () => {
    const file = temporaryFile()
    const store = await open(file)
    await store.claim()
    const database = writeHolder(file, {})
    for (let looks = 0; store.isServing && looks < 100; looks += 1) await sleep(50)
    expect(store.isServing).toBe(false)
    await store.close()
    expect(database.prepare('SELECT id FROM keyward_servers').get()).toMatchObject({ id: 'another' })
  })

  it('keeps no process alive', async () => {
    const file = temporaryFile()
    const server = await startRemoteStore(file)
    await server.call('open')
    await server.call('claim')
    server.process.disconnect()
    const [code] = await once(server.process, 'exit')
    expect(code).toBe(0)
  })
})
