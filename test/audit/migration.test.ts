import { createKeyward, type KeyStore, memoryGate } from 'keyward'
import { mysql } from 'keyward/mysql'
import { postgres } from 'keyward/postgres'
import { sqlite } from 'keyward/sqlite'
import Libsql from 'libsql'
import { createPool } from 'mysql2/promise'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startMariadb } from '../servers/mariadb.ts'
import { createDatabase, startPostgres } from '../servers/postgres.ts'
import type { Server } from '../servers/server.ts'
import { temporaryFile } from '../stores/sqlite/temporary-files.ts'
import { entryAt } from './entries.ts'

/** A database, and what opens another store on it. */
interface Scene {
  open(): KeyStore
  run(sql: string): Promise<unknown>
}

let servers: { readonly postgres: Server; readonly mariadb: Server } | undefined
beforeAll(async () => {
  servers = { postgres: await startPostgres(), mariadb: await startMariadb() }
})
afterAll(async () => {
  await servers?.postgres.stop()
  await servers?.mariadb.stop()
})

const scenes: readonly (readonly [string, () => Promise<Scene>])[] = [
  [
    'SQLite',
    async () => {
      const file = temporaryFile()
      let database: Libsql.Database | undefined
      onTestFinished(() => void database?.close())
      return {
        open: () => sqlite(file),
        async run(sql) {
          database ??= new Libsql(file)
          database.exec(sql)
        },
      }
    },
  ],
  [
    'Postgres',
    async () => {
      const pool = new pg.Pool({ connectionString: await createDatabase(servers?.postgres as Server), max: 3 })
      onTestFinished(() => pool.end())
      return { open: () => postgres(pool), run: (sql) => pool.query(sql) }
    },
  ],
  ['MariaDB', () => openMariadb()],
]

/** An empty database on the MariaDB server. */
async function openMariadb(): Promise<Scene> {
  const admin = createPool({ uri: servers?.mariadb.url ?? '' })
  const name = `audit_${crypto.randomUUID().replaceAll('-', '')}`
  await admin.query(`CREATE DATABASE ${name}`)
  const url = new URL(servers?.mariadb.url ?? '')
  url.pathname = `/${name}`
  const pool = createPool({ uri: url.href, multipleStatements: true })
  onTestFinished(async () => {
    await pool.end()
    await admin.end()
  })
  return { open: () => mysql(pool), run: (sql) => pool.query(sql) }
}

const INDEXES = ['time', 'owner', 'key', 'action', 'owner_action']

describe.each(scenes)('chains of the first version in %s', (name, setTheScene) => {
  it('are listed in their order, verified and purged by this one', async () => {
    const { open, run } = await setTheScene()
    const first = open()
    await first.open()
    const hour = 3_600_000
    await first.appendAudit([0, 5, -5, 6].map((hours) => entryAt(hours * hour + 1e12)))
    await first.appendAudit([entryAt(1e12 + hour, { owner: 'other' })])
    await first.close()

    if (name === 'SQLite') for (const index of INDEXES) await run(`DROP INDEX keyward_audit_by_${index}`)
    if (name === 'MariaDB')
      for (const index of INDEXES) await run(`DROP INDEX keyward_audit_by_${index} ON keyward_audit`)
    await run('ALTER TABLE keyward_audit DROP COLUMN reached_at')
    await run('ALTER TABLE keyward_audit_heads DROP COLUMN reached_at')
    await run('DROP TABLE keyward_audit_anchors')
    await run("DELETE FROM keyward_migrations WHERE name = 'audit-002'")

    const keyward = createKeyward({ store: open(), gate: memoryGate() })
    onTestFinished(() => keyward.close())
    expect((await keyward.audit.list()).items.map(({ owner, sequence }) => `${owner} ${sequence}`)).toEqual([
      ...['acme 4', 'acme 3', 'acme 2', 'other 1', 'acme 1'],
    ])
    expect(await keyward.audit.verify({ owner: 'acme' })).toMatchObject({ isIntact: true, headSequence: 4 })
    await keyward.keys.list()
    expect(await keyward.audit.purge()).toEqual({ entries: 5, owners: 2 })
    expect(await keyward.audit.verify({ owner: 'acme' })).toMatchObject({ isIntact: true, anchorSequence: 4 })
  })
})

describe('a migration of audit chains in MariaDB, where it is no transaction', () => {
  it('is finished by whoever comes after a crash in its middle', async () => {
    const { open, run } = await openMariadb()
    const first = open()
    await first.open()
    await first.appendAudit([entryAt(1e12)])
    await first.close()
    // All of it was done, and then only a part of it, before anybody could note that.
    for (const undo of ['DO 0', 'ALTER TABLE keyward_audit_heads DROP COLUMN reached_at']) {
      await run(undo)
      await run("DELETE FROM keyward_migrations WHERE name = 'audit-002'")
      const again = open()
      await again.open()
      expect(await again.findAuditEnds('acme')).toMatchObject({ head: { sequence: 1, reachedAtMs: 1e12 } })
    }
  })
})
