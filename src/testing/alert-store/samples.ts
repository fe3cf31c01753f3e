import type {
  AlertChange,
  AlertOpening,
  AlertRecord,
  AlertStore,
  DeliveryDraft,
  NetworkUse,
} from '../../model/alert-store.ts'
import type { KeyStore } from '../../model/key-store.ts'
import { expectEqual, expectThat } from '../expectations.ts'
import { type KeyStoreCase, keyStoreCase } from '../key-store/key-store-case.ts'
import { instant, sampleAudit } from '../key-store/samples.ts'
import { draw } from '../ledger/samples.ts'

/** The alerts of a store, which must have some. */
export function alertsOf({ alerts }: KeyStore): AlertStore {
  expectThat(alerts !== undefined, 'the store has no alerts')
  return alerts
}

/** Makes a case of a body that is given the alerts of an open, empty store, that store, and a way to open another on the same data. */
export function alertStoreCase(
  name: string,
  body: (alerts: AlertStore, store: KeyStore, reopen: () => Promise<KeyStore>) => Promise<void>,
): KeyStoreCase {
  return keyStoreCase(name, (store, reopen) => body(alertsOf(store), store, reopen))
}

/** An open alert about a key; its id and subject are new each time. */
export function sampleAlert(fields: Partial<AlertRecord> = {}): AlertRecord {
  return {
    id: `alert_${crypto.randomUUID().replaceAll('-', '').slice(0, 26).toUpperCase()}`,
    owner: 'acme',
    keyId: 'key_1',
    kind: 'rotation_due',
    subject: `key_${draw()}`,
    state: 'open',
    reason: 'The key is 91 days old.',
    details: { ageDays: 91, series: [{ at: '2026-01-01T00:00:00.000Z', value: 0.5 }] },
    openedAt: instant(),
    acknowledgedAt: null,
    acknowledgedBy: null,
    snoozedUntil: null,
    resolvedAt: null,
    calmSince: null,
    version: 1,
    ...fields,
  }
}

/** A message at an instant; its id is new each time. */
export function sampleDelivery(offsetMs = 0): DeliveryDraft {
  const id = `msg_${draw()}`
  return { id, body: `{"id":"${id}","text":"é 𝄞"}`, at: instant(offsetMs) }
}

/** An opening of an alert. */
export function opening(alert: AlertRecord = sampleAlert(), delivery: DeliveryDraft | null = null): AlertOpening {
  return { alert, delivery }
}

/** Opens an alert that must not be held. */
export async function openOne(
  alerts: AlertStore,
  fields: Partial<AlertRecord> = {},
  delivery: DeliveryDraft | null = null,
): Promise<AlertRecord> {
  const alert = sampleAlert(fields)
  expectEqual(await alerts.openAlerts([{ alert, delivery }]), [true], 'an opening')
  return alert
}

/** A change to an alert, by an actor. */
export function changing(
  alert: AlertRecord,
  fields: Partial<AlertRecord>,
  rest: Partial<AlertChange> = {},
): AlertChange {
  return {
    alert: { ...alert, version: alert.version + 1, ...fields },
    delivery: null,
    audit: sampleAudit({ owner: alert.owner, action: 'alert.acknowledged' }),
    ...rest,
  }
}

/** The end of an alert. */
export function resolving(alert: AlertRecord, offsetMs = 1_000, delivery: DeliveryDraft | null = null): AlertChange {
  return changing(alert, { state: 'resolved', resolvedAt: instant(offsetMs) }, { delivery, audit: null })
}

/** A use of a lineage from a network. */
export function networkUse(lineage: string, network: string): NetworkUse {
  const about = { kind: 'new_network', owner: 'acme', keyId: lineage } as const
  return {
    lineage,
    network,
    at: instant(),
    whenNew: opening(sampleAlert({ ...about, subject: `${lineage} ${network}` }), sampleDelivery()),
    whenFull: opening(sampleAlert({ ...about, subject: `${lineage} *` })),
  }
}

/** Subjects of a list, in its order. */
export async function subjectsOf(alerts: AlertStore, state?: 'unresolved'): Promise<readonly string[]> {
  return (await alerts.listAlerts({ state, limit: 1_000 })).map(({ subject }) => subject)
}
