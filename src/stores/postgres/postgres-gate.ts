import { createHash } from 'node:crypto'
import { ConfigError, StoreUnavailableError } from '../../model/errors.ts'
import type { Bucket, Gate, GateAnswer, GateRequest, GateWarning, WindowState } from '../../model/gate.ts'
import type { Window } from '../../model/policy.ts'
import { startLogSweep } from './postgres-gate-sweep.ts'
import type { PostgresQuery, PostgresRow } from './postgres-query.ts'

/** What a {@link createPostgresGate} is made of. */
export interface PostgresGateOptions {
  /** Runs one statement, committed by itself, in READ COMMITTED. */
  readonly query: PostgresQuery
  /** What the tables' names begin with: gates of another prefix neither share logs with this one nor wait for it. */
  readonly tablePrefix: string
  /** Milliseconds that an answer may take: a whole number from 1 to 60,000. */
  readonly deadlineMs: number
}

/**
 * Creates a gate in the store's own database: exact windows for any number of processes without Redis, one statement a
 * request, and versions that are read from the lineages' own rows, so that a commit is its fence.
 *
 * The statement calls a function that `gateMigrations` installs. It takes a transaction's advisory lock for each
 * bucket, in order, reads the version after that, decides, and writes what it admits; a refusal writes nothing. It needs
 * no session, so a pooler may hand out another connection for each statement. Time is the database's clock; one that
 * steps back goes on from each log's latest admission.
 *
 * Windows are kept in a table without a write-ahead log: a crash of the database, or a failover to a replica, empties
 * it, and up to one more limit is admitted. A log is removed at most two windows after its last admission, 1,000 at a
 * time, while a process that counts is alive; one that was left behind counts for nothing, and goes with the next sweep.
 */
export function createPostgresGate({ query, tablePrefix, deadlineMs }: PostgresGateOptions): Gate {
  const sweep = startLogSweep(query)

  async function decide(request: GateRequest, counts: boolean): Promise<GateAnswer> {
    // A text of Postgres cannot hold it, so no row has such a name.
    if (request.lineage.includes('\0')) return { outcome: 'stale' }
    const { logs, asked, windows } = describeRequest(tablePrefix, request.buckets)
    if (counts && windows.length > 0) sweep.expect(windows)
    const rows = await run(query, DECIDE, [request.lineage, request.version, counts, `{${logs}}`, `{${asked}}`])
    return readAnswer(rows, windows)
  }

  return {
    versions: 'store',
    deadlineMs,
    admit: (request) => decide(request, true),
    peek: (request) => decide(request, false),
    fence: () => {},
    async open(_report: (warning: GateWarning) => void) {
      const [row] = await run(query, "SELECT current_setting('default_transaction_isolation') AS isolation", [])
      if (row?.['isolation'] === 'read committed') return
      throw new ConfigError(
        `default_transaction_isolation must be 'read committed' for the pool of a Postgres gate; it is '${row?.['isolation']}'`,
      )
    },
    close: () => sweep.stop(),
  }
}

// Arrays and numbers go as text: drivers differ in what they make of lists and of 64 bits.
const DECIDE =
  'SELECT keyward_gate_admit($1::text, $2::text::bigint, $3::text::boolean, $4::text::bigint[], $5::text::bigint[]) AS answer'

async function run(query: PostgresQuery, text: string, values: readonly unknown[]): Promise<readonly PostgresRow[]> {
  try {
    return await query(text, values)
  } catch (cause) {
    throw cause instanceof StoreUnavailableError ? cause : new StoreUnavailableError('The gate failed.', { cause })
  }
}

/** A window of the request, and its place among all of them. */
interface AskedWindow {
  readonly window: Window
  readonly place: number
}

/** What is asked of one log: several buckets of a request may name it. */
interface AskedLog {
  readonly high: bigint
  readonly low: bigint
  /** Units to count if all fits. */
  units: number
  /** Units of the buckets so far: a bucket must fit beside those of the same name before it. */
  wanted: number
  readonly numbers: number[]
  readonly windows: AskedWindow[]
}

/** A request as the function takes it, and its windows in the order of the function's answer. */
interface DescribedRequest {
  readonly logs: string
  readonly asked: string
  readonly windows: readonly AskedWindow[]
}

function describeRequest(prefix: string, buckets: readonly Bucket[]): DescribedRequest {
  const logs = new Map<string, AskedLog>()
  let place = 0
  for (const { id, windows, cost } of buckets) {
    let log = logs.get(id)
    if (log === undefined) {
      log = { ...nameOf(prefix, id), units: 0, wanted: 0, numbers: [], windows: [] }
      logs.set(id, log)
    }
    log.wanted += cost
    if (windows.length > 0) log.units += cost
    for (const window of windows) {
      log.numbers.push(log.wanted, cost, window.limit, window.windowSeconds * 1_000_000)
      log.windows.push({ window, place })
      place += 1
    }
  }
  const sorted = [...logs.values()].filter(({ windows }) => windows.length > 0).sort(byName)
  return {
    logs: sorted.map(({ high, low }) => `${high},${low}`).join(),
    asked: sorted.map(({ units, windows, numbers }) => `${units},${windows.length},${numbers}`).join(),
    windows: sorted.flatMap(({ windows }) => windows),
  }
}

/** 128 bits instead of an id of any length and any characters; the first 64 are its lock. */
function nameOf(prefix: string, id: string): { high: bigint; low: bigint } {
  const digest = createHash('sha256').update(`${prefix}\0${id}`).digest()
  return { high: digest.readBigInt64BE(0), low: digest.readBigInt64BE(8) }
}

function byName(one: AskedLog, other: AskedLog): number {
  if (one.high !== other.high) return one.high < other.high ? -1 : 1
  return one.low < other.low ? -1 : 1
}

function readAnswer(rows: readonly PostgresRow[], windows: readonly AskedWindow[]): GateAnswer {
  const answer = rows[0]?.['answer']
  if (answer === 'stale') return { outcome: 'stale' }
  const [outcome, ...numbers] = typeof answer === 'string' ? answer.split(' ') : []
  if ((outcome === 'admitted' || outcome === 'refused') && numbers.length === windows.length * 3) {
    const states: WindowState[] = new Array(windows.length)
    for (let i = 0; i < windows.length; i++) {
      const { window, place } = windows[i]!
      const retryUs = Number(numbers[i * 3 + 2])
      states[place] = {
        limit: window.limit,
        windowSeconds: window.windowSeconds,
        remaining: Number(numbers[i * 3]),
        resetMs: Number(numbers[i * 3 + 1]) / 1000,
        retryMs: retryUs < 0 ? Number.POSITIVE_INFINITY : retryUs / 1000,
      }
    }
    return { outcome, windows: states }
  }
  throw new StoreUnavailableError('The gate returned what is no answer.')
}
