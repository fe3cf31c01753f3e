import {
  type AlertChange,
  type AlertOpening,
  type AlertQuery,
  type AlertRecord,
  type AlertStore,
  type ClaimedDelivery,
  type DeliveryDraft,
  holdOf,
  type NetworkOutcome,
  type NetworkUse,
  type Turn,
} from '../../model/alert-store.ts'
import type { AuditDraft } from '../../model/audit-entry.ts'

interface Delivery {
  readonly body: string
  readonly createdAt: Date
  attempts: number
  nextAt: Date
  token: string | null
}

/** Stands for the alert that says that a lineage has more networks than are kept. */
const FULL = '*'

/** Alerts, networks and messages in this process's memory. */
export class MemoryAlerts implements AlertStore {
  readonly #appendAudit: (draft: AuditDraft) => Promise<void>
  readonly #alerts = new Map<string, AlertRecord>()
  /** Ids of unresolved alerts, by what they are about. */
  readonly #holds = new Map<string, string>()
  readonly #networks = new Map<string, Set<string>>()
  readonly #deliveries = new Map<string, Delivery>()
  readonly #turns = new Map<string, number>()
  readonly #places = new Map<string, string>()

  /** @param appendAudit - Adds an entry to its owner's chain at once, and resolves when it has its hash. */
  constructor(appendAudit: (draft: AuditDraft) => Promise<void>) {
    this.#appendAudit = appendAudit
  }

  async openAlerts(openings: readonly AlertOpening[]): Promise<readonly boolean[]> {
    return openings.map((opening) => this.#open(opening))
  }

  async changeAlert({ alert, delivery, audit }: AlertChange): Promise<boolean> {
    const stored = this.#alerts.get(alert.id)
    if (stored === undefined || stored.version !== alert.version - 1) return false
    this.#alerts.set(alert.id, structuredClone(alert))
    if (alert.state === 'resolved') this.#holds.delete(holdOf(alert))
    this.#keep(delivery)
    if (audit !== null) await this.#appendAudit(audit)
    return true
  }

  async findAlert(id: string): Promise<AlertRecord | undefined> {
    return structuredClone(this.#alerts.get(id))
  }

  async listAlerts({ owner, keyId, state, beforeId, limit }: AlertQuery): Promise<readonly AlertRecord[]> {
    const found = Array.from(this.#alerts.values())
      .filter((alert) => owner === undefined || alert.owner === owner)
      .filter((alert) => keyId === undefined || alert.keyId === keyId)
      .filter((alert) => state === undefined || (state === 'unresolved' ? isHeld(alert) : alert.state === state))
      .filter((alert) => beforeId === undefined || alert.id < beforeId)
      .sort((one, other) => (one.id < other.id ? 1 : -1))
    return structuredClone(found.slice(0, limit))
  }

  async removeResolved(before: Date, limit: number): Promise<number> {
    const old = Array.from(this.#alerts.values()).filter(({ resolvedAt }) => resolvedAt !== null && resolvedAt < before)
    const waiting = Array.from(this.#deliveries).filter(([, { createdAt }]) => createdAt < before)
    for (const { id } of old.slice(0, limit)) this.#alerts.delete(id)
    for (const [id] of waiting.slice(0, limit)) this.#deliveries.delete(id)
    return Math.min(old.length, limit)
  }

  async noteNetworks(uses: readonly NetworkUse[], most: number): Promise<readonly NetworkOutcome[]> {
    return uses.map(({ lineage, network, whenNew, whenFull }) => {
      const kept = this.#networks.get(lineage) ?? new Set()
      this.#networks.set(lineage, kept)
      if (kept.has(network)) return 'known'
      const isFull = (kept.has(FULL) ? kept.size - 1 : kept.size) >= most
      if (isFull && kept.has(FULL)) return 'left'
      kept.add(isFull ? FULL : network)
      if (kept.size === 1) return 'first'
      this.#open(isFull ? whenFull : whenNew)
      return isFull ? 'full' : 'new'
    })
  }

  async claimDeliveries(at: Date, leaseUntil: Date, token: string, limit: number): Promise<readonly ClaimedDelivery[]> {
    const due = Array.from(this.#deliveries)
      .filter(([, { nextAt }]) => nextAt <= at)
      .sort(([one, { nextAt }], [other, second]) => Number(nextAt) - Number(second.nextAt) || (one < other ? -1 : 1))
    return due.slice(0, limit).map(([id, delivery]) => {
      delivery.attempts += 1
      delivery.nextAt = new Date(leaseUntil)
      delivery.token = token
      return { id, body: delivery.body, createdAt: new Date(delivery.createdAt), attempt: delivery.attempts }
    })
  }

  async endDelivery(id: string, token: string, nextAt: Date | null): Promise<boolean> {
    const delivery = this.#deliveries.get(id)
    if (delivery?.token !== token) return false
    delivery.token = null
    if (nextAt === null) this.#deliveries.delete(id)
    else delivery.nextAt = new Date(nextAt)
    return true
  }

  async takeTurn({ name, at, nextAt, latest }: Turn): Promise<boolean> {
    const next = this.#turns.get(name) ?? 0
    if (next > at.getTime() && next <= latest.getTime()) return false
    this.#turns.set(name, nextAt.getTime())
    return true
  }

  async keepPlace(name: string, place: string): Promise<void> {
    this.#places.set(name, place)
  }

  async findPlace(name: string): Promise<string> {
    return this.#places.get(name) ?? ''
  }

  #open({ alert, delivery }: AlertOpening): boolean {
    if (this.#holds.has(holdOf(alert))) return false
    this.#alerts.set(alert.id, structuredClone(alert))
    this.#holds.set(holdOf(alert), alert.id)
    this.#keep(delivery)
    return true
  }

  #keep(delivery: DeliveryDraft | null): void {
    if (delivery === null) return
    const { id, body, at } = delivery
    this.#deliveries.set(id, { body, createdAt: new Date(at), attempts: 0, nextAt: new Date(at), token: null })
  }
}

function isHeld({ state }: AlertRecord): boolean {
  return state !== 'resolved'
}
