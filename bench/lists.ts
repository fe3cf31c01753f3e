import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { Agent, request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serve } from '@hono/node-server'
import { createKeyward, foldName, type KeyStore, memoryGate, type UsageInterval } from 'keyward'
import { adminToken, manage } from 'keyward/manage'
import { postgres } from 'keyward/postgres'
import { sqlite } from 'keyward/sqlite'
import Libsql from 'libsql'
import pg from 'pg'
import { startPostgres } from '../test/servers/postgres.ts'
import { number, printTable, verdict } from './table.ts'

const isQuick = process.argv.includes('--quick')
/** Keys, audit entries, and about as many counts of requests: half of them `acme`'s, the rest of 1,000 owners. */
const ROWS = isQuick ? 50_000 : 1_000_000
/** Pages of each list: fewer where 20 of them take longer than this. */
const PAGES = isQuick ? 20 : 120
const LEAST_PAGES = 20
const LONGEST_MS = 4_000
const TOKEN = 'bench_token_0123456789'
const NOW = Date.now()
const CHUNK = 2_000
const ROWS_AT_ONCE = 200

/** A database that is filled and asked. */
interface Place {
  readonly store: KeyStore
  /** Writes rows of a table. */
  fill(table: string, columns: readonly string[], rows: readonly (readonly unknown[])[]): Promise<void>
  /** Everything that a server does by itself in the hours after so much was written. */
  settle(): Promise<void>
  /** Reads a key by its primary key, and nothing at all. */
  readonly floors: Readonly<Record<string, (id: string) => Promise<unknown>>>
  close(): Promise<unknown>
}

async function measure(name: string, place: Place): Promise<void> {
  const keyward = createKeyward({ store: place.store, gate: memoryGate() })
  await keyward.ready()
  const begunAt = performance.now()
  await fillKeys(place)
  await fillAudit(place)
  await fillUsage(place)
  await place.settle()
  const filledSeconds = (performance.now() - begunAt) / 1_000
  const api = manage(keyward, { authorize: adminToken(TOKEN) })
  const server = serve({ fetch: api.fetch, port: 0, hostname: '127.0.0.1' })
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { port: number }
  const agent = new Agent({ keepAlive: true })
  const get = (path: string) => getJson(agent, port, path)

  const rows: string[][] = []
  let slowest = { what: '', p99: 0 }
  for (const [what, floor] of Object.entries(place.floors)) {
    const times = await timesOf(PAGES, (at) => floor(keyOf((at * 7_919) % ROWS).id))
    rows.push([what, ...cells(times)])
  }
  const nothing = await timesOf(PAGES, () => get('/policies'))
  rows.push(['the management API, one small answer', ...cells(nothing)])
  for (const [what, query] of Object.entries(LISTS)) {
    const times = await pageTimes(get, query)
    const p99 = at(times, 0.99)
    if (p99 > slowest.p99) slowest = { what, p99 }
    rows.push([what, ...cells(times)])
  }
  printTable(
    `${name}: pages of 50 over HTTP, ${number(ROWS)} keys, audit entries and counts`,
    ['', 'p50, ms', 'p99, ms'],
    rows,
  )
  process.stdout.write(`- filled in ${number(filledSeconds)} s\n`)
  verdict(`The slowest (${slowest.what}), p99, ms`, slowest.p99, 'at most', 50, 1)
  agent.destroy()
  server.close()
  await keyward.close()
  await place.close()
}

