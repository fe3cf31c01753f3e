import { sql } from 'kysely'
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
import { DEADLINES_A_PAGE, withinDeadline } from '../../model/deadline.ts'
import { ConfigError, StoreUnavailableError } from '../../model/errors.ts'
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
import { systemClock } from '../system-clock.ts'
import { appendAlone } from './audit-chains.ts'
import { findAuditEnds, listAudit, listAuditLinks, listAuditOwners, queryAudit } from './audit-pages.ts'
import { commitChanges } from './commit-changes.ts'
import { isTrue, KeyFinder, listKeys, readPepperVersions } from './key-queries.ts'
import { recordUses } from './key-uses.ts'
import { migrateTables, readSchema } from './migrate-tables.ts'
import { listFences, removeFences } from './outbox.ts'
import { listPolicies, setPolicy } from './policies.ts'
import { purgeAudit } from './purge-audit.ts'
import { textOf } from './row-reader.ts'
import { ServerClock } from './server-clock.ts'
import { SqlAlerts } from './sql-alerts.ts'
import { type DoWork, SqlClaimStore } from './sql-claim-store.ts'
import { type SqlDatabase, toStoreError } from './sql-database.ts'
import { SqlLedger } from './sql-ledger.ts'
import { SqlUsage } from './sql-usage.ts'
import { checkIndexed } from './stored-text.ts'

/** Options of {@link SqlKeyStore}, checked and complete. */
export interface SqlKeyStoreOptions {
  readonly migrate: 'auto' | 'check'
  /** `undefined` for the server's own. */
  readonly clock: Clock | undefined
}

/** Keeps keys on a database server, for any number of processes: see `postgres()` and `mysql()`. */
export class SqlKeyStore implements KeyStore {
  readonly clock: Clock
  readonly deadlineMs: number
  readonly sharing = 'serve'
  readonly ledger: Ledger
  readonly claims: ClaimStore
  readonly alerts: AlertStore
  readonly usage: UsageStore
  protected readonly database: SqlDatabase
  readonly #migrate: 'auto' | 'check'
  readonly #serverClock = new ServerClock(systemClock)
  readonly #finder: KeyFinder
  #opening: Promise<void> | undefined
  #isOpen = false

  constructor(database: SqlDatabase, { migrate, clock }: SqlKeyStoreOptions) {
    this.clock = clock ?? this.#serverClock
    this.deadlineMs = database.deadlineMs
    this.database = database
    this.#migrate = migrate
    this.#finder = new KeyFinder(database, this.#serverClock)
    const doWork: DoWork = (work) => this.#with(work)
    this.ledger = new SqlLedger(database, doWork)
    this.claims = new SqlClaimStore(database, doWork)
    this.alerts = new SqlAlerts(doWork)
    this.usage = new SqlUsage(doWork)
  }

