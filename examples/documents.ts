import Database from 'libsql'
import type pg from 'pg'

/** A table of an app's own: JSON documents, each of one owner. */
export interface Documents {
  add(owner: string, id: string, document: object): Promise<void>
  /** Finds a document of this owner; another owner's is not there. */
  find(owner: string, id: string): Promise<object | undefined>
  /** Lists documents of this owner, the newest first. @param limit - How many at most. */
  list(owner: string, limit: number): Promise<readonly object[]>
}

/** Documents in a file beside the keys, made on the first start. */
export function sqliteDocuments(file: string, table: string): Documents {
  const database = new Database(file)
  database.exec('PRAGMA journal_mode = WAL')
  database.exec(`CREATE TABLE IF NOT EXISTS ${table} (id TEXT PRIMARY KEY, owner TEXT NOT NULL, body TEXT NOT NULL)`)
  const insert = database.prepare(`INSERT INTO ${table} (id, owner, body) VALUES (?, ?, ?)`)
  const select = database.prepare(`SELECT body FROM ${table} WHERE id = ? AND owner = ?`)
  const newest = database.prepare(`SELECT body FROM ${table} WHERE owner = ? ORDER BY rowid DESC LIMIT ?`)
  return {
    async add(owner, id, document) {
      insert.run(id, owner, JSON.stringify(document))
    },
    async find(owner, id) {
      const row = select.get(id, owner) as { readonly body: string } | undefined
      return row === undefined ? undefined : JSON.parse(row.body)
    },
    async list(owner, limit) {
      const rows = newest.all(owner, limit) as readonly { readonly body: string }[]
      return rows.map(({ body }) => JSON.parse(body))
    },
  }
}

/** Documents in the Postgres that holds the keys; the table is made with the first use, by whichever instance comes first. */
export function postgresDocuments(pool: pg.Pool, table: string): Documents {
  let made: Promise<unknown> | undefined

  async function query(text: string, values: readonly unknown[]) {
    made ??= create().catch((error: unknown) => {
      made = undefined
      throw error
    })
    await made
    return pool.query(text, [...values])
  }

  /** Two instances that create one table at once would meet in Postgres' catalog: the lock keeps them apart. */
  function create(): Promise<unknown> {
    return pool.query(`
      BEGIN;
      SELECT pg_advisory_xact_lock(hashtext('${table}'));
      CREATE TABLE IF NOT EXISTS ${table} (
        id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        body JSONB NOT NULL,
        sequence BIGINT GENERATED ALWAYS AS IDENTITY
      );
      COMMIT`)
  }

  return {
    async add(owner, id, document) {
      await query(`INSERT INTO ${table} (id, owner, body) VALUES ($1, $2, $3)`, [id, owner, JSON.stringify(document)])
    },
    async find(owner, id) {
      const { rows } = await query(`SELECT body FROM ${table} WHERE id = $1 AND owner = $2`, [id, owner])
      return (rows[0] as { readonly body: object } | undefined)?.body
    },
    async list(owner, limit) {
      const newest = `SELECT body FROM ${table} WHERE owner = $1 ORDER BY sequence DESC LIMIT $2`
      const { rows } = await query(newest, [owner, limit])
      return rows.map(({ body }: { readonly body: object }) => body)
    },
  }
}
