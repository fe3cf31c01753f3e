import type * as z from 'zod'
import { checkGrant, checkReach, type ManageContext, ownerOf } from '../model/actor.ts'
import { NotFoundError } from '../model/errors.ts'
import { findKey } from '../model/find-key.ts'
import type { KeyRecord } from '../model/key-record.ts'
import { type BulkResult, type BulkSelection, changeKeys } from './bulk.ts'
import { checkReferences, drawKey, type IssueRooms, importKey, issueKey } from './issue-key.ts'
import { stateConditions } from './judge.ts'
import { auditDifference, changeKey, draftAudit, guard, planEnd, planPut } from './key-change.ts'
import { placeOf, writeCursor } from './key-cursor.ts'
import { checkInput, graceInput, importedKeyInput, keyPatchInput, listInput, newKeyInput } from './key-input.ts'
import { type ChangedKey, type CreatedKey, type Key, type RotatedKey, viewKey } from './key-view.ts'
import { type EndOrPause, rotate, update } from './transitions.ts'

/** What a new key is made of. `owner` and `name` are required; the rest has defaults. */
export type NewKey = z.input<typeof newKeyInput>
/** A key whose SHA-256 digest comes from elsewhere; its holder goes on using the key that they have. */
export type ImportedKey = z.input<typeof importedKeyInput>
/** Fields to change; what is not given stays. */
export type KeyPatchInput = z.input<typeof keyPatchInput>
/** Which keys to list. */
export type KeyListInput = z.input<typeof listInput>
/** What can be done to many keys at once. */
export type BulkAction = EndOrPause | 'purge'
/** A page of keys. `nextCursor` is opaque, belongs to the sort that it came with, and is `null` on the last page. */
export interface KeyPage {
  readonly items: readonly Key[]
  readonly nextCursor: string | null
}

/**
 * Issues keys and changes them. Every change is one transaction (the rows, the lineage's version, the audit entry),
 * durable when the call resolves, and fenced: no request that begins afterwards is judged by what was before.
 *
 * All calls throw `InvalidInputError` for input that breaks a rule, `NotFoundError` for a key that is not there or
 * belongs to another owner than the actor's, `ForbiddenError` for an actor who may not grant as much,
 * `StoreConflictError` where the key's state or version stands in the way, and `StoreUnavailableError` when the
 * store fails. After an error other than the last, nothing was changed.
 */
export interface Keys {
  /**
   * Issues a key. The answer is the only place where the API key itself is ever shown. `credits` are what it begins with,
   * where keys have credits of their own (`credits.account: 'key'`); only who acts for every owner gives any.
   */
  create(input: NewKey, context?: ManageContext): Promise<CreatedKey>
  /** Takes over a key by its digest (SHA-256 of the whole key, as hex, base64 or base64url). Good from the moment it resolves. */
  import(input: ImportedKey, context?: ManageContext): Promise<Key>
  /** Finds a key by id, deleted ones too. */
  get(keyId: string, context?: ManageContext): Promise<Key>
  /**
   * Finds a key by the API key itself, in whatever state it is: for one that was found where it should not be. It is not
   * judged, and counts nowhere.
   */
  find(apiKey: string, context?: ManageContext): Promise<Key>
  /**
   * Lists keys, newest first or as `sort` says; deleted ones only when asked for by `state`. `search` (1 to 200 characters,
   * each standing for itself) finds the keys whose name begins with it, in upper or lower case, whose start or owner does,
   * and the key whose id it is. Sorted by `lastUsed`, a key that is used between two pages moves to the front.
   */
  list(input?: KeyListInput, context?: ManageContext): Promise<KeyPage>
  /** Changes fields of a key. */
  update(keyId: string, patch: KeyPatchInput, context?: ManageContext): Promise<ChangedKey>
  /**
   * Replaces a key by a new one of the same lineage, which shares its limits. The old one works on for
   * `graceSeconds` (0 to 31,536,000; default 0: it is revoked at once). Of two rotations at once one wins.
   */
  rotate(keyId: string, input?: z.input<typeof graceInput>, context?: ManageContext): Promise<RotatedKey>
  /** Stops a key until it is enabled again. */
  disable(keyId: string, context?: ManageContext): Promise<ChangedKey>
  /** Lets a disabled key work again. */
  enable(keyId: string, context?: ManageContext): Promise<ChangedKey>
  /** Stops a key for good; it stays listed. Revoking twice changes nothing the second time. */
  revoke(keyId: string, context?: ManageContext): Promise<ChangedKey>
  /** Stops a key for good and takes it off the lists; kept for audit. With `keys.onDelete: 'purge'` the row goes too. */
  delete(keyId: string, context?: ManageContext): Promise<ChangedKey>
  /** Stops a key for good and removes its row; a tombstone keeps the audit trail readable. */
  purge(keyId: string, context?: ManageContext): Promise<ChangedKey>
  /** Does one thing to many keys, in transactions of up to 200, each key with its own outcome. */
  bulk(action: BulkAction, selection: BulkSelection, context?: ManageContext): Promise<readonly BulkResult[]>
}

