import type * as z from 'zod'
import { type Observer, tell } from '../events.ts'
import { checkInput } from '../keys/key-input.ts'
import { checkReach, type ManageContext, ownerOf } from '../model/actor.ts'
import type { AlertRecord, AlertStore } from '../model/alert-store.ts'
import type { AuditAction, AuditDraft } from '../model/audit-entry.ts'
import { ConfigError, InvalidInputError, NotFoundError, StoreConflictError } from '../model/errors.ts'
import type { KeyStore } from '../model/key-store.ts'
import { type Alert, viewAlert } from './alert.ts'
import type { AlertBook } from './alert-book.ts'
import type { AlertCheck } from './alert-check.ts'
import { alertListInput, isAlertId, snoozeInput } from './alert-input.ts'

/** Which alerts to list: all that is given must hold. 1 to 100 a page, 50 by default. */
export type AlertListInput = z.input<typeof alertListInput>
/** How long an alert shall be quiet: until an instant at most 90 days from now. */
export type SnoozeInput = z.input<typeof snoozeInput>

/** A page of alerts, newest first. `nextCursor` is opaque, and `null` on the last page. */
export interface AlertPage {
  readonly items: readonly Alert[]
  readonly nextCursor: string | null
}

/**
 * Alerts: what keys and credits do that somebody should look at. Of each kind and key (network, account) at most one is
 * unresolved; it resolves by itself when it no longer holds. Resolved ones are kept for 90 days.
 *
 * All calls throw `InvalidInputError` for input that breaks a rule, `NotFoundError` for an alert or owner that is not
 * there or not the actor's, `ConfigError` where the store keeps no alerts, and `StoreUnavailableError` when it fails.
 */
export interface Alerts {
  /** Whether the store keeps alerts. */
  readonly isAvailable: boolean
  /** Lists alerts, newest first; for an actor of one owner, that owner's. */
  list(input?: AlertListInput, context?: ManageContext): Promise<AlertPage>
  /** Finds an alert by its id. */
  get(id: string, context?: ManageContext): Promise<Alert>
  /**
   * Says that somebody looks after it. It stays until it no longer holds, and is told of no more until then. Audited.
   *
   * @throws {StoreConflictError} When it is resolved.
   */
  acknowledge(id: string, context?: ManageContext): Promise<Alert>
  /**
   * Keeps it quiet until an instant; if it still holds then, it is opened again, and told of again. Audited.
   *
   * @throws {StoreConflictError} When it is resolved.
   */
  snooze(id: string, input: SnoozeInput, context?: ManageContext): Promise<Alert>
  /**
   * Evaluates now, and sends what is due by webhook: 5,000 keys and 1,000 unresolved alerts at most, going on where the last check has stopped. A serving
   * process does so by itself, every minute, one of several. For the application, not for actors.
   */
  check(): Promise<void>
}

/** How often a change that was overtaken by another one is made anew. */
const MAX_ATTEMPTS = 10
const MOST_SNOOZE_MS = 90 * 86_400_000

/** Alerts of a store, and what is done with them. */
export interface KeptAlerts {
  readonly alerts: AlertStore
  readonly book: AlertBook
  /** `undefined` where nothing is watched. */
  readonly check: AlertCheck | undefined
  /** Sends what is due. Never rejects. */
  readonly send: () => Promise<void>
}

/** What the room is given by the composition. */
export interface AlertsRooms {
  readonly store: KeyStore
  /** `undefined` where the store keeps no alerts. */
  readonly kept: KeptAlerts | undefined
  readonly observer: Observer | undefined
  readonly ready: () => Promise<void>
}

