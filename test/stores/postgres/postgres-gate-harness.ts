import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import type { Gate } from '../../../src/model/gate.ts'
import { createPostgresGate } from '../../../src/stores/postgres/postgres-gate.ts'
import { gateMigrations } from '../../../src/stores/postgres/postgres-gate-migrations.ts'
import type { PostgresQuery } from '../../../src/stores/postgres/postgres-query.ts'
import type { GateHarness } from '../../../src/testing/gate/gate-case.ts'

/** A database in which any number of gates may stand side by side, each under a prefix of its own. */
export interface GateDatabase {
  readonly pool: pg.Pool
  /** Installs what a gate needs, and makes one. */
  createGate(): Promise<InstalledGate>
  close(): Promise<void>
}

/** A gate with tables of its own. */
export interface InstalledGate {
  readonly gate: Gate
  /** Speaks to the gate's own tables; names are written `keyward_…`. */
  readonly query: PostgresQuery
  setVersion(owner: string, lineage: string, version: number): Promise<void>
  /** Another gate over the same tables, by the same pool or another one. */
  another(pool?: pg.Pool): Gate
  /** Rows of logs, due ones too. */
  entries(): Promise<number>
}

export interface GateDatabaseOptions {
  /** Connections of the pool. Default 10. */
  readonly max?: number
  /** Whether `clock_timestamp()` is what {@link setClock} says. The pool then has one connection. */
  readonly ownClock?: boolean
}

let prefixes = 0

/** Opens a pool on a database of the tests' own. */
export function openGateDatabase(url: string, { max = 10, ownClock = false }: GateDatabaseOptions = {}): GateDatabase {
  const pool = new pg.Pool({
    connectionString: url,
    max: ownClock ? 1 : max,
    // The connection holds the clock.
    ...(ownClock ? { options: '-c search_path=test,pg_catalog,public', idleTimeoutMillis: 0 } : {}),
  })
  return {
    pool,
    async createGate() {
      prefixes += 1
      const prefix = `k${process.pid}_${prefixes}_`
      const query = prefixed(pool, prefix)
      await query('CREATE TABLE keyward_lineages (id text COLLATE "C" PRIMARY KEY, owner text, version bigint)', [])
      for (const { sql } of gateMigrations) await query(sql, [])
      return {
        gate: gateOn(pool, prefix),
        query,
        another: (own = pool) => gateOn(own, prefix),
        async setVersion(owner, lineage, version) {
          await query(
            `INSERT INTO keyward_lineages AS l VALUES ($1, $2, $3)
             ON CONFLICT (id) DO UPDATE SET version = greatest(l.version, excluded.version)`,
            [lineage, owner, version],
          )
        },
        async entries() {
          const [row] = await query('SELECT count(*) AS rows FROM keyward_gate_logs', [])
          return Number(row?.['rows'])
        },
      }
    },
    close: () => pool.end(),
  }
}

function gateOn(pool: pg.Pool, tablePrefix: string): Gate {
  return createPostgresGate({ query: prefixed(pool, tablePrefix), tablePrefix, deadlineMs: 1000 })
}

/** As the store does: one statement on any connection, and its own prefix for `keyward_`. */
function prefixed(pool: pg.Pool, prefix: string): PostgresQuery {
  return async (text, values) => {
    const answer = await pool.query(text.replaceAll('keyward_', prefix), [...values])
    return answer.rows
  }
}

/** Gates on the database's own clock: time passes by sleeping. */
export function realTimeHarness(database: GateDatabase): GateHarness {
  return {
    async createGate() {
      const { gate, setVersion, entries } = await database.createGate()
      return { gate, setVersion, entries, toleranceMs: 200, advance: (ms) => sleep(ms + 5) }
    },
  }
}

const CLOCK = `
CREATE SCHEMA test;
CREATE FUNCTION test.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS
  $$ SELECT to_timestamp(0) + current_setting('test.now_ms')::bigint * interval '1 millisecond' $$`

/** Puts a clock of the tests' own in front of the database's, for pools with `ownClock`. */
export async function installClock(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(CLOCK)
  await client.end()
}

/** Says what time it is, in whole milliseconds since 1970. */
export async function setClock(database: GateDatabase, nowMs: number): Promise<void> {
  await database.pool.query(`SET test.now_ms = ${nowMs}`)
}
