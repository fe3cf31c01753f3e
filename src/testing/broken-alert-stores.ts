import type { AlertRecord, AlertStore } from '../model/alert-store.ts'
import type { Clock } from '../model/clock.ts'
import { memory } from '../stores/memory/memory-store.ts'
import type { BrokenStore } from './broken-stores.ts'

const VERSION = 'changes an alert only from the version that is expected'
const LISTS = 'lists alerts by owner, key and state, newest first, page by page'
const REMOVES = 'removes alerts that were resolved before an instant, so many at a time'
const LEASE = 'hands a message out again when its lease has ended, and counts the try'
const FULL = 'keeps so many networks of a lineage, and says once that there are more'

/** Stores whose alerts are broken on purpose, each with the sentence of `alertStoreContract` that finds it out. */
export const brokenAlertStores: readonly BrokenStore[] = [
  broken('drops details', 'returns an alert as it was opened, here and elsewhere', (alerts) => ({
    async findAlert(id) {
      const found = await alerts.findAlert(id)
      return found && { ...found, details: {} }
    },
  })),

  broken('opens whatever comes', 'holds one unresolved alert of a kind and subject', (alerts) => ({
    async openAlerts(openings) {
      return Promise.all(
        openings.map(async (opening, index) => {
          const subject = `${opening.alert.subject} ${index} ${opening.alert.id}`
          const [isOpened = false] = await alerts.openAlerts([{ ...opening, alert: { ...opening.alert, subject } }])
          return isOpened
        }),
      )
    },
  })),

  broken('takes subjects whatever their case', 'holds one unresolved alert of a kind and subject', (alerts) => ({
    openAlerts: (openings) =>
      alerts.openAlerts(
        openings.map(({ alert, delivery }) => ({
          alert: { ...alert, subject: alert.subject.toLowerCase() },
          delivery,
        })),
      ),
  })),

  broken('holds what is resolved', 'opens the same anew once it is resolved', (alerts) => {
    const opened = new Set<string>()
    return {
      async openAlerts(openings) {
        const fresh = openings.filter(({ alert }) => !opened.has(`${alert.kind} ${alert.subject}`))
        for (const { alert } of fresh) opened.add(`${alert.kind} ${alert.subject}`)
        return fresh.length === 0 ? openings.map(() => false) : alerts.openAlerts(fresh)
      },
    }
  }),

  broken('looks, then opens', 'opens the same alert once for 20 at once', (alerts) => ({
    async openAlerts(openings) {
      const held = await alerts.listAlerts({ state: 'unresolved', limit: 1_000 })
      await nextTurn()
      const isFree = ({ subject }: AlertRecord) => !held.some((each) => each.subject === subject)
      const free = openings.filter(({ alert }) => isFree(alert))
      for (const { alert, delivery } of free)
        await alerts.openAlerts([{ alert: { ...alert, subject: alert.id }, delivery }])
      return openings.map(({ alert }) => isFree(alert))
    },
  })),

  broken('changes any version', VERSION, (alerts) => ({
    async changeAlert(change) {
      const stored = await alerts.findAlert(change.alert.id)
      const version = (stored?.version ?? 0) + 1
      return alerts.changeAlert({ ...change, alert: { ...change.alert, version } })
    },
  })),

  broken('audits what it does not do', VERSION, (alerts, append) => ({
    async changeAlert(change) {
      if (change.audit !== null) await append(change.audit)
      return alerts.changeAlert({ ...change, audit: null })
    },
  })),

  broken('reads, then changes', 'makes one of 10 changes at once', (alerts) => ({
    async changeAlert(change) {
      const stored = await alerts.findAlert(change.alert.id)
      await nextTurn()
      if (stored?.version !== change.alert.version - 1) return false
      const version = ((await alerts.findAlert(change.alert.id))?.version ?? 0) + 1
      return alerts.changeAlert({ ...change, alert: { ...change.alert, version } })
    },
  })),

  broken('lists every owner', LISTS, (alerts) => ({
    listAlerts: ({ owner: _, ...query }) => alerts.listAlerts(query),
  })),

  broken('lists resolved ones as unresolved', LISTS, (alerts) => ({
    listAlerts: ({ state, ...query }) => alerts.listAlerts(state === 'unresolved' ? query : { ...query, state }),
  })),

  broken('lists the oldest first', LISTS, (alerts) => ({
    listAlerts: async (query) => (await alerts.listAlerts(query)).toReversed(),
  })),

  broken('removes too early', REMOVES, (alerts) => ({
    removeResolved: (before, limit) => alerts.removeResolved(new Date(before.getTime() + 1), limit),
  })),

  broken('removes all at once', REMOVES, (alerts) => ({
    removeResolved: (before) => alerts.removeResolved(before, 999),
  })),

  broken('gives a turn to everybody', 'gives a turn to one of 10 at once, when its time has come', () => ({
    takeTurn: async () => true,
  })),

  broken('believes any clock', 'lets no clock that was wrong keep everybody waiting', (alerts) => ({
    takeTurn: (turn) => alerts.takeTurn({ ...turn, latest: new Date(8.64e15) }),
  })),

  broken('gives a turn back with a place', 'keeps a place beside the turn of the same name', (alerts) => {
    let isFree = false
    return {
      async keepPlace(name, place) {
        isFree = true
        await alerts.keepPlace(name, place)
      },
      takeTurn: async (turn) => isFree || alerts.takeTurn(turn),
    }
  }),

  broken('loses the message of a change', 'keeps the message of an opening and of a change', (alerts) => ({
    changeAlert: (change) => alerts.changeAlert({ ...change, delivery: null }),
  })),

  broken('hands messages to everybody', 'hands each message to one of 10 that claim at once', (alerts) => ({
    claimDeliveries: (at, _, token, limit) => alerts.claimDeliveries(at, at, token, limit),
  })),

  broken('ends for an old token', LEASE, (alerts) => {
    const tokens = new Map<string, string>()
    return {
      async claimDeliveries(at, leaseUntil, token, limit) {
        const claimed = await alerts.claimDeliveries(at, leaseUntil, token, limit)
        for (const { id } of claimed) tokens.set(id, token)
        return claimed
      },
      endDelivery: (id, token, nextAt) => alerts.endDelivery(id, tokens.get(id) ?? token, nextAt),
    }
  }),

  broken('counts no tries', LEASE, (alerts) => ({
    async claimDeliveries(...claim) {
      return (await alerts.claimDeliveries(...claim)).map((each) => ({ ...each, attempt: 1 }))
    },
  })),

  broken('sends again at once', 'puts a message off to an instant', (alerts) => ({
    endDelivery: (id, token, nextAt) => alerts.endDelivery(id, token, nextAt && new Date(0)),
  })),

  broken('keeps messages for ever', 'removes messages that nobody has sent for long', () => ({
    removeResolved: async () => 0,
  })),

  broken(
    'opens an alert for a first network',
    'keeps a first network, and opens an alert for each new one',
    (alerts) => ({
      async noteNetworks(uses, most) {
        await alerts.openAlerts(uses.map(({ whenNew }) => whenNew))
        return alerts.noteNetworks(uses, most)
      },
    }),
  ),

  broken('keeps every network', FULL, (alerts) => ({ noteNetworks: (uses) => alerts.noteNetworks(uses, 1_000) })),

  broken('looks at networks, then keeps them', 'takes one of 10 networks at once for the first', (alerts) => {
    const kept = new Set<string>()
    return {
      async noteNetworks(uses, most) {
        const wasEmpty = kept.size === 0
        await nextTurn()
        for (const { network } of uses) kept.add(network)
        const outcomes = await alerts.noteNetworks(uses, most)
        return wasEmpty ? outcomes.map(() => 'first' as const) : outcomes
      },
    }
  }),
]

