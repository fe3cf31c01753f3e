import { randomUUID } from 'node:crypto'
import { readlinkSync } from 'node:fs'
import { hostname } from 'node:os'
import { clearInterval, setInterval } from 'node:timers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Clock } from '../../model/clock.ts'
import { ConfigError, StoreUnavailableError } from '../../model/errors.ts'
import type { ServingProcess } from '../../model/inspection.ts'
import type { Row } from '../sql/row-reader.ts'
import type { SqliteConnection } from './connection.ts'

/** How often the holder renews. */
const HEARTBEAT_MS = 2_000
/** How long a holder that renews nothing, and cannot be seen to be dead, is believed in; also how long one is waited for. */
const LEASE_MS = 6_000
const LOOK_MS = 100

/**
 * The right of one server to serve on a database file: each would have its own windows. A second one waits 6
 * seconds for the first to end (a rolling restart), and is refused if that one still renews. A holder whose process
 * is gone from this host is taken over from at once, one that is only silent after 6 seconds.
 */
export class ServingLease {
  readonly #connection: SqliteConnection
  readonly #clock: Clock
  readonly #id = randomUUID()
  readonly #host = describeHost()
  #heartbeat: ReturnType<typeof setInterval> | undefined
  #isReleased = false

  constructor(connection: SqliteConnection, clock: Clock) {
    this.#connection = connection
    this.#clock = clock
  }

  /** Whether the lease was ours when it was last renewed: one that a suspended process lost is noticed on waking. */
  get isHeld(): boolean {
    return this.#heartbeat !== undefined
  }

  /** @throws {ConfigError} When another living server still holds the lease after 6 seconds, at most 8. */
  async acquire(): Promise<void> {
    if (this.isHeld) return
    const begunAt = this.#clock.monotonic()
    let renewedAt: unknown
    let unchangedSince = begunAt
    for (;;) {
      const now = this.#clock.monotonic()
      const holder = await this.#take((row) => {
        if (row['renewed_at'] !== renewedAt) unchangedSince = now
        renewedAt = row['renewed_at']
        return now - unchangedSince >= LEASE_MS
      })
      if (holder === undefined) break
      const isAlive = now - unchangedSince < 2 * HEARTBEAT_MS
      if (isAlive && now - begunAt >= LEASE_MS) throw refusal(holder)
      await sleep(LOOK_MS)
      if (this.#isReleased) throw new StoreUnavailableError('The SQLite store was closed.')
    }
    this.#heartbeat = setInterval(() => void this.#renew(), HEARTBEAT_MS).unref()
    if (this.#isReleased) await this.release()
  }

  /** Gives the lease back, so that the next server need not wait; also one that is just being acquired. */
  async release(): Promise<void> {
    this.#isReleased = true
    if (!this.isHeld) return
    this.#stop()
    await this.#connection.write(() => this.#connection.run('DELETE FROM keyward_servers WHERE id = ?', this.#id))
  }

  /** Takes the lease unless somebody living holds it. @returns Who does. */
  async #take(isSilent: (row: Row) => boolean): Promise<Row | undefined> {
    return this.#connection.write(() => {
      const row = this.#connection.get('SELECT pid, host, renewed_at FROM keyward_servers')
      if (row !== undefined && !isSilent(row) && !this.#isDead(row)) return row
      this.#connection.run(
        'INSERT OR REPLACE INTO keyward_servers (slot, id, pid, host, renewed_at) VALUES (1, ?, ?, ?, ?)',
        ...[this.#id, process.pid, this.#host, this.#clock.now()],
      )
      return undefined
    })
  }

  /** A holder on this host is dead when its process is; one elsewhere when it was due to renew long ago. */
  #isDead(row: Row): boolean {
    if (row['host'] === this.#host) return !processExists(Number(row['pid']))
    return this.#clock.now() - Number(row['renewed_at']) > LEASE_MS
  }

  async #renew(): Promise<void> {
    try {
      const update = 'UPDATE keyward_servers SET renewed_at = ? WHERE id = ?'
      const renewed = await this.#connection.write(() => this.#connection.run(update, this.#clock.now(), this.#id))
      if (renewed === 0) this.#stop()
    } catch {
      // The next beat tries again; a database that cannot be written cannot be taken over either.
    }
  }

  #stop(): void {
    clearInterval(this.#heartbeat)
    this.#heartbeat = undefined
  }
}

/** Who holds the lease, alive or not. */
export function readHolder(connection: SqliteConnection): ServingProcess | null {
  const row = connection.get('SELECT pid, host, renewed_at FROM keyward_servers')
  if (row === undefined) return null
  return { pid: Number(row['pid']), host: String(row['host']), renewedAt: new Date(Number(row['renewed_at'])) }
}

/** Names where a pid means something: on Linux the namespace too, since containers may share a host's name. */
function describeHost(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`
  } catch {
    return hostname()
  }
}

function processExists(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as { code?: unknown }).code !== 'ESRCH'
  }
}

function refusal(holder: Row): ConfigError {
  return new ConfigError(
    `sqlite(): process ${holder['pid']} on ${holder['host']} already serves on this file. Each server would count ` +
      'its own windows: stop one, or share them in Postgres or Redis.',
  )
}
