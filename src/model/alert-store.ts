import type { AuditDraft } from './audit-entry.ts'
import type { Metadata } from './key-record.ts'

/** What an alert is about. */
export type AlertKind = 'rate_spike' | 'error_spike' | 'new_network' | 'credits_low' | 'expiry_near' | 'rotation_due'

/** Where an alert stands: nobody has looked yet, somebody has, not before an instant, or it no longer holds. */
export type AlertState = 'open' | 'acknowledged' | 'snoozed' | 'resolved'

/** What is stored of an alert. Instants are UTC; it holds no key, no digest, and of clients nothing but a network. */
export interface AlertRecord {
  /** `alert_` and a ULID: ids sort by opening. */
  readonly id: string
  readonly owner: string
  /** Key that it is about; `null` where it is about the owner's credits. */
  readonly keyId: string | null
  readonly kind: AlertKind
  /** What it is about, within its kind: of each kind and subject at most one alert is unresolved. At most 1,100 bytes. */
  readonly subject: string
  readonly state: AlertState
  /** One English sentence. */
  readonly reason: string
  /** The numbers behind it, as JSON of at most 16,384 characters. */
  readonly details: Metadata
  readonly openedAt: Date
  readonly acknowledgedAt: Date | null
  /** Id of the actor; `null` where the application itself acknowledged it, or nobody has. */
  readonly acknowledgedBy: string | null
  /** Until when it is quiet; `null` unless it is snoozed. */
  readonly snoozedUntil: Date | null
  readonly resolvedAt: Date | null
  /** Since when what it warns of has not been seen; `null` while it is seen. */
  readonly calmSince: Date | null
  /** Raised by one with each change; 1 when it is opened. */
  readonly version: number
}

/** A message that somebody shall get of a change to an alert. Written with the change, so that a crash loses none. */
export interface DeliveryDraft {
  /** `msg_` and a ULID: the same at every try. */
  readonly id: string
  /** What is sent, at most 32,768 characters. */
  readonly body: string
  readonly at: Date
}

/** An alert that is to be opened. */
export interface AlertOpening {
  readonly alert: AlertRecord
  readonly delivery: DeliveryDraft | null
}

/** A change to an alert. */
export interface AlertChange extends AlertOpening {
  /** The whole alert after the change; its `version` is one above the stored one. Id, owner, key, kind and subject never change. */
  readonly alert: AlertRecord
  /** Joins its owner's chain in the same transaction; `null` for what happens by itself. */
  readonly audit: AuditDraft | null
}

/** A page of alerts, newest first. */
export interface AlertQuery {
  /** Only this owner's; `undefined` lists every owner's. */
  readonly owner?: string | undefined
  readonly keyId?: string | undefined
  /** `'unresolved'` is every state but `'resolved'`. */
  readonly state?: AlertState | 'unresolved' | undefined
  /** Only ids below this one. */
  readonly beforeId?: string | undefined
  /** At most this many: 1 to 1,000. */
  readonly limit: number
}

/** A use of a key from a network that the process has not seen it use. */
export interface NetworkUse {
  readonly lineage: string
  /** At most 64 bytes. */
  readonly network: string
  readonly at: Date
  /** Opened where the network is new, and not the lineage's first. */
  readonly whenNew: AlertOpening
  /** Opened, once, where the lineage has as many networks as are kept: the network is not kept then. */
  readonly whenFull: AlertOpening
}

/**
 * - `known`: the lineage has been used from the network before.
 * - `first`: it is the lineage's first network, and kept.
 * - `new`: it is kept, and its alert was opened.
 * - `full`: it is not kept, and the alert that says so was opened.
 * - `left`: it is not kept, and that was said before.
 */
export type NetworkOutcome = 'known' | 'first' | 'new' | 'full' | 'left'

/** A message that is to be sent, claimed by whoever shows the token. */
export interface ClaimedDelivery {
  readonly id: string
  readonly body: string
  /** When the alert was changed. */
  readonly createdAt: Date
  /** Tries so far, this one among them: a whole number from 1. */
  readonly attempt: number
}

/** Asks for a turn at something that one of several processes does, now and then. */
export interface Turn {
  readonly name: string
  readonly at: Date
  /** When the next one may have it. */
  readonly nextAt: Date
  /** A stored instant beyond this one was written by a clock that was wrong, and keeps nobody waiting. */
  readonly latest: Date
}

/**
 * Keeps alerts, the networks that keys are used from, and messages that wait to be sent. Opened with the store that it is
 * part of; each method is one atomic step. A driver passes `alertStoreContract` of `keyward/testing`.
 */
export interface AlertStore {
  /**
   * Opens alerts (at most 500), each with its message, unless one of its kind and subject is unresolved.
   *
   * @returns Whether each was opened, in order.
   */
  openAlerts(openings: readonly AlertOpening[]): Promise<readonly boolean[]>

  /** Changes an alert, with its message and its audit entry. @returns Whether its version was the one expected; else nothing was done. */
  changeAlert(change: AlertChange): Promise<boolean>

  /** Finds an alert by its id. */
  findAlert(id: string): Promise<AlertRecord | undefined>

  /** Lists alerts, newest first (by id, descending). */
  listAlerts(query: AlertQuery): Promise<readonly AlertRecord[]>

  /**
   * Removes alerts that were resolved before an instant, and messages that have waited since before it, a whole number of
   * each at most.
   *
   * @returns How many alerts it removed.
   */
  removeResolved(before: Date, limit: number): Promise<number>

  /**
   * Keeps networks of lineages (at most 100 uses), in one transaction with the alerts that follow from them.
   *
   * @param most - How many networks are kept of a lineage: a whole number from 1.
   */
  noteNetworks(uses: readonly NetworkUse[], most: number): Promise<readonly NetworkOutcome[]>

  /**
   * Claims messages whose time has come, oldest first, a whole number of them at most: until `leaseUntil` nobody else gets
   * them. Each claim counts as a try.
   */
  claimDeliveries(at: Date, leaseUntil: Date, token: string, limit: number): Promise<readonly ClaimedDelivery[]>

  /**
   * Ends a try: the message is to be sent again at an instant, or is done with (`null`) and removed.
   *
   * @returns Whether the token was still its own; else nothing was done.
   */
  endDelivery(id: string, token: string, nextAt: Date | null): Promise<boolean>

  /** Takes a turn whose time has come; of several at once, one gets it. */
  takeTurn(turn: Turn): Promise<boolean>

  /** Keeps where something that is done in parts has got to: a text of at most 1,024 characters. */
  keepPlace(name: string, place: string): Promise<void>

  /** Reads it; the empty string before anything was kept. */
  findPlace(name: string): Promise<string>
}

/** Names what at most one unresolved alert is about. */
export function holdOf({ kind, subject }: Pick<AlertRecord, 'kind' | 'subject'>): string {
  return `${kind} ${subject}`
}