function broken(
  name: string,
  caughtBy: string,
  breakIt: (alerts: AlertStore, append: (draft: Parameters<Append>[0][number]) => Promise<void>) => Partial<AlertStore>,
): BrokenStore {
  return {
    name,
    caughtBy,
    create(clock: Clock) {
      const store = memory({ losesDataOnExit: true, clock })
      const alerts = methodsOf(store.alerts as AlertStore)
      return { ...store, alerts: { ...alerts, ...breakIt(alerts, (draft) => store.appendAudit([draft])) } }
    },
  }
}

type Append = ReturnType<typeof memory>['appendAudit']

function methodsOf(alerts: AlertStore): AlertStore {
  return {
    openAlerts: (openings) => alerts.openAlerts(openings),
    changeAlert: (change) => alerts.changeAlert(change),
    findAlert: (id) => alerts.findAlert(id),
    listAlerts: (query) => alerts.listAlerts(query),
    removeResolved: (before, limit) => alerts.removeResolved(before, limit),
    noteNetworks: (uses, most) => alerts.noteNetworks(uses, most),
    claimDeliveries: (...claim) => alerts.claimDeliveries(...claim),
    endDelivery: (...end) => alerts.endDelivery(...end),
    takeTurn: (turn) => alerts.takeTurn(turn),
    keepPlace: (name, place) => alerts.keepPlace(name, place),
    findPlace: (name) => alerts.findPlace(name),
  }
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}