/** What is asked, by what it is called. Each is walked page by page from the first, and again from the first at its end. */
const LISTS: Readonly<Record<string, string>> = {
  'keys, newest': '/keys?',
  'keys, oldest': '/keys?sort=oldest',
  'keys, by name': '/keys?sort=name',
  'keys, by last use': '/keys?sort=lastUsed',
  'keys of one owner with half of them, newest': '/keys?owner=acme',
  '… by name': '/keys?owner=acme&sort=name',
  '… by last use': '/keys?owner=acme&sort=lastUsed',
  '… active': '/keys?owner=acme&state=active',
  '… active, by last use': '/keys?owner=acme&state=active&sort=lastUsed',
  '… disabled (1 in 10,000)': '/keys?owner=acme&state=disabled',
  '… revoked (1 in 10), by name': '/keys?owner=acme&state=revoked&sort=name',
  '… revoked, by last use: the last ones': '/keys?owner=acme&state=revoked&sort=lastUsed',
  '… expired (1 in 50)': '/keys?owner=acme&state=expired',
  'keys of an owner with 500, by name': '/keys?owner=org_7&sort=name',
  'search, every name': '/keys?search=service',
  'search, every name, by name': '/keys?search=SERVICE&sort=name',
  'search, 1 name in 100': '/keys?search=service%200001',
  'search, a beginning that no name has': '/keys?search=service%201',
  'search, 1 name in 100, by last use': '/keys?search=worker&sort=lastUsed',
  'search, 100 names': '/keys?search=service%20000123',
  'search, 100 names, by last use': '/keys?search=service%20000123&sort=lastUsed',
  'search, a name that is none': '/keys?search=nothing',
  'search, every start': '/keys?search=sk_',
  'search, a start': '/keys?search=sk_0f3a',
  'search, an owner': '/keys?search=org_77',
  'search, an id': `/keys?search=${keyOf(4_711).id}`,
  'search of one owner, 1 name in 100, revoked': '/keys?owner=acme&search=worker&state=revoked',
  'search of one owner, every name, by name': '/keys?owner=acme&search=service&sort=name',
  'audit, newest': '/audit?',
  'audit of one owner': '/audit?owner=acme',
  'audit of one key': `/audit?keyId=${keyOf(0).id}`,
  'audit of one action': '/audit?action=key.revoked',
  'audit of one owner and action': '/audit?owner=acme&action=key.revoked',
  'audit of a day': `/audit?from=${isoBefore(24)}&to=${isoBefore(0)}`,
  'usage of all, a day of hours': '/usage?',
  '… by app': '/usage?by=app',
  '… by key': '/usage?by=key',
  'usage of one owner, a day of hours, by key': '/usage?owner=acme&by=key',
  '… 4 days of hours, by key': `/usage?owner=acme&by=key&from=${isoBefore(95)}`,
  '… 4 days of hours, by app': `/usage?owner=acme&by=app&from=${isoBefore(95)}`,
  '… 90 days, by app': `/usage?owner=acme&by=app&from=${isoBefore(90 * 24)}`,
  '… 2 hours of minutes, by route': `/usage?owner=acme&by=route&from=${isoBefore(1.9)}`,
  'usage of one key, by app': `/usage?by=app&keyId=${keyOf(0).id}`,
  'usage of 40 keys, by app': `/usage?by=app&keyId=${Array.from({ length: 40 }, (_, index) => keyOf(index * 2).id)}`,
  'rankings of all, a day': '/rankings?',
  'rankings of one owner, a day': '/rankings?owner=acme',
  'rankings of one owner, 4 days of hours': `/rankings?owner=acme&from=${isoBefore(95)}`,
  'rankings of one owner, 90 days': `/rankings?owner=acme&from=${isoBefore(90 * 24)}`,
}

function isoBefore(hours: number): string {
  return new Date(NOW - hours * 3_600_000).toISOString()
}

interface FilledKey {
  readonly id: string
  readonly owner: string
  readonly name: string
  readonly start: string
}

/** The key of a number: what it is made of is spread evenly over all of them, so that no order helps another. */
function keyOf(index: number): FilledKey {
  const hash = createHash('sha256').update(String(index)).digest('hex')
  const isAcme = index % 2 === 0
  const name = index % 200 < 2 ? `Worker ${hash.slice(0, 8)}` : `Service ${scattered(index)}`
  return {
    id: `key_${index.toString().padStart(26, '0')}`,
    owner: isAcme ? 'acme' : `org_${Math.floor(index / 2) % 1_000}`,
    name,
    start: `sk_${hash.slice(10, 19)}`,
  }
}

function isRevoked(index: number): boolean {
  return Math.floor(index / 2) % 10 === 1
}