/** What the room is given by the composition. */
export interface KeysRooms extends IssueRooms {
  readonly onDelete: 'soft' | 'purge'
}

/** Creates the room. */
export function createKeys(rooms: KeysRooms): Keys {
  const { store, committer } = rooms
  const view = (record: KeyRecord) => viewKey(record, store.clock.now())

  function planFor(action: BulkAction, context: ManageContext | undefined) {
    return planEnd(action === 'delete' && rooms.onDelete === 'purge' ? 'purge' : action, context)
  }

  async function end(action: BulkAction, keyId: string, context: ManageContext | undefined): Promise<ChangedKey> {
    await committer.ready()
    const { value, fenced } = await changeKey(store, committer, keyId, context, planFor(action, context))
    return { ...view(value), fenced }
  }

  return {
    async create(input, context) {
      await committer.ready()
      const checked = checkInput(newKeyInput, input)
      await rooms.policies.learn(checked.policies ?? [])
      const { record, apiKey } = await issueKey(rooms, checked, context)
      return { ...view(record), apiKey }
    },

    async import(input, context) {
      await committer.ready()
      const checked = checkInput(importedKeyInput, input)
      await rooms.policies.learn(checked.policies ?? [])
      return view(await importKey(rooms, checked, context))
    },

    async get(keyId, context) {
      await committer.ready()
      return view(await findKey(store, keyId, context?.actor))
    },

    async find(apiKey, context) {
      await committer.ready()
      const record = await store.findByDigest(await rooms.digester.candidates(apiKey))
      if (record === undefined) throw new NotFoundError('There is no such key or owner.')
      checkReach(context?.actor, record.owner)
      return view(record)
    },

    async list(input = {}, context) {
      await committer.ready()
      const { owner = ownerOf(context?.actor), state, limit, cursor, search, sort } = checkInput(listInput, input)
      if (owner !== undefined) checkReach(context?.actor, owner)
      const place = placeOf(sort, cursor)
      const conditions = stateConditions(state, store.clock.now())
      const records = await store.list({ owner, ...place, limit: limit + 1, conditions, search })
      const items = records.slice(0, limit).map(view)
      const last = items.at(-1)
      return { items, nextCursor: records.length > limit && last !== undefined ? writeCursor(sort, last) : null }
    },

    async update(keyId, patch, context) {
      await committer.ready()
      const checked = given(checkInput(keyPatchInput, patch))
      await rooms.policies.learn(checked.policies ?? [])
      const { value, fenced } = await changeKey(store, committer, keyId, context, (record, at) => {
        const added = (checked.scopes ?? []).filter((scope) => !record.scopes.includes(scope))
        checkGrant(context?.actor, added)
        checkReferences(rooms, record.owner, checked)
        return planPut(record, update(record, checked, at), 'key.updated', context, at)
      })
      return { ...view(value), fenced }
    },

    async rotate(keyId, input = {}, context) {
      await committer.ready()
      const { graceSeconds } = checkInput(graceInput, input)
      const { apiKey, secret } = await drawKey(rooms)
      const successor = { ...secret, id: rooms.nextId(store.clock.now()), createdBy: context?.actor?.id ?? null }
      const { value, fenced } = await changeKey(store, committer, keyId, context, (record, at) => {
        checkGrant(context?.actor, record.scopes)
        const { previous, next } = rotate(record, successor, graceSeconds, at)
        const details = {
          graceSeconds,
          ...auditDifference(record, previous),
          successor: { id: next.id, start: next.start },
        }
        const version = record.version + 1
        return {
          value: { previous: { ...previous, version }, next: { ...next, version } },
          change: guard(record, [previous, next], [], draftAudit('key.rotated', record, context, at, details)),
        }
      })
      return { ...view(value.next), apiKey, previous: view(value.previous), fenced }
    },

    disable: (keyId, context) => end('disable', keyId, context),
    enable: (keyId, context) => end('enable', keyId, context),
    revoke: (keyId, context) => end('revoke', keyId, context),
    delete: (keyId, context) => end('delete', keyId, context),
    purge: (keyId, context) => end('purge', keyId, context),

    async bulk(action, selection, context) {
      await committer.ready()
      const conditions = action === 'purge' ? [] : stateConditions(undefined, store.clock.now())
      return changeKeys(store, committer, selection, conditions, context, planFor(action, context))
    },
  }
}

/** Drops members that are `undefined`: for an update they are not given. */
function given<T extends object>(input: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const entries = Object.entries(input).filter(([, value]) => value !== undefined)
  return Object.fromEntries(entries) as { [K in keyof T]: Exclude<T[K], undefined> }
}
