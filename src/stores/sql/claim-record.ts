import type { ClaimOutcome, ClaimRequest } from '../../model/claim-store.ts'
import { StoreUnavailableError } from '../../model/errors.ts'
import { classifyClaim, encodeClaim, type FreeClaim } from './claim-row.ts'
import { RowReader } from './row-reader.ts'
import { repeatOn, type SqlDatabase } from './sql-database.ts'
import { checkText } from './stored-text.ts'

/** How often a claim is tried that finds a record which became free, or went, each time that it is looked at. */
const TRIES = 4

/** Statements of requests, compiled once. */
export interface ClaimTexts {
  /** Takes the values of {@link encodeClaim}. */
  readonly claim: string
  /** Takes the id. */
  readonly find: string
}

export function compileClaim({ db, dialect }: SqlDatabase): ClaimTexts {
  const some = new Date(0)
  const request = { id: '', owner: '', fingerprint: '', token: '', requestId: '', at: some }
  const insert = db.insertInto('keyward_claims').values(encodeClaim({ ...request, leaseUntil: some, expiresAt: some }))
  const { takeOverClaim } = dialect
  const columns = ['fingerprint', 'state', 'token', 'attempt', 'request_id', 'lease_until', 'expires_at'] as const
  const find = db.selectFrom('keyward_claims').select(columns).select('answer').where('id', '=', '')
  const claim = takeOverClaim === undefined ? insert : insert.modifyEnd(takeOverClaim)
  return { claim: claim.compile().sql, find: find.compile().sql }
}

/**
 * Claims a record in one statement. Where that did nothing, a second one says why; and where no statement can take the place
 * of a record that is free, a third does that, if it is still as it was read.
 */
export async function claimRecord(
  database: SqlDatabase,
  { claim, find }: ClaimTexts,
  request: ClaimRequest,
): Promise<ClaimOutcome> {
  const { dialect, query } = database
  const encode = (value: unknown) => (typeof value === 'string' ? dialect.encodeText(checkText(value)) : value)
  const values = Object.values(encodeClaim(request)).map(encode)
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const attempt = await tryToClaim(database, claim, values)
    if (attempt !== undefined) return { outcome: 'claimed', attempt }
    const [row] = await query(find, [encode(request.id)])
    const found = row && classifyClaim(row, request)
    if (found !== undefined && 'outcome' in found) return found
    if (found === undefined || dialect.takeOverClaim !== undefined) continue
    const next = found.expiresAt <= request.at.getTime() ? 1 : found.attempt + 1
    if (await takeOver(database, request, found, next)) return { outcome: 'claimed', attempt: next }
  }
  throw new StoreUnavailableError(`The store, ${dialect.name}(), is too busy.`)
}

/** @returns Which attempt it is; `undefined` where nothing was claimed. */
async function tryToClaim(
  database: SqlDatabase,
  claim: string,
  values: readonly unknown[],
): Promise<number | undefined> {
  const { dialect, query } = database
  try {
    const [claimed] = await repeatOn(['transient'], database, () => query(claim, values))
    if (dialect.takeOverClaim === undefined) return 1
    return claimed && new RowReader(claimed, 'idempotency record').integer('attempt')
  } catch (error) {
    if (dialect.classify(error) === 'taken') return undefined
    throw error
  }
}

async function takeOver(
  database: SqlDatabase,
  request: ClaimRequest,
  { state, token, attempt, leaseUntil, expiresAt }: FreeClaim,
  next: number,
): Promise<boolean> {
  const { id, ...columns } = encodeClaim(request)
  const update = database.db
    .updateTable('keyward_claims')
    .set({ ...columns, attempt: next, answer: null })
    .where('id', '=', id)
    .where('state', '=', state as 'open')
    .where('token', token === null ? 'is' : '=', token)
    .where('attempt', '=', attempt)
    .where('lease_until', '=', leaseUntil)
    .where('expires_at', '=', expiresAt)
  const { numUpdatedRows } = await repeatOn(['transient'], database, () => update.executeTakeFirstOrThrow())
  return numUpdatedRows > 0n
}
