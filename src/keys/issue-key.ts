import type * as z from 'zod'
import { type Digester, importDigest } from '../credential/digest.ts'
import type { KeyFormat } from '../credential/key-format.ts'
import type { PolicyBook } from '../limits/policies.ts'
import { checkGrant, checkReach, type ManageContext } from '../model/actor.ts'
import type { AuditDraft } from '../model/audit-entry.ts'
import { type InputIssue, InvalidInputError, StoreConflictError } from '../model/errors.ts'
import type { KeyRecord } from '../model/key-record.ts'
import type { KeyStore } from '../model/key-store.ts'
import type { Committer } from './committer.ts'
import { auditView, draftAudit } from './key-change.ts'
import type { importedKeyInput, newKeyInput } from './key-input.ts'
import { periodIssue } from './transitions.ts'

/** What issuing keys needs. */
export interface IssueRooms {
  readonly store: KeyStore
  readonly policies: PolicyBook
  readonly committer: Committer
  readonly format: KeyFormat
  readonly digester: Digester
  readonly nextId: (now: number) => string
  /** Names of the policies that a key gets where its input names none. */
  readonly defaultPolicies: readonly string[]
  readonly requireScopes: boolean | ((owner: string) => boolean)
  readonly giveFirstCredits: GiveFirstCredits
}

/**
 * Gives a key that is about to be issued its first credits, or refuses to.
 *
 * @param credits - What its input names; `undefined` for what every key begins with.
 * @returns What it was given.
 *
 * @throws {ForbiddenError} When the actor may not give credits.
 * @throws {InvalidInputError} Where keys have no credits of their own.
 */
export type GiveFirstCredits = (
  key: Pick<KeyRecord, 'owner' | 'lineage'>,
  credits: number | undefined,
  context: ManageContext | undefined,
) => Promise<number>

/** An API key that was just drawn, and what is stored of it. */
export interface Drawn {
  readonly apiKey: string
  readonly secret: Pick<KeyRecord, 'digest' | 'pepperVersion' | 'start'>
}

/** Draws a new API key. */
export async function drawKey({ format, digester }: Pick<IssueRooms, 'format' | 'digester'>): Promise<Drawn> {
  const apiKey = format.make()
  const digest = await digester.digest(apiKey)
  return { apiKey, secret: { digest, pepperVersion: digester.pepperVersion, start: format.start(apiKey) } }
}

/**
 * Issues a key. A digest that is taken, by a chance of one in 2^256 or a broken generator, is drawn again, once.
 *
 * Credits come first: a key that is there has them, and an account whose key never came is nobody's.
 */
export async function issueKey(
  rooms: IssueRooms,
  { credits: named, ...input }: z.output<typeof newKeyInput>,
  context: ManageContext | undefined,
): Promise<{ readonly record: KeyRecord; readonly apiKey: string }> {
  const base = newRecord(rooms, input, context)
  const credits = await rooms.giveFirstCredits(base, named, context)
  for (let attempt = 0; attempt < 2; attempt++) {
    const { apiKey, secret } = await drawKey(rooms)
    const record = { ...base, ...secret }
    const details = { after: auditView(record), ...(credits > 0 && { credits }) }
    if (await insert(rooms, record, draftAudit('key.created', record, context, record.createdAt, details), true))
      return { record, apiKey }
  }
  throw new StoreConflictError('The key that was drawn exists already.')
}

/** Takes over a key by its plain digest, keyed with the current pepper where there is one. */
export async function importKey(
  rooms: IssueRooms,
  { digest: given, start, ...input }: z.output<typeof importedKeyInput>,
  context: ManageContext | undefined,
): Promise<KeyRecord> {
  const plain = importDigest(given)
  if (plain === undefined)
    throw new InvalidInputError([{ path: ['digest'], message: 'must be a SHA-256 digest as hex, base64 or base64url' }])
  const { digester } = rooms
  const digest = await digester.pepperDigest(plain)
  const record = { ...newRecord(rooms, input, context), digest, pepperVersion: digester.pepperVersion, start }
  const details = { after: auditView(record) }
  if (!(await insert(rooms, record, draftAudit('key.imported', record, context, record.createdAt, details), false)))
    throw new StoreConflictError('A key with this digest exists already.')
  return record
}

/** Checks what a key refers to. @throws {InvalidInputError} Naming every field that is wrong. */
export function checkReferences(
  { policies, requireScopes }: Pick<IssueRooms, 'policies' | 'requireScopes'>,
  owner: string,
  input: Partial<Pick<KeyRecord, 'policies' | 'scopes'>>,
): void {
  const issues: InputIssue[] = (input.policies ?? []).flatMap((name, index) =>
    policies.get(name) === undefined ? [{ path: ['policies', index], message: 'is not a policy that exists' }] : [],
  )
  const isScoped = typeof requireScopes === 'function' ? requireScopes(owner) : requireScopes
  if (isScoped && input.scopes?.length === 0)
    issues.push({ path: ['scopes'], message: 'must name at least one scope for this owner' })
  if (issues.length > 0) throw new InvalidInputError(issues)
}

function newRecord(
  rooms: IssueRooms,
  input: Omit<z.output<typeof newKeyInput>, 'credits'>,
  context: ManageContext | undefined,
): Omit<KeyRecord, 'digest' | 'pepperVersion' | 'start'> {
  const { policies = rooms.defaultPolicies, ...rest } = input
  checkReach(context?.actor, input.owner)
  checkGrant(context?.actor, input.scopes)
  checkReferences(rooms, input.owner, { policies, scopes: input.scopes })
  const at = new Date(rooms.store.clock.now())
  const issue = periodIssue(rest) ?? (isPast(rest.expiresAt, at) ? 'must lie in the future' : undefined)
  if (issue !== undefined) throw new InvalidInputError([{ path: ['expiresAt'], message: issue }])
  const id = rooms.nextId(at.getTime())
  return {
    ...rest,
    id,
    lineage: id,
    policies,
    createdBy: context?.actor?.id ?? null,
    createdAt: at,
    updatedAt: at,
    disabledAt: null,
    revokedAt: null,
    deletedAt: null,
    lastUsedAt: null,
    rotatedFrom: null,
    rotatedTo: null,
    version: 1,
  }
}

async function insert(
  { committer }: IssueRooms,
  record: KeyRecord,
  audit: AuditDraft,
  unseen: boolean,
): Promise<boolean> {
  const { owner, lineage } = record
  const [outcome] = await committer.commit([
    { owner, lineage, expectedVersion: 0, put: [record], remove: [], audit, unseen },
  ])
  return outcome?.result === 'committed'
}

function isPast(instant: Date | null, at: Date): boolean {
  return instant !== null && instant.getTime() <= at.getTime()
}
