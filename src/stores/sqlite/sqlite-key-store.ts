import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import type { AlertStore } from '../../model/alert-store.ts'
import type { AuditDraft, AuditEntry } from '../../model/audit-entry.ts'
import type {
  AuditEnds,
  AuditLink,
  AuditPurge,
  AuditPurgeOutcome,
  AuditQuery,
  PlacedAudit,
} from '../../model/audit-trail.ts'
import type { ClaimStore } from '../../model/claim-store.ts'
import type { Clock } from '../../model/clock.ts'
import { StoreUnavailableError } from '../../model/errors.ts'
import type { StoreInspection } from '../../model/inspection.ts'
import type { KeyRecord } from '../../model/key-record.ts'
import type {
  ChangeOutcome,
  CommitOptions,
  Fence,
  KeyChange,
  KeyQuery,
  KeyStore,
  KeyUse,
} from '../../model/key-store.ts'
import type { Ledger } from '../../model/ledger.ts'
import type { Policy } from '../../model/policy.ts'
import type { UsageStore } from '../../model/usage-store.ts'
import {
  appendAudit,
  findAuditEnds,
  listAudit,
  listAuditLinks,
  listAuditOwners,
  purgeAudit,
  queryAudit,
} from './audit-chain.ts'
import { commitChanges } from './commit-changes.ts'
import type { SqliteConnection } from './connection.ts'
import { findByDigest, findById, listKeys, readPepperVersions } from './key-queries.ts'
import { recordUses } from './key-uses.ts'
import { migrate, readSchema } from './migrate.ts'
import { MIGRATIONS } from './migrations.ts'
import { type OpenedDatabase, type OpeningOptions, openDatabase, peekDatabase } from './open-database.ts'
import { listFences, removeFences } from './outbox.ts'
import { listPolicies, setPolicy } from './policies.ts'
import { readHolder, ServingLease } from './serving-lease.ts'
import { SqliteAlerts } from './sqlite-alerts.ts'
import { SqliteClaims } from './sqlite-claims.ts'
import { toStoreError } from './sqlite-failure.ts'
import type { SqliteHandle } from './sqlite-handle.ts'
import { type DoWork, SqliteLedger } from './sqlite-ledger.ts'
import { SqliteUsage } from './sqlite-usage.ts'

/** Options of {@link SqliteKeyStore}, checked and complete. */
export interface SqliteKeyStoreOptions extends Omit<OpeningOptions, 'now'> {
  readonly clock: Clock
  readonly noticeMs: number
}

interface Opened extends OpenedDatabase {
  readonly lease: ServingLease
  /** `PRAGMA data_version` at the last look. */
  dataVersion: unknown
}

/** Keeps keys in a SQLite database: see `sqlite()`. */
export class SqliteKeyStore implements KeyStore {
  readonly clock: Clock
  readonly sharing = 'manage'
  readonly ledger: Ledger
  readonly claims: ClaimStore
  readonly alerts: AlertStore
  readonly usage: UsageStore
  readonly #source: string | SqliteHandle
  readonly #options: SqliteKeyStoreOptions
  #opening: Promise<void> | undefined
  #opened: Opened | undefined

  constructor(source: string | SqliteHandle, options: SqliteKeyStoreOptions) {
    this.clock = options.clock
    this.#source = source
    this.#options = options
    const doWork: DoWork = (work) => this.#with(work)
    this.ledger = new SqliteLedger(doWork)
    this.claims = new SqliteClaims(doWork)
    this.alerts = new SqliteAlerts(doWork)
    this.usage = new SqliteUsage(doWork)
  }

  /** Whether this store holds the claim to serve, as of the last two seconds. */
  get isServing(): boolean {
    return this.#opened?.lease.isHeld ?? false
  }

