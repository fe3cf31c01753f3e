import { createAlertBook } from './alerts/alert-book.ts'
import { createAlertCheck } from './alerts/alert-check.ts'
import { type Alerts, createAlerts } from './alerts/alerts.ts'
import { createBusyKeys } from './alerts/busy-keys.ts'
import { createCreditNotes } from './alerts/credit-notes.ts'
import { createDeliveries } from './alerts/deliveries.ts'
import { createNetworkNotes, type NetworkNotes } from './alerts/network-notes.ts'
import { createSpikeCheck } from './alerts/spike-check.ts'
import { createSender } from './alerts/webhook.ts'
import { addressHeader } from './credential/client-address.ts'
import { tell } from './events.ts'
import type { KeyStore } from './model/key-store.ts'
import type { Ledger } from './model/ledger.ts'
import type { UsageStore } from './model/usage-store.ts'
import type { AlertsOptions, KeywardOptions } from './options.ts'

/** Everything about alerts, and what the walk of a request has to do with them. */
export interface Alerting {
  readonly alerts: Alerts
  /** Notices where keys are used from; `undefined` where nobody asks, or nobody knows the client's address. */
  readonly networks: NetworkNotes | undefined
  /** Makes a ledger that notices what requests leave. */
  watchLedger(ledger: Ledger): Ledger
  /** Makes a store of counts that notices which keys are busy. */
  watchUsage(usage: UsageStore): UsageStore
  /** Begins to evaluate and to send. */
  start(): void
  /** Writes what was noticed, and ends. Never rejects. */
  close(): Promise<void>
}

/** What the composition has already. */
export interface AlertingRooms {
  readonly options: KeywardOptions
  readonly store: KeyStore
  readonly ready: () => Promise<void>
}

/** How long a receiver has to answer: 10 seconds, in milliseconds. */
const WEBHOOK_TIMEOUT_MS = 10_000

/** Composes the room: nothing of it for a store that keeps no alerts, and nothing that watches where it is switched off. */
export function composeAlerts({ options, store, ready }: AlertingRooms): Alerting {
  const { onEvent: observer, clientAddress } = options
  const { alerts, clock, ledger } = store
  const usage = options.usage === false ? undefined : store.usage
  const chosen: AlertsOptions | undefined = options.alerts === false ? undefined : (options.alerts ?? {})
  const failed = failureTeller(options)
  if (alerts === undefined) return { ...NOTHING, alerts: createAlerts({ store, kept: undefined, observer, ready }) }
  const send = chosen?.webhook && createSender(chosen.webhook, WEBHOOK_TIMEOUT_MS)
  const deliveries = send && createDeliveries({ store: alerts, clock, send, observer, failed: failed('deliveries') })
  const book = createAlertBook(alerts, deliveries !== undefined, observer, () => deliveries?.wake())
  if (chosen === undefined)
    return {
      ...NOTHING,
      alerts: createAlerts({ store, kept: { alerts, book, check: undefined, send: async () => {} }, observer, ready }),
    }

  const { creditsBelow } = chosen
  const { newNetworks = true } = chosen
  const networks =
    clientAddress === undefined || !newNetworks
      ? undefined
      : createNetworkNotes({
          store: alerts,
          clock,
          book,
          header: addressHeader(clientAddress),
          failed: failed('networks'),
        })
  const credits =
    ledger && creditsBelow
      ? createCreditNotes({ ledger, clock, book, below: creditsBelow, failed: failed('credits') })
      : undefined
  const floors = { requests: chosen.minimumRequests ?? 300, errors: chosen.minimumErrors ?? 20 }
  const busy = createBusyKeys(floors)
  const flush = async () => {
    await Promise.all([networks?.flush(), credits?.flush()])
  }
  const check = createAlertCheck({
    ...{ store, alerts, book, creditsBelow, flush, failed: failed('check') },
    spikes: usage && createSpikeCheck(store, usage, floors, busy),
    terms: {
      rotationAgeDays: chosen.rotationAgeDays === false ? undefined : (chosen.rotationAgeDays ?? 90),
      expiryWithinDays: chosen.expiryWithinDays === false ? undefined : (chosen.expiryWithinDays ?? 7),
    },
  })

  return {
    alerts: createAlerts({
      store,
      kept: { alerts, book, check, send: async () => deliveries?.run() },
      observer,
      ready,
    }),
    networks,
    watchLedger: (watched) => credits?.watch(watched) ?? watched,
    watchUsage: (watched) => busy.watch(watched),
    start() {
      check.start()
      deliveries?.start()
    },
    async close() {
      await check.close()
      await Promise.all([networks?.close(), credits?.close()])
      await deliveries?.close()
    },
  }
}

const NOTHING: Omit<Alerting, 'alerts'> = {
  networks: undefined,
  watchLedger: (ledger) => ledger,
  watchUsage: (usage) => usage,
  start() {},
  async close() {},
}

/** Tells once that something of the room fails, and once that all of it works again. */
function failureTeller({ onEvent: observer }: KeywardOptions): (name: string) => (cause: unknown) => void {
  const failing = new Set<string>()
  return (name) => (cause) => {
    if (cause !== undefined) {
      if (failing.size === 0) tell(observer, { type: 'degraded', part: 'alerts', cause })
      failing.add(name)
    } else if (failing.delete(name) && failing.size === 0) {
      tell(observer, { type: 'recovered', part: 'alerts' })
    }
  }
}
