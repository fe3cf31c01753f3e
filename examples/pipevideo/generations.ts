import { randomUUID } from 'node:crypto'
import type { Attribution } from 'keyward'
import Database from 'libsql'

/** A video that somebody asked for, with the app that asked. */
export interface Generation {
  readonly id: string
  readonly model: string
  readonly prompt: string
  readonly status: 'queued'
  readonly created_at: string
  readonly application_name: string | null
  readonly attribution: { readonly referer: string | null; readonly title: string | null }
}

/** Where generations are kept: a file of the app's own, beside the keys. */
export interface Generations {
  add(owner: string, input: { readonly model: string; readonly prompt: string }, app: Attribution): Generation
  /** Finds a generation of this owner; another owner's is not there. */
  find(owner: string, id: string): Generation | undefined
  close(): void
}

/** Opens the file, and makes it on the first start. */
export function openGenerations(file: string): Generations {
  const database = new Database(file)
  database.exec('PRAGMA journal_mode = WAL')
  database.exec('CREATE TABLE IF NOT EXISTS generations (id TEXT PRIMARY KEY, owner TEXT NOT NULL, body TEXT NOT NULL)')
  const insert = database.prepare('INSERT INTO generations (id, owner, body) VALUES (?, ?, ?)')
  const select = database.prepare('SELECT body FROM generations WHERE id = ? AND owner = ?')

  return {
    add(owner, { model, prompt }, { applicationName, referer, title }) {
      const generation: Generation = {
        id: `gen_${randomUUID()}`,
        model,
        prompt,
        status: 'queued',
        created_at: new Date().toISOString(),
        application_name: applicationName,
        attribution: { referer, title },
      }
      insert.run(generation.id, owner, JSON.stringify(generation))
      return generation
    },
    find(owner, id) {
      const row = select.get(id, owner) as { readonly body: string } | undefined
      return row === undefined ? undefined : (JSON.parse(row.body) as Generation)
    },
    close: () => database.close(),
  }
}