/** Creates the room. */
export function createAlerts({ store, kept, observer, ready }: AlertsRooms): Alerts {
  function required() {
    if (kept !== undefined) return kept
    throw new ConfigError('alerts: takes a store that keeps alerts, such as sqlite(…) or postgres(…)')
  }

  async function find(id: string, context: ManageContext | undefined): Promise<AlertRecord> {
    const { alerts } = required()
    const only = ownerOf(context?.actor)
    if (typeof id !== 'string' || !isAlertId(id)) throw missing()
    await ready()
    const found = await alerts.findAlert(id)
    if (found === undefined || (only !== undefined && found.owner !== only)) throw missing()
    return found
  }

  async function change(
    id: string,
    context: ManageContext | undefined,
    action: AuditAction,
    plan: (record: AlertRecord, at: Date) => Partial<AlertRecord> | undefined,
  ): Promise<Alert> {
    const { book } = required()
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const record = await find(id, context)
      if (record.state === 'resolved') throw new StoreConflictError('The alert is resolved.')
      const at = new Date(store.clock.now())
      const fields = plan(record, at)
      if (fields === undefined) return viewAlert(record)
      const audit = draftAudit(action, record, fields, context, at)
      const changed = await book.change(record, fields, at, undefined, audit)
      if (changed === undefined) continue
      const { keyId, owner, actor } = audit
      tell(observer, { type: 'changed', action, keyId, owner, actor, version: changed.version, fenced: true })
      return viewAlert(changed)
    }
    throw new StoreConflictError('The alert is being changed by others.')
  }

  return {
    isAvailable: kept !== undefined,

    async list(input = {}, context) {
      const { alerts } = required()
      const { owner: asked, limit, cursor, ...filters } = checkInput(alertListInput, input)
      const beforeId = cursor === undefined ? undefined : readCursor(cursor)
      const owner = asked ?? ownerOf(context?.actor)
      if (owner !== undefined) checkReach(context?.actor, owner)
      await ready()
      const found = await alerts.listAlerts({ ...filters, owner, beforeId, limit: limit + 1 })
      const items = found.slice(0, limit)
      const last = items.at(-1)
      return {
        items: items.map(viewAlert),
        nextCursor: found.length > limit && last !== undefined ? btoa(last.id) : null,
      }
    },

    get: async (id, context) => viewAlert(await find(id, context)),

    acknowledge: (id, context) =>
      change(id, context, 'alert.acknowledged', ({ state }, at) => {
        if (state === 'acknowledged') return undefined
        const acknowledgedBy = context?.actor?.id ?? null
        return { state: 'acknowledged', acknowledgedAt: at, acknowledgedBy, snoozedUntil: null }
      }),

    async snooze(id, input, context) {
      const { until } = checkInput(snoozeInput, input)
      return change(id, context, 'alert.snoozed', ({ state, snoozedUntil }, at) => {
        const ms = until.getTime() - at.getTime()
        if (ms <= 0) throw new InvalidInputError([{ path: ['until'], message: 'must lie in the future' }])
        if (ms > MOST_SNOOZE_MS)
          throw new InvalidInputError([{ path: ['until'], message: 'must lie at most 90 days from now' }])
        if (state === 'snoozed' && snoozedUntil?.getTime() === until.getTime()) return undefined
        return { state: 'snoozed', snoozedUntil: until }
      })
    },

    async check() {
      const { check, send } = required()
      if (check === undefined) throw new ConfigError('alerts: are switched off by createKeyward.alerts')
      await ready()
      await check.run()
      await send()
    },
  }
}

function readCursor(cursor: string): string {
  try {
    const id = atob(cursor)
    if (isAlertId(id)) return id
  } catch {
    // What is no base64 is no cursor either.
  }
  throw new InvalidInputError([{ path: ['cursor'], message: 'is not a cursor of this list' }])
}

function draftAudit(
  action: AuditAction,
  { id, owner, keyId, kind, state }: AlertRecord,
  { snoozedUntil }: Partial<AlertRecord>,
  context: ManageContext | undefined,
  at: Date,
): AuditDraft {
  const until = snoozedUntil == null ? {} : { until: snoozedUntil.toISOString() }
  return {
    ...{ action, owner, keyId, actor: context?.actor?.id ?? null, address: context?.address ?? null },
    ...{ requestId: context?.requestId ?? null, at, details: { alertId: id, kind, before: state, ...until } },
  }
}

function missing(): NotFoundError {
  return new NotFoundError('There is no such alert.')
}
