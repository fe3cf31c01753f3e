import type { AlertStore } from '../model/alert-store.ts'
import type { StoreGuard } from './guarded-ledger.ts'

/** Guards alerts as the store that they are part of. */
export function guardAlerts(alerts: AlertStore, { read, write }: StoreGuard): AlertStore {
  return {
    openAlerts: (openings) => write(async () => alerts.openAlerts(openings), openings.length),
    changeAlert: (change) => write(async () => alerts.changeAlert(change)),
    findAlert: (id) => read(async () => alerts.findAlert(id)),
    listAlerts: (query) => read(async () => alerts.listAlerts(query)),
    removeResolved: (before, limit) => write(async () => alerts.removeResolved(before, limit), limit),
    noteNetworks: (uses, most) => write(async () => alerts.noteNetworks(uses, most), uses.length),
    claimDeliveries: (at, leaseUntil, token, limit) =>
      write(async () => alerts.claimDeliveries(at, leaseUntil, token, limit), limit),
    endDelivery: (id, token, nextAt) => write(async () => alerts.endDelivery(id, token, nextAt)),
    takeTurn: (turn) => write(async () => alerts.takeTurn(turn)),
    keepPlace: (name, place) => write(async () => alerts.keepPlace(name, place)),
    findPlace: (name) => read(async () => alerts.findPlace(name)),
  }
}
