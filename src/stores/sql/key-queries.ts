import { type Kysely, type RawBuilder, sql } from 'kysely'
import { StoreUnavailableError } from '../../model/errors.ts'
import type { KeyRecord } from '../../model/key-record.ts'
import type { KeyQuery } from '../../model/key-store.ts'
import { readPage } from './key-page.ts'
import { decodeKey, KEY_COLUMNS, pickByDigest } from './key-row.ts'
import { type Row, RowReader } from './row-reader.ts'
import type { ServerClock } from './server-clock.ts'
import { repeatOn, type SqlDatabase } from './sql-database.ts'
import type { Parts } from './statement-parts.ts'
import { checkText } from './stored-text.ts'
import type { Tables } from './tables.ts'

const KEY_REFERENCES = KEY_COLUMNS.map((column) => `k.${column}` as const)
const READ_REFERENCES = [...KEY_REFERENCES, 'l.version', 'u.last_used_at'] as const

/** Finds single keys, for requests: statements compiled once and sent as text, one trip each. */
export class KeyFinder {
  readonly #database: SqlDatabase
  readonly #clock: ServerClock
  readonly #byDigest: string
  readonly #byId: string

  /** @param clock - Is told what the server's clock says with every read. */
  constructor(database: SqlDatabase, clock: ServerClock) {
    this.#database = database
    this.#clock = clock
    this.#byDigest = find(database, 'digest', ['', '']).sql
    this.#byId = find(database, 'id', ['']).sql
  }

  async findByDigest(digests: readonly string[]): Promise<KeyRecord | undefined> {
    const [first, second = first] = digests
    if (first === undefined || second === undefined) return undefined
    const row = pickByDigest(await this.#read(this.#byDigest, [first, second]), digests)
    return row && decodeKey(row)
  }

  async findById(keyId: string): Promise<KeyRecord | undefined> {
    const row = (await this.#read(this.#byId, [keyId])).find(({ id }) => id !== null)
    return row && decodeKey(row)
  }

  /** A connection that the server ended meanwhile costs a read over another one, and no request its answer. */
  async #read(text: string, texts: readonly string[]): Promise<readonly Row[]> {
    const values = texts.map((each) => this.#database.dialect.encodeText(checkText(each)))
    return repeatOn(['lost'], this.#database, () => this.#readOnce(text, values))
  }

  /** The server says with each read what it is: one that was demoted under a connection may be behind. */
  async #readOnce(text: string, values: readonly unknown[]): Promise<readonly Row[]> {
    const sentAt = this.#clock.monotonic()
    const rows = await this.#database.query(text, values)
    const receivedAt = this.#clock.monotonic()
    const reader = new RowReader(stateOf(rows), 'server state')
    this.#clock.observe(reader.integer('server_now'), sentAt, receivedAt)
    if (isTrue(rows[0]?.['in_recovery']))
      throw new StoreUnavailableError('The store is a replica: it may be behind, and a revoked key would pass.')
    return rows
  }
}

/** Says whether a database's boolean is true, whatever its driver makes of it. */
export function isTrue(value: unknown): boolean {
  return value === true || value === 't' || Number(value) === 1
}

function stateOf([row]: readonly Row[]): Row {
  return { server_now: row?.['server_now'] }
}

/** A row even where nothing is found: the state of the server belongs to that answer, too. */
function find({ db, dialect }: SqlDatabase, column: 'digest' | 'id', values: readonly string[]) {
  return db
    .selectFrom(dialect.serverState.as('s'))
    .leftJoin('keyward_keys as k', (join) => join.on(`k.${column}`, 'in', values))
    .leftJoin('keyward_lineages as l', 'l.id', 'k.lineage')
    .leftJoin('keyward_key_uses as u', 'u.key_id', 'k.id')
    .select(['s.in_recovery', 's.server_now', ...READ_REFERENCES])
    .compile()
}

/**
 * Lists records in the query's order.
 *
 * @throws {StoreUnavailableError} When a row of the page is damaged, naming it: a page that left it out would say
 * that the key is gone.
 */
export async function listKeys({ db, dialect }: SqlDatabase, query: KeyQuery): Promise<readonly KeyRecord[]> {
  const reading = readPage(query, dialect.page)
  let step = reading.next()
  while (!step.done) step = reading.next((await statementOf<Row>(step.value).execute(db)).rows)
  return step.value.map(decodeKey)
}

function statementOf<T>(parts: Parts): RawBuilder<T> {
  const pieces = parts.map((part) => (typeof part === 'string' ? sql.raw(part) : sql`${part.value}`))
  return sql<T>`${sql.join(pieces, sql.raw(''))}`
}

/** The distinct pepper versions of keys that are not deleted. */
export async function readPepperVersions(db: Kysely<Tables>): Promise<readonly number[]> {
  const query = db.selectFrom('keyward_keys').select('pepper_version').distinct().where('deleted_at', 'is', null)
  return (await query.execute()).map((row) => Number(row.pepper_version))
}
