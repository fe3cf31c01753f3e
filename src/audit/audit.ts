import type * as z from 'zod'
import type { Observer } from '../events.ts'
import { checkInput } from '../keys/key-input.ts'
import { type Actor, checkReach, type ManageContext, ownerOf } from '../model/actor.ts'
import type { AuditEntry } from '../model/audit-entry.ts'
import type { AuditPlace, AuditQuery } from '../model/audit-trail.ts'
import { InvalidInputError } from '../model/errors.ts'
import type { KeyStore } from '../model/key-store.ts'
import { auditExportInput, auditListInput, auditVerifyInput, readCursor, writeCursor } from './audit-input.ts'
import { createManageRefusals, type Refusal } from './refusals.ts'
import { type AuditPurgeReport, createRetention } from './retention.ts'
import { type AuditVerification, verifyChain } from './verify-chain.ts'
import { writeEntry, writeHead } from './write-audit.ts'

/** Which entries to list: all that is given must hold; `from` is included and `to` is not. 1 to 100 a page, 50 by default. */
export type AuditListInput = z.input<typeof auditListInput>
/** Which entries to export, and as what. */
export type AuditExportInput = z.input<typeof auditExportInput>
/** Whose chain to verify: an actor of one owner may leave it out. */
export type AuditVerifyInput = z.input<typeof auditVerifyInput>

/** A page of entries, newest first. `nextCursor` is opaque, and `null` on the last page. */
export interface AuditPage {
  readonly items: readonly AuditEntry[]
  readonly nextCursor: string | null
}

/**
 * Reads and verifies what was done: every change has an entry, written in its own transaction, and every refusal of the
 * management API. Nothing of it can be changed; what is older than `audit.retentionDays` is purged.
 *
 * Entries are in the order of their chain, newest first, whatever clocks did; those of several owners are ordered by the
 * instant that each chain had reached, which is also what `from` and `to` are compared with.
 *
 * All calls throw `InvalidInputError` for input that breaks a rule, `NotFoundError` for another owner than the actor's,
 * and `StoreUnavailableError` when the store fails.
 */
export interface Audit {
  /** Lists entries, newest first; for an actor of one owner, that owner's. */
  list(input?: AuditListInput, context?: ManageContext): Promise<AuditPage>
  /**
   * Checks an owner's chain, from the last purged entry to the newest, and names the first link that is broken. The empty
   * string is the chain of what belongs to no owner. Takes about a second for 50,000 entries, and holds 500 of them.
   *
   * @throws {StoreConflictError} When the chain is purged over and over meanwhile.
   */
  verify(input?: AuditVerifyInput, context?: ManageContext): Promise<AuditVerification>
  /**
   * Writes entries as text, newest first, page by page as they are asked for: never more than 500 are held. Input is
   * checked at once; the store is read with the first part.
   */
  export(input: AuditExportInput, context?: ManageContext): AsyncIterable<string>
  /**
   * Removes entries that are older than `audit.retentionDays`. A serving process does so by itself, every hour; of several
   * at once, one purges each chain. For the application, not for actors.
   */
  purge(): Promise<AuditPurgeReport>
  /**
   * Notes that a management call was refused: for pages of the host's own; the management API does it by itself. One
   * entry; of an actor who is refused more than 20 times in a minute, the rest is counted, in one entry when the minute is
   * over. Without an actor it was a stranger: an event, and no entry.
   */
  noteRefusal(refusal: Refusal, context?: ManageContext): Promise<void>
}

/** What the room is given by the composition. */
export interface AuditRooms {
  readonly store: KeyStore
  /** How long entries are kept, in days. */
  readonly retentionDays: number
  readonly showsKey: (text: string) => boolean
  readonly observer: Observer | undefined
  readonly ready: () => Promise<void>
}

/** The room, and what goes on behind it. */
export interface AuditRoom {
  readonly audit: Audit
  /** Begins to purge every hour. */
  start(): void
  /** Ends the purge, and writes down what was counted. Never rejects. */
  close(): Promise<void>
}

/** Entries that an export reads at once. */
const EXPORT_PAGE = 500

/** Creates the room. */
export function createAudit({ store, retentionDays, showsKey, observer, ready }: AuditRooms): AuditRoom {
  const retention = createRetention(store, retentionDays, observer)
  const refusals = createManageRefusals(store, showsKey, observer)

  async function* write(query: Omit<AuditQuery, 'before'>, format: AuditExportInput['format']) {
    await ready()
    let before: AuditPlace | undefined
    let text = writeHead(format)
    for (;;) {
      const page = await store.queryAudit({ ...query, before })
      for (const entry of page) text += writeEntry(format, entry)
      if (text !== '') yield text
      text = ''
      before = page.at(-1)
      if (before === undefined || page.length < query.limit) return
    }
  }

  const audit: Audit = {
    async list(input = {}, context) {
      const { limit, cursor, ...filters } = checkInput(auditListInput, input)
      const before = cursor === undefined ? undefined : readCursor(cursor)
      const query = queryOf(filters, context?.actor)
      await ready()
      const found = await store.queryAudit({ ...query, before, limit: limit + 1 })
      const items = found.slice(0, limit)
      const last = items.at(-1)
      return {
        items: items.map(({ reachedAt: _, ...entry }) => entry),
        nextCursor: found.length > limit && last !== undefined ? writeCursor(last) : null,
      }
    },

    async verify(input = {}, context) {
      const { owner = ownerOf(context?.actor) } = checkInput(auditVerifyInput, input)
      if (owner === undefined) throw new InvalidInputError([{ path: ['owner'], message: 'must be given' }])
      checkReach(context?.actor, owner)
      await ready()
      return verifyChain(store, owner)
    },

    export(input, context) {
      const { format, ...filters } = checkInput(auditExportInput, input)
      return write({ ...queryOf(filters, context?.actor), limit: EXPORT_PAGE }, format)
    },

    async purge() {
      await ready()
      return retention.run()
    },

    async noteRefusal(refusal, context) {
      if (context?.actor !== undefined) await ready()
      await refusals.note(refusal, context)
    },
  }

  return {
    audit,
    start: retention.start,
    async close() {
      await retention.close()
      await refusals.close()
    },
  }
}

type Filters = Omit<AuditListInput, 'limit' | 'cursor'>

function queryOf(
  { owner: asked, keyId, action, from, to }: Filters,
  actor: Actor | undefined,
): Omit<AuditQuery, 'before' | 'limit'> {
  const owner = asked ?? ownerOf(actor)
  if (owner !== undefined) checkReach(actor, owner)
  return { owner, keyId, action, from, to }
}
