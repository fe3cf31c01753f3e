import { type AuditEntry, createKeyward, type KeyRecord, type KeyStore, memoryGate } from 'keyward'
import { postgres } from 'keyward/postgres'
import { sqlite } from 'keyward/sqlite'
import Libsql from 'libsql'
import pg from 'pg'
import { describe, expect, it, onTestFinished } from 'vitest'
import { chainOf } from '../../audit-chain.ts'
import { describeWith } from '../../servers/missing-servers.ts'
import { createDatabase, startPostgres } from '../../servers/postgres.ts'
import { until } from '../../servers/until.ts'
import { temporaryFile } from '../../stores/sqlite/temporary-files.ts'
import { Admins, OWNERS } from './admins.ts'
import { openLine } from './managed-server.ts'
import { report } from './report.ts'

const KILLS = 200
const POSTGRES_KILLS = 20
/** Changes that each server acknowledges before its kill. */
const LEAST_ACKNOWLEDGED = 10
/** Load after that, in milliseconds: a part of it, at random. */
const MOST_LOAD_MS = 150
const TIMEOUT_MS = 900_000
const TOKEN = 'token_of_a_killed_server_0123456789'

/** Statements over the rows of the trail, past the library. */
type Run = (sql: string, ...values: readonly (string | number)[]) => Promise<readonly Record<string, unknown>[]>

/** Kills server after server under load, and returns what was acknowledged. */
async function killUnderLoad(databaseUrl: string, kills: number): Promise<Admins> {
  const line = await openLine({ databaseUrl, token: TOKEN }, 3)
  onTestFinished(() => line.close())
  const admins = new Admins(TOKEN)
  for (let kill = 0; kill < kills; kill++) {
    const server = await line.next()
    const before = admins.acknowledged.length
    const working = admins.work(server.url)
    await until('it has acknowledged some', () => admins.acknowledged.length >= before + LEAST_ACKNOWLEDGED)
    await new Promise((resolve) => setTimeout(resolve, Math.random() * MOST_LOAD_MS))
    await server.kill()
    await working
  }
  return admins
}

/** Expects that changes and entries are the same, whoever was told of them. */
async function verifyTrail(store: KeyStore, { acknowledged, violations, unanswered }: Admins) {
  expect(violations).toEqual([])
  const keyward = createKeyward({ store, gate: memoryGate() })
  const chains = new Map<string, readonly AuditEntry[]>()
  let changes = 0
  for (const owner of OWNERS) {
    const entries = (await chainOf(store, owner)).filter(({ action }) => action !== 'manage.refused')
    expect(entries.length, `changes of ${owner}`).toBeGreaterThan(0)
    chains.set(owner, entries)
    const records = await recordsOf(store, owner)
    // Every change to a lineage raises its version by one: creation is the first.
    const versions = new Map(records.map(({ lineage, version }) => [lineage, version]))
    const raised = Array.from(versions.values()).reduce((sum, version) => sum + version, 0)
    const account = await store.ledger?.findAccount({ owner, lineage: null })
    const moved = account?.sequence ?? 0
    const ofKeys = entries.filter(({ action }) => action.startsWith('key.'))
    expect(ofKeys.length, `changes to keys of ${owner}`).toBe(raised)
    expect(entries.length - ofKeys.length, `movements of ${owner}`).toBe(moved)
    for (const [lineage, version] of versions) {
      const ids = new Set(records.filter((record) => record.lineage === lineage).map(({ id }) => id))
      expect(ofKeys.filter(({ keyId }) => ids.has(keyId ?? '')).length, `entries of ${lineage}`).toBe(version)
    }
    expectWholeRotations(records)
    const lineageOf = new Map(records.map(({ id, lineage }) => [id, lineage]))
    for (const { keyId, version } of acknowledged.filter((each) => each.owner === owner && each.keyId !== '')) {
      const reached = versions.get(lineageOf.get(keyId) ?? '') ?? 0
      expect(reached, `the version of ${keyId} that was acknowledged`).toBeGreaterThanOrEqual(version)
    }
    changes += raised + moved
    expect(await keyward.audit.verify({ owner })).toMatchObject({ owner, isIntact: true, broken: null })
  }
  const byRequest = new Map<string, AuditEntry[]>()
  for (const entry of Array.from(chains.values()).flat()) {
    const requestId = entry.requestId ?? ''
    byRequest.set(requestId, [...(byRequest.get(requestId) ?? []), entry])
  }
  // What changes nothing (a disabled key is disabled) is acknowledged without an entry.
  const lost = acknowledged.filter(({ action, requestId }) => !CAN_BE_SO(action) && !byRequest.has(requestId))
  expect(lost, 'acknowledged changes without an entry').toEqual([])
  expect(
    Array.from(byRequest.values()).filter((entries) => entries.length > 1),
    'requests with two entries',
  ).toEqual([])
  for (const { action, requestId, owner } of acknowledged)
    for (const entry of byRequest.get(requestId) ?? []) expect(entry).toMatchObject({ action, owner })
  return { keyward, changes, acknowledged: acknowledged.length, unanswered }
}

