/** What a store is like, found without changing anything in it. */
export interface StoreInspection {
  /** Product and version of what keeps the data, such as `SQLite 3.50.2`. */
  readonly server: string
  /** Migrations that were applied, in order. */
  readonly applied: readonly string[]
  /** Migrations of this version that are still to be applied, in order: {@link KeyStore.migrate} does it. */
  readonly pending: readonly string[]
  /** Migrations that this version does not know: those of a newer one. */
  readonly unknown: readonly string[]
  /**
   * Milliseconds that the server's wall clock is ahead of this machine's: below 0 where it is behind. `null` where it is the
   * same clock.
   */
  readonly clockAheadMs: number | null
  /** The process that has the right to serve, where only one may; `null` where none has it, or any number may. */
  readonly serving: ServingProcess | null
}

/** A process that serves requests on a store. */
export interface ServingProcess {
  /** Its process id: a whole number from 1. */
  readonly pid: number
  readonly host: string
  /** Instant at which it last said that it is alive. */
  readonly renewedAt: Date
}

/** What the servers of a gate are like; one that is not clustered has one. */
export interface GateInspection {
  readonly servers: readonly GateServer[]
}

/** A server of a gate. */
export interface GateServer {
  /** Product and version, such as `Redis 8.0.2`. */
  readonly server: string
  /** Milliseconds that its wall clock is ahead of this machine's; `null` where it does not say. */
  readonly clockAheadMs: number | null
  /** What becomes of keys when its memory is full: a gate needs `noeviction`. */
  readonly evictionPolicy: string
  /** Number of replicas that are connected to it. */
  readonly replicas: number
}