  async open(): Promise<void> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined
      throw error
    })
    return this.#opening
  }

  async claim(): Promise<void> {
    return this.#with(async (connection, { lease }) => {
      if (connection.isShared) await lease.acquire()
    })
  }

  async close(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    this.#opening = undefined
    try {
      await opened?.lease.release()
    } catch {
      // A lease that is not given back ends with this process.
    } finally {
      opened?.close()
    }
  }

  async findByDigest(digests: readonly string[]): Promise<KeyRecord | undefined> {
    return this.#with((connection) => findByDigest(connection, digests))
  }

  async findById(keyId: string): Promise<KeyRecord | undefined> {
    return this.#with((connection) => findById(connection, keyId))
  }

  async list(query: KeyQuery): Promise<readonly KeyRecord[]> {
    return this.#with((connection) => listKeys(connection, query))
  }

  async commit(changes: readonly KeyChange[], options: CommitOptions = {}): Promise<readonly ChangeOutcome[]> {
    return this.#with(async (connection) => {
      const outcomes = await commitChanges(connection, changes, options)
      const wasSeen = changes.some((change, index) => outcomes[index] === 'committed' && !change.unseen)
      if (wasSeen && connection.isShared) await sleep(this.#options.noticeMs)
      return outcomes
    })
  }

  async listFences(limit: number): Promise<readonly Fence[]> {
    return this.#with((connection) => listFences(connection, limit))
  }

  async removeFences(fences: readonly Fence[]): Promise<void> {
    return this.#with((connection) => removeFences(connection, fences))
  }

  async recordUses(uses: readonly KeyUse[]): Promise<void> {
    return this.#with((connection) => recordUses(connection, uses))
  }

  async listPolicies(): Promise<readonly Policy[]> {
    return this.#with(listPolicies)
  }

  async setPolicy(policy: Policy, audit: AuditDraft): Promise<boolean> {
    return this.#with((connection) => setPolicy(connection, policy, audit))
  }

  async listAudit(owner: string, afterSequence: number, limit: number): Promise<readonly AuditEntry[]> {
    return this.#with((connection) => listAudit(connection, owner, afterSequence, limit))
  }

  async queryAudit(query: AuditQuery): Promise<readonly PlacedAudit[]> {
    // An export reads page after page: what else the process does has its turn before each.
    await nextTurn()
    return this.#with((connection) => queryAudit(connection, query))
  }

  async appendAudit(drafts: readonly AuditDraft[]): Promise<void> {
    return this.#with((connection) =>
      connection.write(() => {
        for (const draft of drafts) appendAudit(connection, draft)
      }),
    )
  }

  async listAuditLinks(owner: string, afterSequence: number, limit: number): Promise<readonly AuditLink[]> {
    return this.#with((connection) => listAuditLinks(connection, owner, afterSequence, limit))
  }

  async findAuditEnds(owner: string): Promise<AuditEnds> {
    return this.#with((connection) => findAuditEnds(connection, owner))
  }

  async listAuditOwners(before: Date, limit: number): Promise<readonly string[]> {
    return this.#with((connection) => listAuditOwners(connection, before, limit))
  }

  async purgeAudit(purge: AuditPurge): Promise<AuditPurgeOutcome> {
    return this.#with((connection) => connection.write(() => purgeAudit(connection, purge)))
  }

  async keepNote(name: string, text: string): Promise<string> {
    return this.#with((connection) => keepNote(connection, name, text))
  }

  async findNote(name: string): Promise<string | undefined> {
    return this.#with((connection) => {
      const row = connection.get('SELECT text FROM keyward_notes WHERE name = ?', name)
      return row === undefined ? undefined : String(row['text'])
    })
  }

  async dropNotes(from: string, to: string): Promise<void> {
    await this.#with((connection) =>
      connection.write(() => connection.run('DELETE FROM keyward_notes WHERE name >= ? AND name < ?', from, to)),
    )
  }

  async replaceNote(name: string, text: string): Promise<void> {
    const insert =
      'INSERT INTO keyward_notes (name, text) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET text = excluded.text'
    await this.#with((connection) => connection.write(() => connection.run(insert, name, text)))
  }

  async pepperVersions(): Promise<readonly number[]> {
    return this.#with(readPepperVersions)
  }

  async inspect(): Promise<StoreInspection> {
    const look = inspectConnection
    if (this.#opened !== undefined) return this.#with(look)
    return (await peekDatabase(this.#source, this.#options.tablePrefix, look)) ?? inspectNothing()
  }

  async migrate(): Promise<readonly string[]> {
    const now = this.clock.now()
    if (this.#opened !== undefined) return this.#with((connection) => migrate(connection, 'auto', now))
    const { close, migrated } = await openDatabase(this.#source, { ...this.#options, migrate: 'auto', now })
    close()
    return migrated
  }

  /** A look that fails counts as a change: copies are dropped, and the read that follows tells what is wrong. */
  changedElsewhere(): boolean {
    if (this.#opened === undefined) return false
    const before = this.#opened.dataVersion
    this.#opened.dataVersion = readDataVersion(this.#opened.connection)
    return this.#opened.dataVersion !== before || before === undefined
  }

  async #open(): Promise<void> {
    const database = await openDatabase(this.#source, { ...this.#options, now: this.clock.now() })
    const { connection } = database
    const lease = new ServingLease(connection, this.clock)
    this.#opened = { ...database, lease, dataVersion: readDataVersion(connection) }
  }

  async #with<T>(work: (connection: SqliteConnection, opened: Opened) => T | Promise<T>): Promise<T> {
    if (this.#opened === undefined) throw new StoreUnavailableError('The SQLite store is not open.')
    try {
      return await work(this.#opened.connection, this.#opened)
    } catch (error) {
      throw toStoreError(error)
    }
  }
}

function inspectConnection(connection: SqliteConnection): StoreInspection {
  const schema = readSchema(connection)
  const version = connection.get('SELECT sqlite_version() AS version')?.['version']
  const serving = schema.applied.includes('servers-001') ? readHolder(connection) : null
  return { server: `SQLite ${version}`, ...schema, clockAheadMs: null, serving }
}

/** A file that is not there yet. */
function inspectNothing(): StoreInspection {
  const pending = MIGRATIONS.map(({ name }) => name)
  return { server: 'SQLite', applied: [], pending, unknown: [], clockAheadMs: null, serving: null }
}

async function keepNote(connection: SqliteConnection, name: string, text: string): Promise<string> {
  const insert = 'INSERT INTO keyward_notes (name, text) VALUES (?, ?) ON CONFLICT (name) DO NOTHING'
  const query = 'SELECT text FROM keyward_notes WHERE name = ?'
  const kept =
    connection.get(query, name) ??
    (await connection.write(() => {
      connection.run(insert, name, text)
      return connection.get(query, name)
    }))
  return String(kept?.['text'])
}

/** Another number whenever another connection has committed; this one's own commits leave it. Takes 2 µs. */
function readDataVersion(connection: SqliteConnection): unknown {
  try {
    return connection.get('PRAGMA data_version')?.['data_version']
  } catch {
    return undefined
  }
}