/** A successor and the key that it replaces name each other: none of the two was stored alone. */
function expectWholeRotations(records: readonly KeyRecord[]): void {
  const byId = new Map(records.map((record) => [record.id, record]))
  const rotated = records.filter(({ rotatedFrom }) => rotatedFrom !== null)
  expect(rotated.length, 'rotations').toBeGreaterThan(0)
  for (const { id, rotatedFrom } of rotated) {
    const previous = byId.get(rotatedFrom ?? '')
    expect(previous?.rotatedTo, `the key that ${id} replaces`).toBe(id)
    expect(previous?.expiresAt ?? previous?.revokedAt, `its end`).toBeInstanceOf(Date)
  }
  for (const { id, rotatedTo } of records)
    if (rotatedTo !== null) expect(byId.get(rotatedTo)?.rotatedFrom, `the key that replaces ${id}`).toBe(id)
}

const CAN_BE_SO = (action: string) => ['key.disabled', 'key.enabled', 'key.revoked', 'key.deleted'].includes(action)

async function recordsOf(store: KeyStore, owner: string): Promise<readonly KeyRecord[]> {
  const records: KeyRecord[] = []
  for (;;) {
    const page = await store.list({ owner, beforeId: records.at(-1)?.id, limit: 1_000, conditions: [] })
    records.push(...page)
    if (page.length < 1_000) return records
  }
}

/** Edits rows and takes rows away, one after the other, and expects each to be named; each is put back. */
async function breakEveryLink(store: KeyStore, run: Run): Promise<number> {
  const keyward = createKeyward({ store, gate: memoryGate() })
  let broken = 0
  for (const owner of OWNERS) {
    const chain = await chainOf(store, owner)
    const some = new Set([
      1,
      chain.length,
      ...Array.from({ length: 8 }, () => 1 + Math.floor(Math.random() * chain.length)),
    ])
    for (const sequence of some) {
      const at = [owner, sequence] as const
      for (const column of ['details', 'actor', 'action']) {
        const [row] = await run(`SELECT ${column} AS kept FROM keyward_audit WHERE owner = $1 AND sequence = $2`, ...at)
        await run(`UPDATE keyward_audit SET ${column} = 'x' WHERE owner = $1 AND sequence = $2`, ...at)
        expect((await keyward.audit.verify({ owner })).broken).toMatchObject({ sequence })
        await run(
          `UPDATE keyward_audit SET ${column} = $3 WHERE owner = $1 AND sequence = $2`,
          ...at,
          String(row?.['kept']),
        )
        broken += 1
      }
      await run('CREATE TABLE kept AS SELECT * FROM keyward_audit WHERE owner = $1 AND sequence = $2', ...at)
      await run('DELETE FROM keyward_audit WHERE owner = $1 AND sequence = $2', ...at)
      expect((await keyward.audit.verify({ owner })).broken).toEqual({ sequence, fault: 'missing' })
      await run('INSERT INTO keyward_audit SELECT * FROM kept')
      await run('DROP TABLE kept')
      broken += 1
      expect(await keyward.audit.verify({ owner })).toMatchObject({ isIntact: true })
    }
  }
  return broken
}

describe('a server that is killed with -9 under management load', () => {
  it(
    '69, 250: 200 times on SQLite, leaves an entry for each change that was made and none for another; a row that is edited or missing is named',
    async () => {
      const file = temporaryFile()
      const begunAt = performance.now()
      const admins = await killUnderLoad(`sqlite:${file}`, KILLS)
      const store = sqlite(file)
      await store.open()
      const { keyward, ...numbers } = await verifyTrail(store, admins)
      const database = new Libsql(file)
      const found = await breakEveryLink(store, async (sql, ...values) => {
        const statement = database.prepare(sql.replaceAll(/\$(\d)/g, '?$1'))
        if (sql.startsWith('SELECT')) return statement.all(...values) as Record<string, unknown>[]
        statement.run(...values)
        return []
      })
      database.close()
      await keyward.close()
      report({ kills: KILLS, seconds: Math.round((performance.now() - begunAt) / 1_000), ...numbers, found })
    },
    TIMEOUT_MS,
  )
})

describeWith('postgres', 'a server on Postgres that is killed with -9 under management load', () => {
  it(
    '69, 250: 20 times, leaves an entry for each change that was made and none for another; a row that is edited or missing is named',
    async () => {
      const server = await startPostgres({ durable: true })
      onTestFinished(() => server.stop())
      const databaseUrl = await createDatabase(server)
      const begunAt = performance.now()
      const admins = await killUnderLoad(databaseUrl, POSTGRES_KILLS)
      const pool = new pg.Pool({ connectionString: databaseUrl, max: 4 }).on('error', () => {})
      onTestFinished(() => pool.end())
      const store = postgres(pool)
      await store.open()
      const { keyward, ...numbers } = await verifyTrail(store, admins)
      const found = await breakEveryLink(store, async (sql, ...values) => (await pool.query(sql, [...values])).rows)
      await keyward.close()
      report({ kills: POSTGRES_KILLS, seconds: Math.round((performance.now() - begunAt) / 1_000), ...numbers, found })
    },
    TIMEOUT_MS,
  )
})