/** Six digits and a tail: 1,000,000 / 10,000 keys share the six digits. */
function scattered(index: number): string {
  return `${((index * 7_919) % 10_000).toString().padStart(6, '0')} ${index.toString(36)}`
}

const KEY_COLUMNS = [
  ...['id', 'lineage', 'digest', 'pepper_version', 'owner', 'created_by', 'name', 'start', 'scopes', 'policies'],
  ...['audiences', 'addresses', 'metadata', 'created_at', 'updated_at', 'starts_at', 'expires_at', 'disabled_at'],
  ...['revoked_at', 'deleted_at', 'rotated_from', 'rotated_to', 'schema', 'name_folded'],
]

async function fillKeys({ fill }: Place): Promise<void> {
  for (let from = 0; from < ROWS; from += CHUNK) {
    const indexes = Array.from({ length: Math.min(CHUNK, ROWS - from) }, (_, offset) => from + offset)
    const keys = indexes.map((index) => ({ index, ...keyOf(index) }))
    await fill(
      'keyward_lineages',
      ['id', 'owner', 'version'],
      keys.map(({ id, owner }) => [id, owner, 1]),
    )
    await fill(
      'keyward_keys',
      KEY_COLUMNS,
      keys.map(({ index, id, owner, name, start }) => {
        const createdAt = NOW - (ROWS - index) * 1_000
        const digest = createHash('sha256').update(id).digest('base64url')
        const every = (step: number, phase: number) => (Math.floor(index / 2) % step === phase ? createdAt + 500 : null)
        return [
          ...[id, id, digest, 0, owner, null, name, start, '["read"]', '["default"]', '[]', '[]', '{"env":"bench"}'],
          ...[createdAt, createdAt, null, every(50, 7) ?? (index % 3 === 0 ? NOW + 864e5 * 90 : null)],
          ...[
            every(10_000, 3),
            isRevoked(index) ? createdAt + 500 : null,
            every(100, 13),
            null,
            null,
            1,
            foldName(name),
          ],
        ]
      }),
    )
    await fill(
      'keyward_key_uses',
      ['key_id', 'owner', 'last_used_at'],
      // One in four was never used; one that is revoked was used before all others.
      keys.map(({ index, id, owner }) => {
        const usedAt = NOW - ((index * 7_919) % ROWS) * 100 - (isRevoked(index) ? ROWS * 100 : 0)
        return [id, owner, index % 8 < 2 ? -8_640_000_000_000_001 : usedAt]
      }),
    )
  }
}

async function fillAudit({ fill }: Place): Promise<void> {
  const columns = ['owner', 'sequence', 'action', 'key_id', 'actor', 'address', 'request_id', 'at', 'details']
  const sequences = new Map<string, number>()
  for (let from = 0; from < ROWS; from += CHUNK) {
    const rows = Array.from({ length: Math.min(CHUNK, ROWS - from) }, (_, offset) => {
      const index = from + offset
      const { owner } = keyOf(index)
      const sequence = (sequences.get(owner) ?? 0) + 1
      sequences.set(owner, sequence)
      const action = ['key.created', 'key.updated', 'key.revoked', 'manage.refused'][Math.floor(index / 2) % 4]
      // Pages do not read the chain: its hashes are only as long as real ones.
      const hash = index.toString(16).padStart(64, '0')
      const at = NOW - (ROWS - index) * 1_000
      const key = keyOf(index % 1_000 < 200 ? index % 2 : index).id
      const details = '{"before":{"name":"one"},"after":{"name":"other"}}'
      return [owner, sequence, action, key, 'admin', '192.0.2.1', `req_${index}`, at, details, hash, hash, at]
    })
    await fill('keyward_audit', [...columns, 'previous_hash', 'hash', 'reached_at'], rows)
  }
}

/** Counts that lie together: of a scope, told apart by so many names, in so many intervals up to now. */
interface UsageBlock {
  readonly span: UsageInterval
  readonly scope: string
  readonly dimension: string
  readonly names: number
  readonly intervals: number
}