  async open(): Promise<void> {
    this.#opening ??= this.#open().catch((error: unknown) => {
      this.#opening = undefined
      throw toStoreError(error, this.database)
    })
    return this.#opening
  }

  /** Closes nothing: pool and connections are the user's. */
  async close(): Promise<void> {
    this.#isOpen = false
    this.#opening = undefined
  }

  async findByDigest(digests: readonly string[]): Promise<KeyRecord | undefined> {
    return this.#with(() => this.#finder.findByDigest(digests))
  }

  async findById(keyId: string): Promise<KeyRecord | undefined> {
    return this.#with(() => this.#finder.findById(keyId))
  }

  async list(query: KeyQuery): Promise<readonly KeyRecord[]> {
    return this.#with((database) => listKeys(database, query), DEADLINES_A_PAGE)
  }

  async commit(changes: readonly KeyChange[], options: CommitOptions = {}): Promise<readonly ChangeOutcome[]> {
    return this.#with((database) => commitChanges(database, changes, options))
  }

  async listFences(limit: number): Promise<readonly Fence[]> {
    return this.#with(({ db }) => listFences(db, limit))
  }

  async removeFences(fences: readonly Fence[]): Promise<void> {
    return this.#with((database) => removeFences(database, fences))
  }

  async recordUses(uses: readonly KeyUse[]): Promise<void> {
    return this.#with((database) => recordUses(database, uses))
  }

  async listPolicies(): Promise<readonly Policy[]> {
    return this.#with(({ db }) => listPolicies(db))
  }

  async setPolicy(policy: Policy, audit: AuditDraft): Promise<boolean> {
    return this.#with((database) => setPolicy(database, policy, audit))
  }

  async listAudit(owner: string, afterSequence: number, limit: number): Promise<readonly AuditEntry[]> {
    return this.#with(({ db }) => listAudit(db, owner, afterSequence, limit))
  }

  async queryAudit(query: AuditQuery): Promise<readonly PlacedAudit[]> {
    return this.#with(({ db }) => queryAudit(db, query))
  }

  async appendAudit(drafts: readonly AuditDraft[]): Promise<void> {
    return this.#with((database) => appendAlone(database, drafts))
  }

  async listAuditLinks(owner: string, afterSequence: number, limit: number): Promise<readonly AuditLink[]> {
    return this.#with(({ db }) => listAuditLinks(db, owner, afterSequence, limit))
  }

  async findAuditEnds(owner: string): Promise<AuditEnds> {
    return this.#with(({ db }) => findAuditEnds(db, owner))
  }

  async listAuditOwners(before: Date, limit: number): Promise<readonly string[]> {
    return this.#with(({ db }) => listAuditOwners(db, before, limit))
  }

  async purgeAudit(purge: AuditPurge): Promise<AuditPurgeOutcome> {
    return this.#with((database) => purgeAudit(database, purge))
  }

  async keepNote(name: string, text: string): Promise<string> {
    return this.#with((database) => keepNote(database, name, text))
  }

  async findNote(name: string): Promise<string | undefined> {
    return this.#with(({ db }) => findNote(db, name))
  }

  async dropNotes(from: string, to: string): Promise<void> {
    await this.#with(({ db }) =>
      db.deleteFrom('keyward_notes').where('name', '>=', from).where('name', '<', to).execute(),
    )
  }

  async replaceNote(name: string, text: string): Promise<void> {
    return this.#with((database) => replaceNote(database, name, text))
  }

  async pepperVersions(): Promise<readonly number[]> {
    return this.#with(({ db }) => readPepperVersions(db))
  }

  async inspect(): Promise<StoreInspection> {
    try {
      return await withinDeadline(this.#inspect(), this.deadlineMs)
    } catch (error) {
      throw toStoreError(error, this.database)
    }
  }

  async migrate(): Promise<readonly string[]> {
    try {
      await this.#meetServer()
      await this.database.dialect.checkServer(this.database.db)
      return await migrateTables(this.database, 'auto', this.clock.now())
    } catch (error) {
      throw toStoreError(error, this.database)
    }
  }

  async #inspect(): Promise<StoreInspection> {
    const { db, dialect } = this.database
    // The first statement of a connection takes longer, and would pass for a difference of clocks.
    const { rows } = await sql<{ version: unknown }>`select version() as version`.execute(db)
    const clockAheadMs = await this.#meetServer()
    const server = dialect.nameServer(String(rows[0]?.version))
    return { server, ...(await readSchema(this.database)), clockAheadMs, serving: null }
  }

  async #open(): Promise<void> {
    await this.#meetServer()
    await this.database.dialect.checkServer(this.database.db)
    await migrateTables(this.database, this.#migrate, this.clock.now())
    this.#isOpen = true
  }

  /**
   * Reads the server's clock, and refuses a server that only follows another one.
   *
   * @returns Milliseconds that the server's wall clock is ahead of this machine's.
   */
  async #meetServer(): Promise<number> {
    const { db, dialect } = this.database
    const { name } = dialect
    const sentAt = this.#serverClock.monotonic()
    const { rows } = await sql<{ in_recovery: unknown; server_now: unknown }>`
      select * from ${dialect.serverState} s`.execute(db)
    const [state] = rows
    if (state === undefined || !('in_recovery' in state) || !('server_now' in state))
      throw new ConfigError(`${name}(): the client must return rows as objects, under the names that columns have.`)
    const receivedAt = this.#serverClock.monotonic()
    const serverMs = Number(state.server_now)
    const clockAheadMs = Math.round(serverMs - (systemClock.now() - (receivedAt - sentAt) / 2))
    this.#serverClock.observe(serverMs, sentAt, receivedAt)
    if (isTrue(state.in_recovery))
      throw new ConfigError(
        `${name}(): a replica as the store is refused: it may be behind, or read-only. Use the primary.`,
      )
    return clockAheadMs
  }

  async #with<T>(work: (database: SqlDatabase) => Promise<T>, deadlines = 1): Promise<T> {
    if (!this.#isOpen) throw new StoreUnavailableError(`The store, ${this.database.dialect.name}(), is not open.`)
    try {
      return await withinDeadline(work(this.database), this.deadlineMs * deadlines)
    } catch (error) {
      throw toStoreError(error, this.database)
    }
  }
}

async function keepNote({ db, dialect }: SqlDatabase, name: string, text: string): Promise<string> {
  checkIndexed(name)
  const kept = await findNote(db, name)
  if (kept !== undefined) return kept
  await db.insertInto('keyward_notes').values({ name, text }).modifyEnd(dialect.keepFirst('name')).execute()
  const stored = await findNote(db, name)
  if (stored === undefined) throw new StoreUnavailableError('A note was dropped while it was written.')
  return stored
}

async function replaceNote({ db, dialect }: SqlDatabase, name: string, text: string): Promise<void> {
  checkIndexed(name)
  await db
    .insertInto('keyward_notes')
    .values({ name, text })
    .modifyEnd(dialect.overwrite('name', ['text']))
    .execute()
}

async function findNote(db: SqlDatabase['db'], name: string): Promise<string | undefined> {
  const found = await db.selectFrom('keyward_notes').select('text').where('name', '=', name).executeTakeFirst()
  return found && String(textOf(found.text))
}
