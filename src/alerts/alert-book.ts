import { type Observer, tell } from '../events.ts'
import { createUlids } from '../keys/key-id.ts'
import type { AlertOpening, AlertRecord, AlertStore, DeliveryDraft } from '../model/alert-store.ts'
import type { AuditDraft } from '../model/audit-entry.ts'
import { showAlert, viewAlert } from './alert.ts'

/** What an alert is to say. */
export type AlertDraft = Pick<AlertRecord, 'owner' | 'keyId' | 'kind' | 'subject' | 'reason' | 'details'>

/** Who is told of a change: those who wait for openings, or for ends. */
export type AlertTidings = 'alert.opened' | 'alert.resolved'

/** The most alerts that are opened in one transaction. */
const MOST_OPENINGS = 100

/** Opens alerts and changes them, each with the message that tells of it, and tells observers once that is durable. */
export interface AlertBook {
  /** Makes the opening of an alert, for whoever writes it together with something else, and then calls `tellOpened`. */
  draft(draft: AlertDraft, at: Date): AlertOpening
  tellOpened(opening: AlertOpening): void
  /** Opens those of which none of the same kind and subject is unresolved. @returns How many it opened. */
  open(drafts: readonly AlertDraft[], at: Date): Promise<number>
  /**
   * Changes an alert from the version that was read.
   *
   * @param tidings - What is told of it; `undefined` for what concerns nobody.
   * @returns The alert after it; `undefined` where somebody else was first.
   */
  change(
    record: AlertRecord,
    fields: Partial<AlertRecord>,
    at: Date,
    tidings?: AlertTidings,
    audit?: AuditDraft,
  ): Promise<AlertRecord | undefined>
}

/**
 * Creates the book.
 *
 * @param hasWebhook - Whether messages are written.
 * @param onDelivery - Is told that a message waits to be sent.
 */
export function createAlertBook(
  store: AlertStore,
  hasWebhook: boolean,
  observer: Observer | undefined,
  onDelivery: () => void,
): AlertBook {
  const nextId = createUlids()

  function message(type: AlertTidings, record: AlertRecord, at: Date): DeliveryDraft | null {
    if (!hasWebhook) return null
    const body = JSON.stringify({ type, timestamp: at.toISOString(), data: showAlert(viewAlert(record)) })
    return { id: `msg_${nextId(at.getTime())}`, body, at }
  }

  function draft(about: AlertDraft, at: Date): AlertOpening {
    const alert: AlertRecord = {
      ...about,
      ...{
        id: `alert_${nextId(at.getTime())}`,
        state: 'open',
        openedAt: at,
        acknowledgedAt: null,
        acknowledgedBy: null,
      },
      ...{ snoozedUntil: null, resolvedAt: null, calmSince: null, version: 1 },
    }
    return { alert, delivery: message('alert.opened', alert, at) }
  }

  function tellOpened({ alert, delivery }: AlertOpening): void {
    tell(observer, { type: 'alert_opened', alert: viewAlert(alert) })
    if (delivery !== null) onDelivery()
  }

  return {
    draft,
    tellOpened,

    async open(drafts, at) {
      let count = 0
      for (let start = 0; start < drafts.length; start += MOST_OPENINGS) {
        const openings = drafts.slice(start, start + MOST_OPENINGS).map((each) => draft(each, at))
        const areOpened = await store.openAlerts(openings)
        const opened = openings.filter((_, index) => areOpened[index])
        opened.forEach(tellOpened)
        count += opened.length
      }
      return count
    },

    async change(record, fields, at, tidings, audit = undefined) {
      const alert: AlertRecord = { ...record, ...fields, version: record.version + 1 }
      const delivery = tidings === undefined ? null : message(tidings, alert, at)
      if (!(await store.changeAlert({ alert, delivery, audit: audit ?? null }))) return undefined
      if (tidings !== undefined)
        tell(observer, {
          type: tidings === 'alert.opened' ? 'alert_opened' : 'alert_resolved',
          alert: viewAlert(alert),
        })
      if (delivery !== null) onDelivery()
      return alert
    },
  }
}