/** As they come together in 30 days of hours, 90 days and 2 days of minutes; fewer hours with `--quick`. */
function usageBlocks(): readonly UsageBlock[] {
  const hours = Math.ceil((720 * ROWS) / 1_000_000)
  const block = (span: UsageInterval, scope: string, dimension: string, names: number, intervals: number) => ({
    ...{ span, scope, dimension, names, intervals },
  })
  const ofKeys = (count: number, dimension: string, names: number) =>
    Array.from({ length: count }, (_, index) => block('hour', `key:${keyOf(index * 2).id}`, dimension, names, hours))
  return [
    ...['all', 'owner:acme'].flatMap((scope) => [
      block('minute', scope, 'none', 1, hours * 4),
      block('minute', scope, 'route', 50, 120),
      block('hour', scope, 'none', 1, hours),
      block('hour', scope, 'route', 50, hours),
      block('hour', scope, 'app', 200, hours),
      block('hour', scope, 'key', 150, hours),
      block('day', scope, 'none', 1, 90),
      block('day', scope, 'app', 200, 90),
      block('day', scope, 'key', 150, 90),
    ]),
    block('hour', 'all', 'overhead', 30, hours),
    ...ofKeys(100, 'none', 1),
    ...ofKeys(40, 'app', 10),
  ]
}

const USAGE_COLUMNS = [
  ...['span', 'scope', 'dimension', 'at', 'name', 'owner', 'label', 'requests', 'refused', 'succeeded', 'redirected'],
  ...['client_errors', 'server_errors', 'credits'],
]

async function fillUsage({ fill }: Place): Promise<void> {
  let rows: (readonly unknown[])[] = []
  for (const { span, scope, dimension, names, intervals } of usageBlocks()) {
    const owner = scope.startsWith('key:') ? 'acme' : null
    for (let interval = 0; interval < intervals; interval++) {
      const at = Math.floor(NOW / INTERVAL_MS[span]) * INTERVAL_MS[span] - interval * INTERVAL_MS[span]
      for (let index = 0; index < names; index++) {
        const { name, label } = usageName(dimension, index)
        const requests = 1 + ((index * 7_919 + interval * 104_729) % 1_000)
        rows.push([span, scope, dimension, at, name, owner, label, requests, 0, requests, 0, 0, 0, requests * 2])
      }
      if (rows.length < CHUNK) continue
      await fill('keyward_usage', USAGE_COLUMNS, rows)
      rows = []
    }
  }
  await fill('keyward_usage', USAGE_COLUMNS, rows)
}

function usageName(dimension: string, index: number): { readonly name: string; readonly label: string | null } {
  if (dimension === 'app') return { name: `https://app-${index}.example/`, label: `App ${index}` }
  if (dimension === 'key') return { name: keyOf(index * 2).id, label: keyOf(index * 2).name }
  if (dimension === 'route') return { name: `POST /v1/things/${index}`, label: null }
  return { name: dimension === 'overhead' ? String(10 * (index + 1)) : '', label: null }
}

const INTERVAL_MS: Readonly<Record<UsageInterval, number>> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 }

