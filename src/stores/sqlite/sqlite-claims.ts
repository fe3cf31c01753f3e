import type { ClaimOutcome, ClaimRequest, ClaimStore, Completion } from '../../model/claim-store.ts'
import type { Closing } from '../../model/ledger.ts'
import { classifyClaim, encodeClaim } from '../sql/claim-row.ts'
import type { SqliteConnection } from './connection.ts'
import { close } from './debits.ts'
import type { DoWork } from './sqlite-ledger.ts'

/** Records removed in one transaction; between two of them the event loop has its turn. */
const RECORDS_PER_TRANSACTION = 100

const FIND = 'SELECT * FROM keyward_claims WHERE id = ?'

/** Takes the place of a record that is free. */
const PUT = `
  INSERT OR REPLACE INTO keyward_claims
    (id, owner, fingerprint, state, token, attempt, request_id, at, lease_until, expires_at)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

const RENEW = `UPDATE keyward_claims SET lease_until = ?, expires_at = ? WHERE id = ? AND token = ? AND state = 'open'`

/** Some drivers bind an array of no bytes as NULL, which stands for no answer. */
const COMPLETE = `
  UPDATE keyward_claims SET state = 'done', token = NULL, expires_at = ?, answer = CASE ? WHEN 1 THEN coalesce(?, x'') END
  WHERE id = ? AND token = ? AND state = 'open' AND expires_at > ?`

const RELEASE = `DELETE FROM keyward_claims WHERE id = ? AND token = ? AND state = 'open'`

const COUNT = `
  SELECT count(*) AS many FROM (SELECT 1 FROM keyward_claims WHERE owner = ? AND expires_at > ? LIMIT ?)`

const FIND_EXPIRED = 'SELECT 1 FROM keyward_claims WHERE expires_at <= ? LIMIT 1'

const REMOVE_EXPIRED = `
  DELETE FROM keyward_claims WHERE id IN
    (SELECT id FROM keyward_claims WHERE expires_at <= ? ORDER BY expires_at LIMIT ?)`

/** Keeps idempotency records in a SQLite database. A claim that finds what it may not have takes no lock. */
export class SqliteClaims implements ClaimStore {
  readonly #do: DoWork

  constructor(doWork: DoWork) {
    this.#do = doWork
  }

  async claim(request: ClaimRequest): Promise<ClaimOutcome> {
    return this.#do((connection) => {
      const found = look(connection, request)
      if (typeof found !== 'number') return found
      return connection.write(() => claimFree(connection, request))
    })
  }

  async renew(id: string, token: string, leaseUntil: Date, expiresAt: Date): Promise<boolean> {
    const values = [leaseUntil.getTime(), expiresAt.getTime(), id, token]
    return this.#do((connection) => connection.write(() => connection.run(RENEW, ...values) === 1))
  }

  async complete({ id, token, answer, at, expiresAt }: Completion, closing?: Closing): Promise<boolean> {
    const hasAnswer = answer === null ? 0 : 1
    const values = [expiresAt.getTime(), hasAnswer, answer, id, token, at.getTime()]
    return this.#end((connection) => connection.run(COMPLETE, ...values) === 1, closing)
  }

  async release(id: string, token: string, closing?: Closing): Promise<boolean> {
    return this.#end((connection) => connection.run(RELEASE, id, token) === 1, closing)
  }

  async countLive(owner: string, at: Date, atMost: number): Promise<number> {
    return this.#do((connection) => Number(connection.get(COUNT, owner, at.getTime(), atMost)?.['many']))
  }

  async removeExpired(at: Date, limit: number): Promise<number> {
    return this.#do(async (connection) => {
      let removed = 0
      while (removed < limit && connection.get(FIND_EXPIRED, at.getTime()) !== undefined) {
        const most = Math.min(limit - removed, RECORDS_PER_TRANSACTION)
        removed += await connection.write(() => connection.run(REMOVE_EXPIRED, at.getTime(), most))
      }
      return removed
    })
  }

  /** Ends a claim, and the debit with it. */
  #end(work: (connection: SqliteConnection) => boolean, closing: Closing | undefined): Promise<boolean> {
    return this.#do((connection) =>
      connection.write(() => {
        const isEnded = work(connection)
        if (isEnded && closing !== undefined) close(connection, closing)
        return isEnded
      }),
    )
  }
}

/** What the record means to the request; the number of its attempt, from 1, where nothing keeps it from claiming it. */
function look(connection: SqliteConnection, request: ClaimRequest): ClaimOutcome | number {
  const row = connection.get(FIND, request.id)
  const found = row && classifyClaim(row, request)
  if (found === undefined) return 1
  if ('outcome' in found) return found
  return found.expiresAt > request.at.getTime() ? found.attempt + 1 : 1
}

/** Claims the record unless somebody else was first. */
function claimFree(connection: SqliteConnection, request: ClaimRequest): ClaimOutcome {
  const attempt = look(connection, request)
  if (typeof attempt !== 'number') return attempt
  const { id, owner, fingerprint, state, token, at, ...row } = encodeClaim(request)
  const instants = [at, row.lease_until, row.expires_at]
  connection.run(PUT, id, owner, fingerprint, state, token, attempt, row.request_id, ...instants)
  return { outcome: 'claimed', attempt }
}