/** Times pages, one after the other as a person would ask for them. */
async function pageTimes(get: (path: string) => Promise<Page>, query: string): Promise<number[]> {
  // A server that runs has read its tables before.
  await get(query)
  let cursor: string | null = null
  return timesOf(PAGES, async () => {
    const page = await get(`${query}${cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`}`)
    cursor = page.nextCursor ?? null
  })
}

async function timesOf(count: number, work: (index: number) => Promise<unknown>): Promise<number[]> {
  const times: number[] = []
  const endsAt = performance.now() + LONGEST_MS
  for (let index = 0; index < count && (index < LEAST_PAGES || performance.now() < endsAt); index++) {
    const begunAt = performance.now()
    await work(index)
    times.push(performance.now() - begunAt)
  }
  return times.sort((one, other) => one - other)
}

function cells(times: readonly number[]): string[] {
  return [number(at(times, 0.5), 1), number(at(times, 0.99), 1)]
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

interface Page {
  readonly nextCursor?: string | null
}

function getJson(agent: Agent, port: number, path: string): Promise<Page> {
  const headers = { authorization: `Bearer ${TOKEN}` }
  return new Promise((resolve, reject) => {
    const sent = request({ agent, port, host: '127.0.0.1', path: `/manage${path}`, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
      })
      response.on('end', () => {
        if (response.statusCode !== 200) reject(new Error(`${path}: ${response.statusCode} ${text}`))
        else resolve(JSON.parse(text) as Page)
      })
    })
    sent.on('error', reject)
    sent.end()
  })
}

async function openSqlite(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'keyward-bench-'))
  const file = join(folder, 'keys.db')
  const store = sqlite(file)
  await store.open()
  const database = new Libsql(file)
  database.exec('PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; PRAGMA wal_autocheckpoint = 50000')
  // An index that is made of rows that are there takes seconds, and one that grows with them minutes.
  const indexes = database.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL").all()
  const made = indexes as { readonly name: string; readonly sql: string }[]
  for (const { name } of made) database.exec(`DROP INDEX ${name}`)
  const byId = database.prepare('SELECT * FROM keyward_keys WHERE id = ?')
  // A statement keeps what was bound to it: one for each table, or gigabytes of them wait to be collected.
  const inserts = new Map<string, ReturnType<typeof database.prepare>>()
  const insertOf = (sql: string) => {
    const insert = inserts.get(sql) ?? database.prepare(sql)
    inserts.set(sql, insert)
    return insert
  }
  return {
    store,
    async fill(table, columns, rows) {
      const row = `(${columns.map(() => '?').join(', ')})`
      database.transaction(() => {
        for (let from = 0; from < rows.length; from += ROWS_AT_ONCE) {
          const some = rows.slice(from, from + ROWS_AT_ONCE)
          const values = some.map(() => row).join(', ')
          insertOf(`INSERT INTO ${table} (${columns.join(', ')}) VALUES ${values}`).run(...some.flat())
        }
      })()
    },
    async settle() {
      for (const { sql } of made) database.exec(sql)
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    },
    floors: { 'the floor: a key by its primary key': async (id) => byId.get(id) },
    async close() {
      database.close()
      rmSync(folder, { recursive: true })
    },
  }
}

async function openPostgres(): Promise<Place> {
  // A quarter of what a small server has, as everybody sets it; and no processes that are started for a few milliseconds.
  const args = ['-c', 'shared_buffers=1GB', '-c', 'max_parallel_workers_per_gather=0']
  const server = await startPostgres({ durable: true, args })
  const pool = new pg.Pool({ connectionString: server.url, max: 10 })
  const store = postgres(pool)
  await store.open()
  return {
    store,
    async fill(table, columns, rows) {
      // A column at a time: statements of a few parameters, whatever the number of rows.
      const arrays = columns.map((column, index) => ({ column, values: rows.map((row) => row[index]) }))
      const types = arrays.map(({ values }) => (values.some((value) => typeof value === 'number') ? 'bigint' : 'text'))
      const parameters = types.map((type, index) => `$${index + 1}::${type}[]`)
      const typed = types.map((type, index) =>
        type === 'text' && INSTANTS.has(arrays[index]?.column ?? '') ? `$${index + 1}::bigint[]` : parameters[index],
      )
      await pool.query({
        text: `INSERT INTO ${table} (${columns.join(', ')}) SELECT * FROM unnest(${typed.join(', ')})`,
        values: arrays.map(({ values }) => values),
      })
    },
    async settle() {
      await pool.query('VACUUM ANALYZE')
      await pool.query('CHECKPOINT')
    },
    floors: {
      'the floor: SELECT 1': () => pool.query('SELECT 1'),
      'the floor: a key by its primary key': (id) => pool.query('SELECT * FROM keyward_keys WHERE id = $1', [id]),
    },
    close: () => pool.end().then(() => server.stop()),
  }
}

const INSTANTS = new Set(['starts_at', 'expires_at', 'disabled_at', 'revoked_at', 'deleted_at'])

for (const [name, open] of Object.entries({ SQLite: openSqlite, Postgres: openPostgres }))
  await measure(name, await open())
